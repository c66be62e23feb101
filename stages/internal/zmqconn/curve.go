package zmqconn

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/nacl/box"
)

// Sizes of CURVE, see RFC 26.
const (
	keyBytes    = 32
	shortNonce  = 8
	longNonce   = 16
	cookieBytes = 96
	helloBytes  = 2 + 72 + keyBytes + shortNonce + 64 + box.Overhead // behind its name
	vouchBytes  = longNonce + 2*keyBytes + box.Overhead
	// sealedBytes is what encryption adds to a frame.
	sealedBytes = len(messageName) + shortNonce + box.Overhead + 1
	messageName = "\x07MESSAGE"
	// sealedCommand marks a command inside of an encrypted frame.
	sealedCommand = 2
)

type key = [keyBytes]byte

// numberedNonce is a nonce of a prefix and a number that counts up.
func numberedNonce(prefix string, n uint64) *[24]byte {
	var nonce [24]byte
	copy(nonce[:], prefix)
	binary.BigEndian.PutUint64(nonce[longNonce:], n)
	return &nonce
}

// randomNonce is a nonce of a prefix and of random bytes.
func randomNonce(prefix string, random []byte) *[24]byte {
	var nonce [24]byte
	copy(nonce[:], prefix)
	copy(nonce[shortNonce:], random)
	return &nonce
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // it never fails
	return b
}

// sealer encrypts what is sent.
type sealer struct {
	shared key
	prefix string
	next   uint64
}

func (s *sealer) size(plain int) int { return len(messageName) + shortNonce + box.Overhead + plain }

func (s *sealer) seal(dst, plain []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, messageName...), s.next)
	dst = box.SealAfterPrecomputation(dst, plain, numberedNonce(s.prefix, s.next), &s.shared)
	s.next++
	return dst
}

// opener decrypts what comes.
type opener struct {
	shared key
	prefix string
	last   uint64
	plain  []byte
}

func (o *opener) open(body []byte) (flags byte, plain []byte, err error) {
	const head = len(messageName) + shortNonce
	if len(body) < head || string(body[:len(messageName)]) != messageName {
		return 0, nil, foreign("a frame that is not encrypted")
	}
	n := binary.BigEndian.Uint64(body[len(messageName):])
	if n <= o.last {
		return 0, nil, foreign("a frame came twice")
	}
	if cap(o.plain) > keepBuffer {
		o.plain = nil
	}
	plain, ok := box.OpenAfterPrecomputation(o.plain[:0], body[head:], numberedNonce(o.prefix, n), &o.shared)
	if !ok || len(plain) == 0 {
		return 0, nil, foreign("a frame that cannot be decrypted")
	}
	o.last, o.plain = n, plain
	flags = plain[0] & flagMore
	if plain[0]&sealedCommand != 0 {
		flags |= flagCommand
	}
	return flags, plain[1:], nil
}

// secrets of one connection.
type secrets struct {
	public, secret *key
	peer           key // the public key of the peer for this connection
	number         uint64
}

func newSecrets() (*secrets, error) {
	public, secret, err := box.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &secrets{public: public, secret: secret, number: 1}, nil
}

func (s *secrets) take() uint64 {
	s.number++
	return s.number - 1
}

func (c *Conn) shakeCurve(cfg *Config) error {
	s, err := newSecrets()
	if err != nil {
		return err
	}
	send, receive := "CurveZMQMESSAGEC", "CurveZMQMESSAGES"
	var last uint64
	if cfg.Keys.Serves() {
		send, receive = receive, send
		last, err = c.curveServer(cfg, s)
	} else {
		last, err = c.curveClient(cfg, s)
	}
	if err != nil {
		return err
	}
	var shared key
	box.Precompute(&shared, &s.peer, s.secret)
	c.frames.sealer = &sealer{shared: shared, prefix: send, next: s.number}
	c.opener = &opener{shared: shared, prefix: receive, last: last}
	return nil
}

var errKey = foreign("the keys of CURVE do not fit")

