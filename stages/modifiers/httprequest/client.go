package httprequest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/retry"
	"gambolputty/stages/internal/tlsopt"
)

// client makes requests. All workers share it, with its connections.
type client struct {
	opts  Options
	http  http.Client
	slots chan struct{} // holds a token for every request under way
}

const maxRedirects = 10

func newClient(o Options, workers int, log *slog.Logger) (*client, error) {
	t := tlsopt.Client{TLS: true, Cert: o.TLSCert, Key: o.TLSKey, CACert: o.TLSCA, Verify: o.TLSVerify, Proto: o.TLSProto}
	config, err := t.Config(log)
	if err != nil {
		return nil, err
	}
	c := &client{opts: o, slots: make(chan struct{}, workers)}
	dialer := &net.Dialer{Timeout: o.SocketTimeout}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true, MaxConnsPerHost: workers, MaxIdleConnsPerHost: workers, MaxIdleConns: 10 * workers,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: o.SocketTimeout, MaxResponseHeaderBytes: 1 << 20,
	}
	switch {
	case o.Proxy != "":
		proxy, err := url.Parse(o.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		transport.Proxy = http.ProxyURL(proxy)
	case len(o.Allowed) == 0:
		transport.Proxy = http.ProxyFromEnvironment
	default:
		dialer.Control = o.Allowed.control
	}
	c.http = http.Client{Transport: transport, CheckRedirect: func(r *http.Request, before []*http.Request) error {
		if len(before) >= maxRedirects {
			return fmt.Errorf("there are more than %d redirections", maxRedirects)
		}
		return o.Allowed.checkURL(r.URL)
	}}
	return c, nil
}

// request is what to ask.
type request struct {
	method, url, body string
	hasBody           bool
	headers           map[string]string
	key               string // of the result in the store, "" for none
	target            event.Path
}

// result is the answer.
type result struct {
	value event.Value
	hit   bool
	keep  bool // it may be kept in the store
	err   error
}

// unwanted is a status that is no success.
type unwanted struct {
	status int
	wait   time.Duration // that the server asked for
}

// Error tells the status.
func (u unwanted) Error() string {
	return fmt.Sprintf("the server answered %d %s", u.status, http.StatusText(u.status))
}

// fetch makes a request, several times if that may help.
func (c *client) fetch(ctx context.Context, r *request) (v event.Value, keep bool, err error) {
	pause := retry.Backoff{First: 200 * time.Millisecond, Longest: 10 * time.Second}
	for try := 0; ; try++ {
		v, keep, err = c.once(ctx, r)
		status, answered := errors.AsType[unwanted](err)
		mayHelp := isNetwork(err)
		if answered {
			mayHelp = status.status == http.StatusTooManyRequests || status.status >= 500
		}
		switch {
		case mayHelp && try < c.opts.Retries && pause.WaitAtLeast(ctx, min(status.wait, c.opts.SocketTimeout)) == nil:
		case answered && c.opts.KeepErrors:
			return v, false, nil
		default:
			return v, keep, err
		}
	}
}

// isNetwork tells faults of connections, which may pass, from those of a request.
func isNetwork(err error) bool {
	if _, ours := errors.AsType[refused](err); ours {
		return false
	}
	u, ok := errors.AsType[*url.Error](err)
	if !ok {
		return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
	}
	_, network := errors.AsType[*net.OpError](u)
	return u.Timeout() || network || errors.Is(u, io.EOF) || errors.Is(u, io.ErrUnexpectedEOF)
}

func (c *client) once(ctx context.Context, r *request) (v event.Value, keep bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.SocketTimeout)
	defer cancel()
	var body io.Reader
	if r.hasBody {
		body = strings.NewReader(r.body)
	}
	h, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return event.Null, false, fmt.Errorf("make the request: %w", err)
	}
	if err := c.opts.Allowed.checkURL(h.URL); err != nil {
		return event.Null, false, err
	}
	for name, value := range r.headers {
		if strings.EqualFold(name, "host") {
			h.Host = value
			continue
		}
		h.Header.Set(name, value)
	}
	if c.opts.Auth.user != "" {
		h.SetBasicAuth(c.opts.Auth.user, c.opts.Auth.password)
	}
	answer, err := c.http.Do(h)
	if err != nil {
		return event.Null, false, err
	}
	defer answer.Body.Close() // what is left of it does not matter
	return c.read(answer)
}

// read makes a value of a response. One with a status that is no success is an error too.
func (c *client) read(answer *http.Response) (v event.Value, keep bool, err error) {
	var status error
	if answer.StatusCode >= 400 {
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		status = unwanted{answer.StatusCode, time.Duration(max(0, seconds)) * time.Second}
	}
	if status != nil && !c.opts.KeepErrors {
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
		return event.Null, false, status
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, c.opts.MaxBytes+1))
	switch {
	case err != nil:
		return event.Null, false, fmt.Errorf("read the response: %w", err)
	case int64(len(body)) > c.opts.MaxBytes:
		return event.Null, false, fmt.Errorf("the response has more bytes than max_response_bytes, %d", c.opts.MaxBytes)
	}
	content := event.String(string(body))
	if c.opts.JSON && (status == nil || len(body) > 0) {
		if content, err = decode(content.Str()); err != nil && status == nil {
			return event.Null, false, fmt.Errorf("the response is no JSON: %w", err)
		}
	}
	if c.opts.As == asBody {
		return content, len(body) > 0, status
	}
	return c.dict(answer, content), len(body) > 0, status
}

var errRest = errors.New("something follows the value")

func decode(s string) (event.Value, error) {
	v, rest, err := new(event.Decoder).Decode(s)
	if err == nil && strings.TrimSpace(rest) != "" {
		err = errRest
	}
	return v, err
}

var (
	contentKey = event.Intern("content")
	statusKey  = event.Intern("status_code")
	urlKey     = event.Intern("url")
	headersKey = event.Intern("headers")
)

func (c *client) dict(answer *http.Response, content event.Value) event.Value {
	m := event.NewMap(4)
	m.Set(contentKey, content)
	m.Set(statusKey, event.Int(int64(answer.StatusCode)))
	m.Set(urlKey, event.String(answer.Request.URL.String()))
	if c.opts.Header {
		var list []event.Value
		for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
			for _, value := range answer.Header[name] {
				list = append(list, event.ListOf(event.String(name), event.String(value)))
			}
		}
		m.Set(headersKey, event.ListOf(list...))
	}
	return event.MapOf(m)
}
