package zmqconn

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Parts of the greeting, see RFC 23.
const (
	signatureBytes = 10
	mechanismBytes = 20
	// handshakeBytes is the most that a frame of the handshake may have.
	handshakeBytes = 4096
	// versionTwo stands for ZMTP 2.0 where others have a minor version.
	versionTwo = 0xff
)

// shake exchanges greetings and what the mechanism needs.
func (c *Conn) shake(cfg *Config) error {
	// A peer of version 2 takes what comes behind the major version for something else, so it
	// is sent once the version of the peer is known.
	if _, err := c.conn.Write([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3}); err != nil {
		return err
	}
	first, err := c.reader.exactly(1)
	if err != nil {
		return err
	}
	if first[0] != 0xff {
		return foreign("it begins with 0x%02x", first[0])
	}
	rest, err := c.reader.exactly(signatureBytes) // with the major version
	if err != nil {
		return err
	}
	if rest[signatureBytes-2]&1 == 0 {
		return foreign("its signature ends with 0x%02x", rest[signatureBytes-2])
	}
	switch major := rest[signatureBytes-1]; {
	case major >= 3:
		return c.shakeThree(cfg)
	case major >= 1:
		return c.shakeTwo(cfg)
	}
	return foreign("its version is 1.0, which is too old")
}

// shakeTwo is the rest of the greeting of ZMTP 2.0, with an empty identity.
func (c *Conn) shakeTwo(cfg *Config) error {
	if cfg.Keys != nil {
		return foreign("its version is 2.0, which knows no CURVE")
	}
	if _, err := c.conn.Write([]byte{cfg.Kind.number(), 0, 0}); err != nil {
		return err
	}
	kind, err := c.reader.exactly(1)
	if err != nil {
		return err
	}
	if int(kind[0]) >= len(numbered) {
		return foreign("its socket is of type %d", kind[0])
	}
	if err := cfg.check(numbered[kind[0]]); err != nil {
		return err
	}
	c.minor = versionTwo
	if _, _, err = c.reader.next(); err != nil { // its identity
		return err
	}
	return nil
}

func (c *Conn) shakeThree(cfg *Config) error {
	ours := make([]byte, 53)
	ours[0] = 1
	copy(ours[1:], cfg.mechanism())
	if cfg.Keys != nil && cfg.Keys.Serves() {
		ours[1+mechanismBytes] = 1
	}
	if _, err := c.conn.Write(ours); err != nil {
		return err
	}
	theirs, err := c.reader.exactly(len(ours))
	if err != nil {
		return err
	}
	c.minor = min(theirs[0], versionTwo-1)
	mechanism := strings.TrimRight(string(theirs[1:1+mechanismBytes]), "\x00")
	serves := theirs[1+mechanismBytes] == 1
	switch {
	case mechanism != cfg.mechanism():
		return foreign("its security is %q, ours is %s", mechanism, cfg.mechanism())
	case cfg.Keys == nil:
		return c.shakeNull(cfg)
	case serves && cfg.Keys.Serves(): // libzmq does not say so
		return errSameSide
	}
	return c.shakeCurve(cfg)
}

func (c *Config) mechanism() string {
	if c.Keys != nil {
		return "CURVE"
	}
	return "NULL"
}

func (c *Conn) shakeNull(cfg *Config) error {
	if err := c.Send(func(f *Frames) { f.command("READY", cfg.metadata()) }); err != nil {
		return err
	}
	body, err := c.expect("READY")
	if err != nil {
		return err
	}
	return cfg.meet(body)
}

var errSameSide = foreign("both ends are the same side of CURVE: one must have curve_server_key, the other must not")

// expect reads a command of the handshake.
func (c *Conn) expect(name string) ([]byte, error) {
	_, body, err := c.reader.next()
	if err != nil {
		return nil, err
	}
	got, rest, err := command(body)
	switch {
	case err != nil:
		return nil, err
	case got == "ERROR" && len(rest) > 0:
		return nil, foreign("it says %q", rest[1:])
	case got == "HELLO" && name == "WELCOME":
		return nil, errSameSide
	case got != name:
		return nil, foreign("it sent %q instead of %s", got, name)
	}
	return rest, nil
}

const socketType = "Socket-Type"

// metadata says what we are.
func (c *Config) metadata() []byte {
	b := append([]byte{byte(len(socketType))}, socketType...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Kind)))
	return append(b, c.Kind...)
}

// meet reads what the peer is.
func (c *Config) meet(b []byte) error {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+4 {
			return foreign("properties that are cut off")
		}
		name, size := string(b[1:1+n]), binary.BigEndian.Uint32(b[1+n:])
		b = b[1+n+4:]
		if uint64(size) > uint64(len(b)) {
			return foreign("properties that are cut off")
		}
		if strings.EqualFold(name, socketType) {
			return c.check(Kind(slices.Clone(b[:size])))
		}
		b = b[size:]
	}
	return foreign("it does not name the type of its socket")
}