func (c *Conn) curveClient(cfg *Config, s *secrets) (last uint64, err error) {
	k := cfg.Keys
	hello := append(make([]byte, 0, helloBytes), 1, 0)
	hello = append(hello, make([]byte, 72)...)
	hello = append(hello, s.public[:]...)
	n := s.take()
	hello = binary.BigEndian.AppendUint64(hello, n)
	hello = box.Seal(hello, make([]byte, 64), numberedNonce("CurveZMQHELLO---", n), &k.server, s.secret)
	if err := c.Send(func(f *Frames) { f.command("HELLO", hello) }); err != nil {
		return 0, err
	}
	welcome, err := c.expect("WELCOME")
	if err != nil {
		return 0, err
	}
	if len(welcome) != longNonce+keyBytes+cookieBytes+box.Overhead {
		return 0, foreign("a WELCOME of %d bytes", len(welcome))
	}
	plain, ok := box.Open(nil, welcome[longNonce:], randomNonce("WELCOME-", welcome[:longNonce]), &k.server, s.secret)
	if !ok {
		return 0, errKey
	}
	s.peer = key(plain)
	cookie := plain[keyBytes:]
	if err := c.Send(func(f *Frames) { f.command("INITIATE", k.initiate(cfg, s, cookie)) }); err != nil {
		return 0, err
	}
	ready, err := c.expect("READY")
	if err != nil {
		return 0, err
	}
	if len(ready) < shortNonce {
		return 0, foreign("a READY of %d bytes", len(ready))
	}
	last = binary.BigEndian.Uint64(ready)
	metadata, ok := box.Open(nil, ready[shortNonce:], numberedNonce("CurveZMQREADY---", last), &s.peer, s.secret)
	if !ok {
		return 0, errKey
	}
	return last, cfg.meet(metadata)
}

// initiate tells the server who we are.
func (k *Keys) initiate(cfg *Config, s *secrets, cookie []byte) []byte {
	vouch := random(longNonce)
	vouch = box.Seal(vouch, append(s.public[:], k.server[:]...), randomNonce("VOUCH---", vouch), &s.peer, &k.secret)
	plain := append(append(append([]byte{}, k.public[:]...), vouch...), cfg.metadata()...)
	n := s.take()
	b := binary.BigEndian.AppendUint64(append([]byte{}, cookie...), n)
	return box.Seal(b, plain, numberedNonce("CurveZMQINITIATE", n), &s.peer, s.secret)
}

func (c *Conn) curveServer(cfg *Config, s *secrets) (last uint64, err error) {
	k := cfg.Keys
	hello, err := c.expect("HELLO")
	if err != nil {
		return 0, err
	}
	if len(hello) != helloBytes {
		return 0, foreign("a HELLO of %d bytes", len(hello))
	}
	const at = 2 + 72
	s.peer = key(hello[at:])
	last = binary.BigEndian.Uint64(hello[at+keyBytes:])
	if _, ok := box.Open(nil, hello[at+keyBytes+shortNonce:], numberedNonce("CurveZMQHELLO---", last), &s.peer, &k.secret); !ok {
		return 0, errKey
	}
	// The cookie lets servers forget the client in between. This one does not, so it may be
	// anything that cannot be guessed.
	cookie, nonce := random(cookieBytes), random(longNonce)
	welcome := box.Seal(nonce, append(s.public[:], cookie...), randomNonce("WELCOME-", nonce), &s.peer, &k.secret)
	if err := c.Send(func(f *Frames) { f.command("WELCOME", welcome) }); err != nil {
		return 0, err
	}
	initiate, err := c.expect("INITIATE")
	if err != nil {
		return 0, err
	}
	if len(initiate) < cookieBytes+shortNonce || subtle.ConstantTimeCompare(initiate[:cookieBytes], cookie) == 0 {
		return 0, foreign("an INITIATE that does not belong to the WELCOME")
	}
	n := binary.BigEndian.Uint64(initiate[cookieBytes:])
	if n <= last {
		return 0, foreign("a frame came twice")
	}
	last = n
	plain, ok := box.Open(nil, initiate[cookieBytes+shortNonce:], numberedNonce("CurveZMQINITIATE", last), &s.peer, s.secret)
	if !ok || len(plain) < keyBytes+vouchBytes {
		return 0, errKey
	}
	if err := k.admit(s, plain); err != nil {
		return 0, err
	}
	if err := cfg.meet(plain[keyBytes+vouchBytes:]); err != nil {
		return 0, err
	}
	number := s.take()
	ready := binary.BigEndian.AppendUint64(nil, number)
	ready = box.Seal(ready, cfg.metadata(), numberedNonce("CurveZMQREADY---", number), &s.peer, s.secret)
	return last, c.Send(func(f *Frames) { f.command("READY", ready) })
}

// admit checks that the client is who it says, and that it may come in.
func (k *Keys) admit(s *secrets, plain []byte) error {
	client, vouch := key(plain), plain[keyBytes:keyBytes+vouchBytes]
	said, ok := box.Open(nil, vouch[longNonce:], randomNonce("VOUCH---", vouch[:longNonce]), &client, s.secret)
	if !ok || !bytes.Equal(said[:keyBytes], s.peer[:]) || !bytes.Equal(said[keyBytes:], k.public[:]) {
		return errKey
	}
	if len(k.clients) > 0 && !slices.Contains(k.clients, client) {
		return foreign("its key is not in curve_client_keys")
	}
	return nil
}
