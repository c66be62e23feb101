// Package zmqconn speaks ZMTP, the protocol between ZeroMQ sockets, in version 3.1 (RFC 37), 3.0
// (RFC 23) and 2.0 (RFC 15), without security or with CURVE (RFC 26).
package zmqconn

import (
	"errors"
	"fmt"
	"slices"
)

// Kind is the type of a socket.
type Kind string

// The kinds that are spoken here.
const (
	Push Kind = "PUSH"
	Pull Kind = "PULL"
	Pub  Kind = "PUB"
	Sub  Kind = "SUB"
)

// numbered are the types as ZMTP 2.0 numbers them.
var numbered = [...]Kind{"PAIR", Pub, Sub, "REQ", "REP", "DEALER", "ROUTER", Pull, Push, "XPUB", "XSUB"}

func (k Kind) number() byte { return byte(slices.Index(numbered[:], k)) }

// partners are the kinds that may be at the other end.
func (k Kind) partners() []Kind {
	switch k {
	case Push:
		return []Kind{Pull}
	case Pull:
		return []Kind{Push}
	case Pub:
		return []Kind{Sub, "XSUB"}
	}
	return []Kind{Pub, "XPUB"}
}

// Config is what all connections of a socket have in common.
type Config struct {
	Kind Kind
	// Keys are those of CURVE; nil is without security.
	Keys *Keys
	// Most is the number of bytes that a frame may have.
	Most int
}

// ErrForeign says that the peer does not speak the protocol, or not as it must.
var ErrForeign = errors.New("the peer does not speak ZMTP as it should")

func foreign(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForeign, fmt.Sprintf(format, args...))
}

// check tells whether a peer of the kind fits.
func (c *Config) check(peer Kind) error {
	if !slices.Contains(c.Kind.partners(), peer) {
		return foreign("its socket is of type %q, which a %s socket cannot talk to", string(peer), c.Kind)
	}
	return nil
}
