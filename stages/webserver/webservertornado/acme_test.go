package webservertornado_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/webserver/webservertornado"
)

// certified is a server whose certificate comes from an authority that finds it under all names.
func certified(t *testing.T, a *authority, cache, more string) *served {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	port.Close()
	a.mu.Lock()
	a.target = address
	a.mu.Unlock()
	_, number, _ := strings.Cut(address, ":")
	text := "- WebserverTornado:\n    port: " + number + "\n    interface: 127.0.0.1\n    tls: True\n" + more + "    acme:\n      domains: [logs.example]\n      email: ops@example\n      cache_dir: " + cache + "\n      directory_url: " + a.server.URL + "/directory\n- Lines\n- TestCatch\n"
	return &served{t: t, Running: actortest.Start(t, text, webservertornado.Spec, actortest.Lines(make(chan string))), url: address}
}

// visit makes a request by a name.
func (s *served) visit(a *authority, name string, own ...tls.Certificate) (*http.Response, error) {
	c := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: a.pool, Certificates: own},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.url)
		},
	}}
	res, err := c.Get("https://" + name + "/healthz")
	if err == nil {
		res.Body.Close()
	}
	return res, err
}

func TestAnAuthorityGivesTheCertificate(t *testing.T) {
	a, cache := newAuthority(t), filepath.Join(t.TempDir(), "acme")
	s := certified(t, a, cache, "")
	wiretest.Until(t, "the certificate, without a visitor", func() bool { return strings.Contains(s.Log(), "there is a certificate") })
	res, err := s.visit(a, "logs.example")
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.TLS.PeerCertificates[0].DNSNames[0] != "logs.example" {
		t.Errorf("%v %+v", res.Status, res.TLS)
	}
	if _, err := s.visit(a, "evil.example"); err == nil {
		t.Error("a name that is not ours has a certificate")
	}
	s.Stop()
	if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	// After a restart the one in the folder is used.
	s = certified(t, a, cache, "")
	if _, err := s.visit(a, "logs.example"); err != nil {
		t.Error(err)
	}
	s.Stop()
	if a.given != 1 {
		t.Errorf("%d certificates were given", a.given)
	}
}

func TestAnAuthorityNeedsNoCertificateOfItsOwn(t *testing.T) {
	a, client := newAuthority(t), tlstest.New(t)
	s := certified(t, a, t.TempDir(), "    client_ca: "+client.Cert+"\n")
	wiretest.Until(t, "the certificate", func() bool { return strings.Contains(s.Log(), "there is a certificate") })
	if _, err := s.visit(a, "logs.example", client.Pair); err != nil {
		t.Error(err)
	}
	if _, err := s.visit(a, "logs.example"); err == nil {
		t.Error("a client without a certificate is served")
	}
	s.Stop()
}

func TestAnAuthorityThatIsAwayIsTold(t *testing.T) {
	a := newAuthority(t)
	a.server.Close()
	s := certified(t, a, t.TempDir(), "")
	wiretest.Until(t, "a warning", func() bool { return strings.Contains(s.Log(), "there is no certificate from the authority") })
	s.Stop()
}

func TestWrongOptionsOfAnAuthority(t *testing.T) {
	actortest.Wrong(t, webservertornado.Spec, map[string]string{
		"acme: {domains: [a.example], cache_dir: /x}":                                                "needs tls: True",
		"tls: True\nacme: {cache_dir: /x}":                                                           "domains",
		"tls: True\nacme: {domains: [a.example]}":                                                    "cache_dir",
		"tls: True\nacme: {domains: ['*.example'], cache_dir: /x}":                                   "acme.domains",
		"tls: True\nacme: {domains: [a.example], cache_dir: /x, directory_url: 'http://ca.example'}": "acme.directory_url",
		"tls: True\ncert: /x\nkey: /x\nacme: {domains: [a.example], cache_dir: /x}":                  "cannot be set together with acme",
	})
}
