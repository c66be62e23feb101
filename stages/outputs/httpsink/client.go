package httpsink

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/retry"
)

// client makes requests, several at a time.
type client struct {
	opts    *Options
	http    *http.Client
	target  string // what the log calls the receiver
	token   *token
	buffers sync.Pool // of *buffer
}

func newClient(env actor.Env, o *Options) (*client, error) {
	secure, err := o.secure.Config(env.Log)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig, t.MaxIdleConnsPerHost, t.ForceAttemptHTTP2 = secure, o.Concurrency, true
	if o.Proxy != "" {
		p, err := url.Parse(o.Proxy)
		if err != nil {
			return nil, errors.New("proxy: it is no URL") // the error would repeat it
		}
		t.Proxy = http.ProxyURL(p)
	}
	c := &client{opts: o, target: o.URL.Source(), token: &token{text: o.Token, file: o.TokenFile}}
	if u, err := url.Parse(o.URL.Source()); err == nil && u.Host != "" {
		c.target = u.Scheme + "://" + u.Host // neither a login nor a key in the query
	}
	// A redirection would take the credentials somewhere else.
	c.http = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// request is a part of a batch, and what became of it.
type request struct {
	url   string
	items []*item

	verdicts    []verdict // of the items
	partial     *partial  // what the receiver says about all of them
	pause       time.Duration
	sent, bytes int
}

// perform makes a request. One that is too large for the receiver is divided.
func (c *client) perform(ctx context.Context, q *request, payloads []byte) {
	q.verdicts = make([]verdict, len(q.items))
	c.part(ctx, q, 0, len(q.items), payloads)
}

func (c *client) part(ctx context.Context, q *request, from, to int, payloads []byte) {
	verdicts, err := c.once(ctx, q, q.items[from:to], payloads)
	var a *answer
	switch {
	case err == nil:
		copy(q.verdicts[from:to], verdicts)
		return
	case errors.As(err, &q.partial):
		return
	case errors.As(err, &a) && a.status == http.StatusRequestEntityTooLarge && to-from > 1:
		middle := (from + to) / 2
		c.part(ctx, q, from, middle, payloads)
		c.part(ctx, q, middle, to, payloads)
		return
	}
	v := verdict{err: err}
	if a != nil {
		v.final = a.final()
		q.pause = max(q.pause, a.pause)
	} else if errors.Is(err, errNoURL) {
		v.final = true
	}
	for n := range q.verdicts[from:to] {
		q.verdicts[from+n] = v
	}
}

// answer is one that is no success.
type answer struct {
	target string
	status int
	text   string
	pause  time.Duration
}

func (a *answer) Error() string {
	text := fmt.Sprintf("%s answers %d %s", a.target, a.status, http.StatusText(a.status))
	if a.text != "" {
		text += ": " + a.text
	}
	return text
}

// final reports whether the receiver will never take the events. What somebody has to set
// right, a login or an address that has moved, is none of their fault.
func (a *answer) final() bool {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return false
	}
	return a.status >= http.StatusBadRequest && !passes(a.status)
}

const (
	maxError  = 1 << 10  // what is read of the answer to a failure
	maxAnswer = 64 << 20 // and of one that tells about every event
	humanTime = time.Minute
)

// once makes one request with one body.
func (c *client) once(ctx context.Context, q *request, items []*item, payloads []byte) ([]verdict, error) {
	b := c.buffer()
	defer c.release(b)
	res, err := c.exchange(ctx, q, b, items, payloads)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() // it was only read
	if res.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxError)) // the status tells more than an error
		a := &answer{target: c.target, status: res.StatusCode, text: clip(text), pause: retry.After(res.Header.Get("Retry-After"), time.Now())}
		if !a.final() && a.status < http.StatusInternalServerError && !passes(a.status) {
			a.pause = max(a.pause, min(humanTime, c.opts.RetryMax))
			c.token.forget()
		}
		return nil, a
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.target, plain(err))
	}
	if c.opts.shape.judge == nil {
		return nil, nil
	}
	return c.opts.shape.judge(text, len(items))
}

// exchange sends a body and returns the answer.
func (c *client) exchange(ctx context.Context, q *request, b *buffer, items []*item, payloads []byte) (*http.Response, error) {
	u, err := c.opts.shape.address(q.url)
	if err != nil {
		return nil, err
	}
	body, err := b.body(&c.opts.shape, c.opts.Compression, items, payloads)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.Timeout, errSlow)
	req, err := http.NewRequestWithContext(ctx, c.opts.Method, u.String(), nil)
	if err != nil {
		cancel()
		return nil, errNoURL
	}
	b.attach(req, body)
	if err := c.head(req.Header); err != nil {
		cancel()
		return nil, err
	}
	q.sent, q.bytes = q.sent+1, q.bytes+len(body)
	res, err := c.http.Do(req)
	if err != nil {
		defer cancel()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("%s: %w", c.target, plain(err))
	}
	res.Body = closing{res.Body, cancel}
	return res, nil
}

var errSlow = errors.New("no answer in time (timeout)")

// plain removes the address from an error of the library, which may hold secrets.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// closing ends the time for an exchange with its answer.
type closing struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the answer.
func (c closing) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

// head sets the headers of a request.
func (c *client) head(h http.Header) error {
	o := c.opts
	h.Set("User-Agent", "GambolPutty")
	h.Set("Content-Type", o.shape.contentType)
	if o.Compression != "" {
		h.Set("Content-Encoding", o.Compression)
	}
	if o.BasicAuth != "" {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.BasicAuth)))
	}
	token, err := c.token.get()
	if err != nil {
		return err
	}
	switch {
	case token == "":
	case o.Preset == "splunk_hec":
		h.Set("Authorization", "Splunk "+token)
	case o.Preset == "datadog":
		h.Set("DD-API-KEY", token)
	default:
		h.Set("Authorization", "Bearer "+token)
	}
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	return nil
}
