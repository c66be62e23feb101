// Package wire sends bytes to a peer over a stream connection and knows what has arrived:
// it dials one of several addresses, notices that a peer is gone, and keeps what must be sent
// again.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Address is where a peer listens.
type Address struct {
	// Network is tcp, unix or unixgram.
	Network string
	// Name is host:port or the path of a socket.
	Name string
}

// ErrAddress says what an address must look like.
var ErrAddress = errors.New("must be host:port, with an IPv6 address in brackets")

// CheckHostPort tells whether s is a host and a port number.
func CheckHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, " /[]") {
		return fmt.Errorf("%w, got %q", ErrAddress, s)
	}
	return nil
}

// Dialer connects to the first of several peers that answers.
type Dialer struct {
	Addresses []Address
	// TLS is nil for connections without it. The name to be checked is that of the
	// address unless it is set.
	TLS *tls.Config
	// Connect bounds an attempt for one address, the handshake of TLS included.
	Connect time.Duration
	// Write bounds the time in which a peer takes nothing.
	Write time.Duration
	// KeepAlive is the time between probes that find dead peers; 0 is none.
	KeepAlive time.Duration
	// Local counts as delivered what the local system has taken.
	Local bool
	// Lines says that the peer answers with lines.
	Lines bool
}

// Dial tries the addresses in their order. Names are looked up each time.
func (d *Dialer) Dial(ctx context.Context) (*Conn, error) {
	var errs []error
	for _, a := range d.Addresses {
		c, err := d.dial(ctx, a)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (d *Dialer) dial(ctx context.Context, a Address) (*Conn, error) {
	c, err := d.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	socket := c
	if secure, ok := c.(*tls.Conn); ok {
		socket = secure.NetConn()
	}
	return newConn(a, c, socket, d), nil
}

// Open connects to one address, for those that read what the peer says themselves.
func (d *Dialer) Open(ctx context.Context, a Address) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Connect)
	defer cancel()
	// The probes of Go close a connection after nine without an answer.
	keep := net.KeepAliveConfig{Enable: d.KeepAlive > 0, Idle: d.KeepAlive, Interval: d.KeepAlive}
	raw, err := (&net.Dialer{KeepAlive: -1, KeepAliveConfig: keep}).DialContext(ctx, a.Network, a.Name)
	if err != nil {
		return nil, err // it says where to
	}
	if d.TLS == nil {
		return raw, nil
	}
	config := d.TLS
	if config.ServerName == "" {
		host, _, _ := net.SplitHostPort(a.Name) // it was checked
		config = config.Clone()
		config.ServerName = host
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("TLS with %s: %w", a.Name, explain(err))
	}
	return secure, nil
}

// explain adds what helps most where a certificate is not trusted: who has issued it.
func explain(err error) error {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) && unknown.Cert != nil {
		return fmt.Errorf("%w: it was issued by %q, which is not among the authorities of cacert or of the system", err, unknown.Cert.Issuer)
	}
	return err
}
