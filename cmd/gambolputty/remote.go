package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/spf13/cobra"
)

// remote is the web server of a program that runs.
type remote struct {
	name  string // as it was given
	url   string // of requests
	token string
	http  http.Client
}

// remoteFlags are those of the commands that talk to a running program.
func remoteFlags(c *cobra.Command) {
	c.Flags().String("url", "http://127.0.0.1:5100", "address of the web server, with its base_path; or unix:PATH, or unix:PATH:/BASE, for one that listens on a Unix socket")
	c.Flags().String("token", "", "bearer token; GAMBOLPUTTY_TOKEN in the environment keeps it out of the list of processes")
	c.Flags().String("ca-file", "", "PEM file with the authority of the server's certificate")
}

// answerTime is how long the server may take for what it does not stream.
const answerTime = 10 * time.Second

func (a *app) remote() (*remote, error) {
	given := a.settings.GetString("url")
	socket, base, isSocket := unixURL(given)
	u, err := url.Parse(given)
	if !isSocket && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return nil, fmt.Errorf("url must be as in http://127.0.0.1:5100 or unix:/run/gambolputty.sock, got %q", given)
	}
	r := &remote{name: strings.TrimSuffix(given, "/"), url: strings.TrimSuffix(given, "/"), token: a.settings.GetString("token")}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: answerTime, ResponseHeaderTimeout: answerTime}
	if path := a.settings.GetString("ca-file"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("ca-file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca-file: %s holds no certificate", path)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	if isSocket {
		r.url, t.Proxy = "http://localhost"+base, nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	r.http.Transport = t
	return r, nil
}

// unixURL takes unix:PATH:/BASE to pieces.
func unixURL(given string) (path, base string, ok bool) {
	rest, ok := strings.CutPrefix(given, "unix:")
	if !ok || rest == "" {
		return "", "", false
	}
	path, base, found := strings.Cut(rest, ":/")
	if found {
		base = "/" + strings.TrimSuffix(base, "/")
	}
	return path, base, true
}

func (r *remote) header() http.Header {
	h := http.Header{"Accept": {"application/json"}}
	if r.token != "" {
		h.Set("Authorization", "Bearer "+r.token)
	}
	return h
}

// do makes a request. An error is the outcome of the command; else the body must be closed.
func (r *remote) do(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header = r.header()
	res, err := r.http.Do(req)
	if err != nil {
		return nil, &exit{exitModule, err.Error()}
	}
	return res, nil
}

// dial opens a WebSocket.
func (r *remote) dial(ctx context.Context, path string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, res, err := websocket.Dial(ctx, r.url+path, &websocket.DialOptions{HTTPClient: &r.http, HTTPHeader: r.header()})
	if err == nil {
		c.SetReadLimit(longestLine)
		return c, nil
	}
	if res != nil && res.StatusCode >= http.StatusBadRequest {
		return nil, &exit{exitModule, fmt.Sprintf("%s: %s", r.name, refusal(res))}
	}
	return nil, &exit{exitModule, fmt.Sprintf("%s: %s", r.name, err)}
}

// refusal is what the server says about a request that it does not serve.
func refusal(res *http.Response) string {
	var said struct{ Error string }
	if res.Body != nil {
		text, err := io.ReadAll(io.LimitReader(res.Body, 4096))
		if err == nil && json.Unmarshal(text, &said) == nil && said.Error != "" {
			return res.Status + ": " + said.Error
		}
	}
	return res.Status
}

// farewell turns the end of a WebSocket into the outcome of a command.
func farewell(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil // somebody has had enough
	}
	bye, ok := errors.AsType[websocket.CloseError](err)
	switch {
	case !ok:
		return &exit{exitModule, "the connection is lost: " + err.Error()}
	case bye.Code == websocket.StatusNormalClosure:
		return nil
	case bye.Code == 4400 || bye.Code == 4404:
		return &exit{exitUsage, bye.Reason}
	}
	return &exit{exitModule, bye.Reason}
}
