package webservertornado_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// authority gives certificates by RFC 8555 to those who prove by RFC 8737 that a name is
// theirs. It knows one account, one order and one name at a time.
type authority struct {
	t      *testing.T
	server *httptest.Server
	pool   *x509.CertPool
	root   *x509.Certificate
	key    *ecdsa.PrivateKey

	mu         sync.Mutex
	target     string // the address behind all names
	thumbprint string
	domain     string
	order      string // its state
	proof      string // the state of the challenge
	chain      []byte
	given      int // certificates
	lifetime   time.Duration
}

const proofToken = "DGyRejmCefe7v4NfDGDKfA"

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key, pool: x509.NewCertPool(), lifetime: 90 * 24 * time.Hour}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.root)
	a.server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.server.Close)
	return a
}

// request is the body of all requests that change or ask something.
type request struct{ Protected, Payload string }

func decode(text string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	u := a.server.URL
	var q request
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			a.t.Error(err)
		}
	}
	answer := func(status int, location string, v any) {
		w.Header().Set("Content-Type", "application/json")
		if location != "" {
			w.Header().Set("Location", u+location)
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	order := func() map[string]any {
		o := map[string]any{"status": a.order, "identifiers": []any{map[string]any{"type": "dns", "value": a.domain}}, "authorizations": []string{u + "/authz"}, "finalize": u + "/finalize"}
		if a.order == "valid" {
			o["certificate"] = u + "/certificate"
		}
		return o
	}
	challenge := func() map[string]any {
		return map[string]any{"type": "tls-alpn-01", "url": u + "/challenge", "status": a.proof, "token": proofToken}
	}
	switch r.URL.Path {
	case "/directory":
		answer(200, "", map[string]any{"newNonce": u + "/nonce", "newAccount": u + "/account", "newOrder": u + "/order", "revokeCert": u + "/revoke", "keyChange": u + "/change"})
	case "/nonce":
	case "/account":
		if err := a.account(q); err != nil {
			a.t.Error(err)
		}
		answer(201, "/account/1", map[string]any{"status": "valid"})
	case "/order":
		var wish struct{ Identifiers []struct{ Value string } }
		if err := decode(q.Payload, &wish); err != nil || len(wish.Identifiers) != 1 {
			a.t.Error(err)
		}
		a.domain, a.order, a.proof = wish.Identifiers[0].Value, "pending", "pending"
		answer(201, "/order/1", order())
	case "/order/1":
		answer(200, "/order/1", order())
	case "/authz":
		answer(200, "", map[string]any{"status": a.proof, "identifier": map[string]any{"type": "dns", "value": a.domain}, "challenges": []any{challenge()}})
	case "/challenge":
		if q.Payload != "" {
			a.prove()
		}
		answer(200, "", challenge())
	case "/finalize":
		var wish struct{ CSR string }
		err := decode(q.Payload, &wish)
		if err == nil {
			err = a.sign(wish.CSR)
		}
		if err != nil {
			a.t.Error(err)
		}
		answer(200, "/order/1", order())
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(a.chain)
	default:
		answer(404, "", map[string]any{"type": "urn:ietf:params:acme:error:malformed", "detail": r.URL.Path})
	}
}

// account notes the key of the account, which is part of the proof.
func (a *authority) account(q request) error {
	var head struct{ JWK struct{ X, Y string } }
	if err := decode(q.Protected, &head); err != nil {
		return err
	}
	x, err := base64.RawURLEncoding.DecodeString(head.JWK.X)
	y, err2 := base64.RawURLEncoding.DecodeString(head.JWK.Y)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err == nil {
		a.thumbprint, err = acme.JWKThumbprint(key)
	}
	return err
}

// prove looks whether the name leads to somebody who knows the token and has the account.
func (a *authority) prove() {
	a.proof = "invalid"
	c, err := tls.Dial("tcp", a.target, &tls.Config{ServerName: a.domain, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		a.order = "invalid"
		return
	}
	defer c.Close()
	leaf := c.ConnectionState().PeerCertificates[0]
	hash := sha256.Sum256([]byte(proofToken + "." + a.thumbprint))
	want, err := asn1.Marshal(hash[:])
	if err != nil {
		a.t.Error(err)
	}
	for _, e := range leaf.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && bytes.Equal(e.Value, want) && len(leaf.DNSNames) == 1 && leaf.DNSNames[0] == a.domain {
			a.proof, a.order = "valid", "ready"
		}
	}
}

func (a *authority) sign(text string) error {
	der, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	if a.order != "ready" || len(csr.DNSNames) != 1 || csr.DNSNames[0] != a.domain {
		return fmt.Errorf("a certificate for %v is asked for, the order for %s is %s", csr.DNSNames, a.domain, a.order)
	}
	a.given++
	leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(a.given) + 1), Subject: pkix.Name{CommonName: a.domain}, DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(a.lifetime), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, a.root, csr.PublicKey, a.key)
	if err != nil {
		return err
	}
	a.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})...)
	a.order = "valid"
	return nil
}
