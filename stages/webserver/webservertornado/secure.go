package webservertornado

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
)

// secure is the configuration of TLS, nil without.
func (s *server) secure() (*tls.Config, error) {
	if !s.opts.TLS {
		return nil, nil
	}
	c, err := s.certificates()
	if err != nil {
		return nil, err
	}
	c.MinVersion = tls.VersionTLS12
	if s.opts.MinTLS == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if s.opts.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.opts.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client_ca: %s holds no certificate", s.opts.ClientCA)
	}
	if s.opts.ACME != nil {
		withoutClients(c)
	}
	return c, nil
}

// certificates is where those of the server come from.
func (s *server) certificates() (*tls.Config, error) {
	if s.opts.ACME != nil {
		return s.automatic()
	}
	pair := &keyPair{cert: s.opts.Cert, key: s.opts.Key}
	if _, err := pair.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: pair.get}, nil
}

// keyPair is a certificate that somebody may renew while the program runs.
type keyPair struct {
	cert, key string

	mu   sync.Mutex
	read string // what the files looked like when they were read
	pair *tls.Certificate
}

// get returns the certificate, the former one if the new one cannot be read.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := look(k.cert) + look(k.key)
	if k.pair != nil && now == k.read {
		return k.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	switch {
	case err == nil:
		k.pair, k.read = &pair, now
	case k.pair == nil:
		return nil, fmt.Errorf("load the certificate of cert and key: %w", err)
	}
	return k.pair, nil
}

// look tells one version of a file from another: those who renew certificates also swap links
// to files that are older.
func look(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintln(info.Size(), info.ModTime().UnixNano())
}
