// Package mtls keeps what the nodes of a pack say to each other secret with certificates: both ends
// of a stream show one that an authority of the pack has signed. There are streams only.
//
// Whoever has such a certificate is a node. Names in certificates are not looked at, as nodes are
// reached by addresses that gossip tells; so the authority must sign for nothing but the pack. The
// name of the pack is part of the handshake, so that two packs of one authority do not mix.
package mtls

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// What is wrong with what came.
var (
	// ErrForeign says that it is no TLS.
	ErrForeign = errors.New("it does not come from a pack")
	// ErrCertificate says that no node of this pack is at the other end.
	ErrCertificate = errors.New("no certificate of this pack")
)

// Files are the files with certificates.
type Files struct {
	Cert, Key, CA string
}

// Keys are the certificates of a node.
type Keys struct {
	files Files
	proto string
	id    string
	stale func(error)

	mu   sync.Mutex
	pair tls.Certificate
	pool *x509.CertPool
}

// New reads the files. They are read again for every stream, so that certificates can be renewed
// while the program runs; stale hears of those that cannot be read, and the former ones are used.
func New(pack string, files Files, stale func(error)) (*Keys, error) {
	name := sha256.Sum256([]byte(pack))
	k := &Keys{files: files, proto: "gambolputty-pack/" + hex.EncodeToString(name[:16]), stale: stale}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	k.id = hex.EncodeToString(id[:])
	return k, k.read()
}

func (k *Keys) read() error {
	pair, err := tls.LoadX509KeyPair(k.files.Cert, k.files.Key)
	if err != nil {
		return fmt.Errorf("load the certificate of cert and key: %w", err)
	}
	text, err := os.ReadFile(k.files.CA)
	if err != nil {
		return fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("ca_file: %s holds no certificate", k.files.CA)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pair, k.pool = pair, pool
	return nil
}

// config is what both ends agree upon.
func (k *Keys) config() *tls.Config {
	if err := k.read(); err != nil {
		k.stale(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return &tls.Config{
		Certificates: []tls.Certificate{k.pair}, ClientCAs: k.pool, RootCAs: k.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{k.proto}, MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
	}
}

// ID tells a process from others, also from earlier ones of the same node: 32 hex digits.
func (k *Keys) ID() string { return k.id }

// Dial begins a stream on a connection that was made.
func (k *Keys) Dial(c net.Conn, kind byte) (net.Conn, error) {
	conf := k.config()
	conf.InsecureSkipVerify = true //nolint:gosec // all but the name is verified below
	roots := conf.RootCAs
	conf.VerifyConnection = func(s tls.ConnectionState) error { return verify(s, roots) }
	t := tls.Client(c, conf)
	if err := t.Handshake(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if err := k.agreed(t); err != nil {
		return nil, err
	}
	_, err := t.Write([]byte{kind})
	return t, err
}

// verify checks the certificate of a server, but not its name.
func verify(s tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

// agreed checks that the other end is of this pack.
func (k *Keys) agreed(t *tls.Conn) error {
	if t.ConnectionState().NegotiatedProtocol != k.proto {
		return fmt.Errorf("%w: the other end is of another pack", ErrCertificate)
	}
	return nil
}

// Accept takes a stream on a connection that was accepted.
func (k *Keys) Accept(c net.Conn) (kind byte, s net.Conn, err error) {
	t := tls.Server(c, k.config())
	if err := t.Handshake(); err != nil {
		return 0, nil, sort(err)
	}
	if err := k.agreed(t); err != nil {
		return 0, nil, err
	}
	var b [1]byte
	_, err = io.ReadFull(t, b[:])
	return b[0], t, err
}

// sort says what is behind the failure of a handshake.
func sort(err error) error {
	if _, foreign := errors.AsType[tls.RecordHeaderError](err); foreign {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	var broken *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &broken) && broken.Op != "remote error" && broken.Op != "local error" {
		return err // nobody is to blame
	}
	return fmt.Errorf("%w: %w", ErrCertificate, err)
}
