package webservertornado

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME are the options of certificates that an authority gives by RFC 8555.
type ACME struct {
	Domains   []string `opt:"domains" required:"true" doc:"Names that the certificates are for."`
	CacheDir  string   `opt:"cache_dir" required:"true" doc:"Folder for the account, keys and certificates. Nobody else may read it."`
	Email     string   `opt:"email" null:"true" doc:"Address that the authority may write to."`
	Directory string   `opt:"directory_url" null:"true" doc:"Address of the authority, Let's Encrypt by default."`
	CAFile    string   `opt:"ca_file" null:"true" doc:"PEM file with the authority behind directory_url, for one of your own."`
}

// faults says what is wrong with the options, by their names.
func (o *ACME) faults() map[string]string {
	wrong := map[string]string{}
	if u, err := url.Parse(o.Directory); o.Directory != "" && (err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname()))) {
		wrong["directory_url"] = "must be an address with https; http is for this machine alone"
	}
	for _, d := range o.Domains {
		if strings.ContainsAny(d, "*:/ ") || !strings.Contains(d, ".") || net.ParseIP(d) != nil {
			wrong["domains"] = fmt.Sprintf("must be whole names without * or port, got %q", d)
		}
	}
	return wrong
}

// directoryTime is how long the authority may take for a request.
const directoryTime = 30 * time.Second

// automatic makes certificates come from an authority. It proves that the names are those of
// this server in a handshake of TLS (RFC 8737), so that no further port is needed.
func (s *server) automatic() (*tls.Config, error) {
	o := s.opts.ACME
	// Certificates are rarely asked for, so that no connection is kept.
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("acme.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("acme.ca_file: %s holds no certificate", o.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if err := os.MkdirAll(o.CacheDir, 0o700); err != nil {
		return nil, fmt.Errorf("acme.cache_dir: %w", err)
	}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.CacheDir), HostPolicy: autocert.HostWhitelist(o.Domains...), Email: o.Email,
		Client: &acme.Client{DirectoryURL: cmp.Or(o.Directory, autocert.DefaultACMEDirectory), HTTPClient: &http.Client{Transport: t, Timeout: directoryTime}, UserAgent: "gambolputty"},
	}
	get := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := m.GetCertificate(hello)
		if name := strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")); err != nil && slices.Contains(o.Domains, name) {
			s.env.Warn("there is no certificate from the authority", "domain", name, "error", err)
		}
		return c, err
	}
	return &tls.Config{GetCertificate: get, NextProtos: []string{"h2", "http/1.1", acme.ALPNProto}}, nil
}

// withoutClients lets the authority in, which has no certificate of a client's.
func withoutClients(c *tls.Config) {
	open := c.Clone()
	open.ClientAuth, open.ClientCAs = tls.NoClientCert, nil
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
			return open, nil
		}
		return nil, nil
	}
}

// fetchCertificates makes the certificates be there before somebody needs them, by being the
// first who does.
func (s *server) fetchCertificates(ctx context.Context) {
	for _, domain := range s.opts.ACME.Domains {
		// Nothing is said over the connection, so that it does not matter who is there.
		d := tls.Dialer{Config: &tls.Config{ServerName: domain, InsecureSkipVerify: true}} //nolint:gosec // see above
		c, err := d.DialContext(ctx, s.listeners[0].Addr().Network(), s.listeners[0].Addr().String())
		if err != nil {
			continue // the log tells why
		}
		c.Close()
		s.env.Log.Info("there is a certificate", "domain", domain)
	}
}
