package webhdfssink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/retry"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// client makes the requests of WebHDFS.
//
// https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
type client struct {
	env     actor.Env
	http    *http.Client
	servers []string
	current int // of the servers, the one that works
	opts    *Options
}

func newClient(env actor.Env, o *Options) (*client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	secure, err := o.secure.Config(env.Log)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = secure
	return &client{
		env: env, servers: o.urls, opts: o,
		// A redirection says where the data must go. It is followed only for that, and once.
		http: &http.Client{Transport: t, Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// address is the URL of an operation.
func (c *client) address(path, op string, params url.Values) string {
	q := url.Values{"op": {op}}
	if c.opts.Token != "" {
		q.Set("delegation", c.opts.Token)
	} else {
		q.Set("user.name", c.opts.User)
	}
	for name, values := range params {
		q[name] = values
	}
	return c.servers[c.current] + "/webhdfs/v1" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// do makes a request of the name node. While that is on standby or cannot be reached, the
// next one is asked.
func (c *client) do(ctx context.Context, method, path, op string, params url.Values, into any) error {
	return c.anywhere(func() error {
		res, err := c.send(ctx, method, c.address(path, op, params), nil)
		if err != nil {
			return err
		}
		return read(res, into)
	})
}

// anywhere tries all servers.
func (c *client) anywhere(try func() error) error {
	var err error
	for range c.servers {
		err = try()
		var no *refusal
		if err == nil || errors.As(err, &no) && !no.standby() || errors.Is(err, errData) || errors.Is(err, context.Canceled) {
			return err
		}
		c.current = (c.current + 1) % len(c.servers)
	}
	return err
}

// errData says that data was on its way when something failed, so that nobody knows what
// has become of it.
var errData = errors.New("it is not known whether the data has arrived")

// put sends data in two steps: the name node says which data node takes it. A server that
// does not redirect takes it itself.
func (c *client) put(ctx context.Context, method, path, op string, params url.Values, data []byte) error {
	return c.anywhere(func() error {
		where := c.address(path, op, params)
		res, err := c.send(ctx, method, where, nil)
		if err != nil {
			return err
		}
		location := res.Header.Get("Location")
		err = read(res, nil)
		var no *refusal
		switch {
		case errors.As(err, &no) && no.status == http.StatusTemporaryRedirect && location != "":
			if where, err = resolve(where, location); err != nil {
				return err
			}
		case err != nil:
			return err
		case len(data) == 0:
			return nil
		default:
			where += "&data=true"
		}
		if res, err = c.send(ctx, method, where, data); err == nil {
			err = read(res, nil)
		}
		if err != nil && len(data) > 0 && !early(err) {
			return fmt.Errorf("%w: %w", errData, err)
		}
		return err
	})
}

// early reports whether the server has refused before it took anything.
func early(err error) bool {
	no := refused(err)
	return no != nil && (isHeld(err) || isForbidden(err) || isMissing(err) || no.standby() || no.says("SafeModeException", "RetriableException"))
}

// resolve completes an address that may be a path only.
func resolve(base, location string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", errors.New("the address is no URL")
	}
	u, err := b.Parse(location)
	if err != nil || u.Host == "" {
		return "", errors.New("the server redirects to something that is no URL")
	}
	return u.String(), nil
}

// send makes a request. Errors do not repeat the URL, in which there may be a token.
func (c *client) send(ctx context.Context, method, where string, data []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, where, bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("the address is no URL")
	}
	req.Header.Set("User-Agent", "GambolPutty")
	if data != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	c.env.Count("requests", 1)
	res, err := c.http.Do(req)
	if err == nil {
		return res, nil
	}
	var in *url.Error
	if errors.As(err, &in) {
		err = in.Err
	}
	return nil, fmt.Errorf("%s: %w", req.URL.Host, err)
}

// read reads an answer, which is JSON or nothing. A *refusal is the error for any status but
// success.
func read(res *http.Response, into any) error {
	defer res.Body.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", res.Request.URL.Host, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return newRefusal(res, text)
	}
	if into == nil {
		if len(bytes.TrimSpace(text)) > 0 && !json.Valid(text) { // such as the page of a proxy, which has stored nothing
			return fmt.Errorf("%s: the answer is not that of WebHDFS", res.Request.URL.Host)
		}
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: the answer is not that of WebHDFS: %w", res.Request.URL.Host, err)
	}
	return nil
}

// greet makes the first contact.
func (c *client) greet(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/", "GETHOMEDIRECTORY", nil, nil)
}

// length is the size of a file.
func (c *client) length(ctx context.Context, path string) (int64, error) {
	var a struct {
		FileStatus *struct {
			Length int64  `json:"length"`
			Type   string `json:"type"`
		}
	}
	err := c.do(ctx, http.MethodGet, path, "GETFILESTATUS", nil, &a)
	switch {
	case err != nil:
		return 0, err
	case a.FileStatus == nil:
		return 0, errors.New("the answer holds no FileStatus")
	case a.FileStatus.Type == "DIRECTORY":
		return 0, fmt.Errorf("%s is a directory", path)
	}
	return a.FileStatus.Length, nil
}

// mkdirs makes a directory with all above it. It is no error if it is there.
func (c *client) mkdirs(ctx context.Context, path string) error {
	return c.agreed(ctx, http.MethodPut, path, "MKDIRS", nil)
}

// create makes an empty file.
func (c *client) create(ctx context.Context, path string) error {
	params := url.Values{"overwrite": {"false"}}
	if c.opts.BlockSize > 0 {
		params.Set("blocksize", strconv.FormatInt(c.opts.BlockSize, 10))
	}
	if c.opts.Replication > 0 {
		params.Set("replication", strconv.Itoa(c.opts.Replication))
	}
	return c.put(ctx, http.MethodPut, path, "CREATE", params, []byte{})
}

func (c *client) append(ctx context.Context, path string, data []byte) error {
	return c.put(ctx, http.MethodPost, path, "APPEND", nil, data)
}

func (c *client) rename(ctx context.Context, from, to string) error {
	return c.agreed(ctx, http.MethodPut, from, "RENAME", url.Values{"destination": {to}})
}

// truncate cuts a file off. The last block may take a moment, in which others cannot write.
func (c *client) truncate(ctx context.Context, path string, length int64) error {
	err := c.do(ctx, http.MethodPost, path, "TRUNCATE", url.Values{"newlength": {strconv.FormatInt(length, 10)}}, nil)
	if err != nil {
		return fmt.Errorf("take back what was written in part: %w", err)
	}
	return nil
}

// agreed makes a request that is answered by true or false.
func (c *client) agreed(ctx context.Context, method, path, op string, params url.Values) error {
	var a struct{ Boolean bool }
	if err := c.do(ctx, method, path, op, params, &a); err != nil {
		return err
	}
	if !a.Boolean {
		return fmt.Errorf("the server does not %s %s", strings.ToLower(op), path)
	}
	return nil
}

// refusal is an answer that is no success.
type refusal struct {
	host   string
	status int
	kind   string // class of the exception
	reason string
	pause  time.Duration
}

func newRefusal(res *http.Response, text []byte) *refusal {
	r := &refusal{host: res.Request.URL.Host, status: res.StatusCode, pause: retry.After(res.Header.Get("Retry-After"), time.Now())}
	var a struct {
		RemoteException struct {
			Exception string `json:"exception"`
			Message   string `json:"message"`
		}
	}
	if json.Unmarshal(text, &a) == nil {
		r.kind = a.RemoteException.Exception
		r.reason, _, _ = strings.Cut(a.RemoteException.Message, "\n") // a stack trace follows
	}
	return r
}
