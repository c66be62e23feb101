package tlsopt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"gambolputty/actor"
)

// Client is embedded in the options of modules that connect to a server.
type Client struct {
	TLS        bool   `opt:"tls" doc:"Connect with TLS."`
	Cert       string `opt:"cert" null:"true" doc:"PEM file with a client certificate. Needs key."`
	Key        string `opt:"key" null:"true" doc:"PEM file with the private key of cert."`
	CACert     string `opt:"cacert" old:"ca_file" null:"true" doc:"PEM file with the authorities to trust instead of those of the system."`
	Proto      string `opt:"tls_proto" old:"min_version" enum:"TLSv1|TLSv1_1|TLSv1_2|TLSv1_3|1.0|1.1|1.2|1.3" kinds:"float" doc:"Lowest version of TLS that is accepted."`
	Verify     bool   `opt:"tls_verify" old:"verify" doc:"Check the certificate of the server. False trusts everybody."`
	ServerName string `opt:"tls_server_name" null:"true" doc:"Name to ask for and to check, instead of that of the host."`
}

// ClientDefaults are the options of a client without TLS.
var ClientDefaults = Client{Proto: "TLSv1_2", Verify: true}

// CheckTLS tells what is missing.
func (c *Client) CheckTLS() error {
	var errs []error
	if c.Cert != "" && c.Key == "" {
		errs = append(errs, missing("key", "cert is set"))
	}
	if c.Key != "" && c.Cert == "" {
		errs = append(errs, missing("cert", "key is set"))
	}
	return errors.Join(errs...)
}

// FilesTLS names the files that must be readable.
func (c *Client) FilesTLS() []actor.File {
	if !c.TLS {
		return nil
	}
	return files(c.Cert, c.Key, c.CACert)
}

// Config reads the files. Without TLS it is nil.
func (c *Client) Config(log *slog.Logger) (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	t := &tls.Config{MinVersion: lowest(c.Proto, log), ServerName: c.ServerName, InsecureSkipVerify: !c.Verify}
	if !c.Verify {
		log.Warn("certificates are not checked, anybody can pretend to be the server", "tls_verify", false)
	}
	var err error
	if c.Cert != "" {
		if t.Certificates, err = certificates(c.Cert, c.Key); err != nil {
			return nil, err
		}
	}
	if c.CACert == "" {
		return t, nil
	}
	t.RootCAs, err = authorities(c.CACert)
	return t, err
}

func authorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read cacert: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read cacert: %s holds no certificate", path)
	}
	return pool, nil
}

func files(cert, key, cacert string) []actor.File {
	var list []actor.File
	for _, f := range []actor.File{{Option: "cert", Path: cert}, {Option: "key", Path: key}, {Option: "cacert", Path: cacert}} {
		if f.Path != "" {
			list = append(list, f)
		}
	}
	return list
}
