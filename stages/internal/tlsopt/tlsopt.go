// Package tlsopt holds the TLS options that servers and clients have in common.
package tlsopt

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// Server is embedded in the options of modules that accept connections.
type Server struct {
	TLS        bool   `opt:"tls" doc:"Accept TLS connections only."`
	Cert       string `opt:"cert" null:"true" doc:"PEM file with the certificate chain. Required with tls."`
	Key        string `opt:"key" null:"true" doc:"PEM file with the private key. Required with tls."`
	CACert     string `opt:"cacert" old:"ca_file" null:"true" doc:"PEM file with the authorities that sign client certificates."`
	ClientAuth string `opt:"tls_client_auth" enum:"none|request|require" doc:"Whether clients may or must show a certificate. require needs cacert."`
	Proto      string `opt:"tls_proto" old:"min_version" enum:"TLSv1|TLSv1_1|TLSv1_2|TLSv1_3|1.0|1.1|1.2|1.3" kinds:"float" doc:"Lowest version of TLS that is accepted."`
}

// Defaults are the options of a server without TLS.
var Defaults = Server{ClientAuth: "none", Proto: "TLSv1_2"}

// CheckTLS tells what is missing.
func (s *Server) CheckTLS() error {
	if !s.TLS {
		return nil
	}
	var errs []error
	if s.Cert == "" {
		errs = append(errs, missing("cert", "tls is True"))
	}
	if s.Key == "" {
		errs = append(errs, missing("key", "tls is True"))
	}
	if s.ClientAuth == "require" && s.CACert == "" {
		errs = append(errs, missing("cacert", "tls_client_auth is require"))
	}
	return errors.Join(errs...)
}

func missing(name, why string) error {
	return &option.Fault{Code: option.Required, Option: name, Message: "required option is missing: " + why}
}

// FilesTLS names the files that must be readable.
func (s *Server) FilesTLS() []actor.File {
	if !s.TLS {
		return nil
	}
	return files(s.Cert, s.Key, s.CACert)
}

// Config reads the files. Without TLS it is nil.
func (s *Server) Config(log *slog.Logger) (*tls.Config, error) {
	if !s.TLS {
		return nil, nil
	}
	own, err := certificates(s.Cert, s.Key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: own, MinVersion: lowest(s.Proto, log)}
	switch s.ClientAuth {
	case "request":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if s.CACert == "" {
		return c, nil
	}
	c.ClientCAs, err = authorities(s.CACert)
	return c, err
}

// certificates reads the only certificate of this side.
func certificates(cert, key string) ([]tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("load the certificate of cert and key: %w", err)
	}
	return []tls.Certificate{pair}, nil
}

// lowest is the version that tls_proto names. One that is not safe is worth a warning.
func lowest(proto string, log *slog.Logger) uint16 {
	v := version(proto)
	if v < tls.VersionTLS12 {
		log.Warn("versions of TLS below 1.2 are accepted, which are not safe", "tls_proto", proto)
	}
	return v
}

// version is what a name of tls_proto means.
func version(name string) uint16 {
	switch name {
	case "TLSv1", "1.0":
		return tls.VersionTLS10
	case "TLSv1_1", "1.1":
		return tls.VersionTLS11
	case "TLSv1_3", "1.3":
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}
