// Package httpsink sends events as the bodies of HTTP requests.
package httpsink

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed httpsink.md
var doc string

// Spec is the HttpSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:    "HttpSink",
	Role:    actor.Output,
	Summary: "Sends events as the bodies of HTTP requests, also in the forms of Loki, Splunk, Datadog and OTLP.",
	Doc:     doc,
	Example: `- HttpSink:
    url: https://logs.example.com/ingest/$(gambolputty.event_type)
    bearer_token: ${TOKEN:-none}
    compression: gzip
`,
}, Options{
	Method:      "POST",
	Body:        "ndjson",
	Options:     bulk(),
	BatchBytes:  1 << 20,
	Concurrency: 4,
	Timeout:     30 * time.Second,
	Client:      tlsopt.ClientDefaults,
	Clock:       eventtime.UTC,
}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(500, time.Second, 5000)
	o.Greedy = true // all that waits, in several requests at a time
	return o
}

// Options of the HttpSink module.
type Options struct {
	URL       expr.Template            `opt:"url" required:"true" doc:"Address to send to. Values of fields are escaped as parts of the path; events with different addresses go in different requests."`
	Method    string                   `opt:"method" enum:"POST|PUT|PATCH" doc:"Method of the requests."`
	Headers   map[string]string        `opt:"headers" secret:"true" doc:"Headers of the requests by their names."`
	Body      string                   `opt:"body" enum:"ndjson|json_array|lines|format" doc:"What a body is: a JSON object a line, a JSON list, a line of text for each event, or the texts of format with nothing between them."`
	Format    expr.Template            `opt:"format" null:"true" doc:"Text of an event for body lines and format, and for presets; not set is the field data for lines, and the whole event as JSON otherwise."`
	Preset    string                   `opt:"preset" null:"true" enum:"loki|splunk_hec|datadog|elasticsearch_bulk|otlp" doc:"Form of the bodies, path and headers that a well-known receiver expects, instead of body."`
	Labels    map[string]expr.Template `opt:"labels" doc:"With a preset, what the events of a stream have in common: the labels of Loki, host, source, sourcetype and index of Splunk, ddsource, service, hostname and tags of Datadog, resource attributes of OTLP."`
	BasicAuth string                   `opt:"basic_auth" secret:"true" null:"true" doc:"User and password, as user:password."`
	Token     string                   `opt:"bearer_token" secret:"true" null:"true" doc:"Token of the receiver."`
	TokenFile string                   `opt:"bearer_token_file" null:"true" doc:"File with the token, which is read again when it has changed."`
	delivery.Options
	BatchBytes  int64         `opt:"batch_bytes" min:"1" unit:"bytes" doc:"Most bytes of a body before it is compressed; a larger event goes alone."`
	Compression string        `opt:"compression" null:"true" enum:"gzip|zstd" doc:"Compress the bodies."`
	Concurrency int           `opt:"concurrency" min:"1" max:"1000" doc:"Requests at a time. With more than one, batches may overtake each other."`
	Timeout     time.Duration `opt:"timeout" min:"1ms" doc:"Longest time in seconds for a request with its answer."`
	tlsopt.Client
	Proxy string `opt:"proxy" secret:"true" null:"true" doc:"URL of a proxy. Without it the environment tells."`
	eventtime.Clock

	shape  shape
	secure tlsopt.Client // as the address says, whatever tls says
}

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckDelivery(), o.CheckTLS(), o.CheckTime()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	o.shape = shapeOf(o)
	o.secure = o.Client
	o.secure.TLS = true
	if o.TLS && strings.HasPrefix(o.URL.Source(), "http://") {
		fault("tls", option.Contradiction, "cannot be True for a url that begins with http://")
	}
	if text, static := o.URL.Static(); static && !o.URL.IsZero() {
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			fault("url", option.NotAllowed, "must begin with http:// or https:// and a host")
		}
	}
	if o.Body == "format" && o.Preset == "" && o.Format.IsZero() {
		fault("format", option.Required, "required option is missing: body is format")
	}
	if !o.Format.IsZero() && o.Preset == "" && (o.Body == "ndjson" || o.Body == "json_array") {
		fault("format", option.Contradiction, "has no effect with body %s, whose events are JSON; use lines or format", o.Body)
	}
	if len(o.Labels) > 0 && (o.Preset == "" || o.Preset == "elasticsearch_bulk") {
		fault("labels", option.Contradiction, "needs one of the presets loki, splunk_hec, datadog and otlp")
	}
	if o.Preset == "loki" && len(o.Labels) == 0 {
		fault("labels", option.Required, "required option is missing: Loki refuses events without labels")
	}
	if n := given(o.BasicAuth, o.Token, o.TokenFile); n > 1 {
		fault("bearer_token", option.Contradiction, "only one of basic_auth, bearer_token and bearer_token_file can be set")
	}
	if user, _, ok := strings.Cut(o.BasicAuth, ":"); o.BasicAuth != "" && (!ok || user == "") {
		fault("basic_auth", option.NotAllowed, "must be user:password")
	}
	if p, err := url.Parse(o.Proxy); o.Proxy != "" && (err != nil || p.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, p.Scheme)) {
		fault("proxy", option.NotAllowed, "must be a URL that begins with http://, https:// or socks5://")
	}
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		if name == "" || strings.ContainsAny(name, " :\r\n\t") || strings.ContainsAny(o.Headers[name], "\r\n") {
			fault("headers."+name, option.NotAllowed, "is no header of one line")
		}
	}
	return errors.Join(errs...)
}

func given(texts ...string) (n int) {
	for _, t := range texts {
		if t != "" {
			n++
		}
	}
	return n
}

// Reads names the files of TLS and of the token.
func (o *Options) Reads() []actor.File {
	list := o.secure.FilesTLS()
	if o.TokenFile != "" {
		list = append(list, actor.File{Option: "bearer_token_file", Path: o.TokenFile})
	}
	return list
}
