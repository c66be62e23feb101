//go:build integration

package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files are PEM files: an authority, and a certificate of a client with its private key.
type Files struct {
	Authority, ClientCert, ClientKey string
	serverPair                       string
}

func newFiles(t testing.TB, dir string) Files {
	t.Helper()
	f := Files{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key"), filepath.Join(dir, "server.pem")}
	root, rootKey := certificate(t, "authority", nil, nil)
	write := func(path string, blocks ...*pem.Block) {
		var text []byte
		for _, b := range blocks {
			text = append(text, pem.EncodeToMemory(b)...)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authority := &pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}
	write(f.Authority, authority)
	pair := func(name string) (cert, key *pem.Block) {
		c, k := certificate(t, name, root, rootKey)
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}, &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	cert, key := pair("client")
	write(f.ClientCert, cert)
	write(f.ClientKey, key)
	cert, key = pair("server")
	write(f.serverPair, key, cert, authority)
	return f
}

// certificate makes one, signed by itself if there is no parent.
func certificate(t testing.TB, name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	if parent == nil {
		parent, signer = c, key
		c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}
