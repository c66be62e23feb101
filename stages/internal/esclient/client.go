// Package esclient speaks to a cluster of Elasticsearch or OpenSearch.
package esclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/olivere/elastic/v7"

	"gambolputty/stages/internal/retry"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// Client speaks to the cluster, for all workers of a module.
type Client struct {
	http   *http.Client
	header http.Header
	limit  time.Duration
	name   string // of all nodes, for messages
	user   string // in whose name requests are made
	prefix string
	scheme string
	*pool
}

// New makes a client of which so many goroutines make requests at a time.
func New(o *Cluster, workers int, log *slog.Logger) (*Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	secure, err := o.secure.Config(log)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig, t.MaxIdleConnsPerHost = secure, workers+1
	if o.Proxy != "" {
		p, err := url.Parse(o.Proxy)
		if err != nil {
			return nil, errors.New("proxy: it is no URL") // the error would repeat it
		}
		t.Proxy = http.ProxyURL(p)
	}
	c := &Client{name: strings.Join(o.urls, ", "), header: http.Header{"User-Agent": {"GambolPutty"}}, limit: o.ReadTimeout}
	for name, value := range o.Headers {
		c.header.Set(name, value)
	}
	if o.authorized != "" {
		c.header.Set("Authorization", o.authorized)
	}
	// A redirection would take the credentials somewhere else.
	c.http = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.pool = newPool(c, o.urls)
	c.user, c.prefix = o.user, ""
	c.scheme, _, _ = strings.Cut(o.urls[0], "://")
	if p := strings.Trim(o.PathPrefix, "/"); p != "" {
		c.prefix = "/" + p
	}
	return c, nil
}

// Target names the configured nodes, without secrets.
func (c *Client) Target() string { return c.name }

// Close gives connections back that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Exchange is a request on its way through the library, which takes bodies as text or
// makes JSON of them; this one goes past it in the context.
type Exchange struct {
	// Body is sent as it is; Gzip says that it is compressed.
	Body []byte
	Gzip bool
	// Compatible is the version of the media types, 0 for plain ones.
	Compatible int
	// Node is the one that got the request.
	Node string

	pause time.Duration // that it asks for
	open  sync.WaitGroup
}

type exchangeKey struct{}

// Perform makes a request and appends the body of the answer to dst. A *Refusal is the
// error for any status but success.
func (c *Client) Perform(ctx context.Context, x *Exchange, o elastic.PerformRequestOptions, dst []byte) ([]byte, error) {
	defer x.open.Wait() // the transport may look at the body until it has closed it
	ctx, cancel := context.WithTimeoutCause(context.WithValue(ctx, exchangeKey{}, x), c.limit, errSlow)
	defer cancel()
	es, err := c.client()
	if err != nil {
		return dst, err
	}
	o.Stream = true
	res, err := es.PerformRequest(ctx, o)
	if res != nil && res.BodyReader != nil {
		defer res.BodyReader.Close() // it was only read
	}
	if err == nil {
		dst, err = readAll(dst, res.BodyReader)
	}
	if len(dst) >= maxAnswer {
		return dst, ErrLarge
	}
	return dst, c.judge(ctx, x, err)
}

// ErrLarge says that an answer was cut off because nobody could hold it.
var ErrLarge = fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)

var errSlow = errors.New("no answer in time (read_timeout)")

// judge tells what an error means for the node.
func (c *Client) judge(ctx context.Context, x *Exchange, err error) error {
	if err == nil {
		c.worked(x.Node)
		return nil
	}
	var answer *elastic.Error
	if errors.As(err, &answer) {
		if answer.Status >= http.StatusInternalServerError {
			c.Failed(x.Node)
		}
		return c.refused(x, answer)
	}
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
	case errors.Is(cause, errSlow):
		err = fmt.Errorf("%s: %w", x.Node, errSlow)
	default:
		return cause // the program ends, nobody is to blame
	}
	if x.Node != "" {
		c.Failed(x.Node)
	}
	return err
}

// readAll reads an answer into memory that is used again.
func readAll(dst []byte, r io.Reader) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// Do completes a request that the library has made, and sends it.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	for name, values := range c.header {
		req.Header[name] = values
	}
	x, _ := req.Context().Value(exchangeKey{}).(*Exchange)
	if x == nil {
		return nil, errors.New("a request was made in no exchange")
	}
	x.Node = req.URL.Scheme + "://" + req.URL.Host
	if x.Compatible > 0 {
		compatible(req.Header, x.Compatible)
	}
	if x.Body != nil {
		x.attach(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	x.pause = retry.After(res.Header.Get("Retry-After"), time.Now())
	res.Body = limited{io.LimitReader(res.Body, maxAnswer), res.Body}
	return res, nil
}

// compatible replaces the media types by those of an earlier version. A server refuses
// requests in which only one of them says so.
func compatible(h http.Header, version int) {
	for _, name := range []string{"Accept", "Content-Type"} {
		kind := "json"
		if strings.Contains(h.Get(name), "ndjson") {
			kind = "x-ndjson"
		}
		h.Set(name, "application/vnd.elasticsearch+"+kind+"; compatible-with="+strconv.Itoa(version))
	}
}

// attach gives a request its body, and the means to send it again on another connection.
func (x *Exchange) attach(req *http.Request) {
	req.GetBody = func() (io.ReadCloser, error) {
		x.open.Add(1)
		return &body{Reader: bytes.NewReader(x.Body), done: sync.OnceFunc(x.open.Done)}, nil
	}
	req.Body, _ = req.GetBody() // it never fails
	req.ContentLength = int64(len(x.Body))
	if x.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
}

// body tells when nobody reads it any more.
type body struct {
	*bytes.Reader
	done func()
}

// Close says so.
func (b *body) Close() error {
	b.done()
	return nil
}

type limited struct {
	io.Reader
	io.Closer
}
