// Package httprequest fetches a URL for every event, or on its own.
package httprequest

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
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed httprequest.md
var doc string

// Spec is the HttpRequest module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "HttpRequest",
	Aliases:  []string{"modifier.HttpRequest"},
	Role:     actor.Modifier,
	Summary:  "Fetches a URL for every event and keeps the response in a field.",
	Doc:      doc,
	Parallel: true,
	Workers:  10,
	Example: `- HttpRequest:
    url: http://inventory.example.com/hosts/$(host)
    target_field: inventory
    parse_json: True
    allowed_hosts: [inventory.example.com]
    socket_timeout: 5
`,
}, Options{
	Method: template("GET"), SocketTimeout: 25 * time.Second, Target: template("gambolputty_http_request"), Use: store.UseDefaults, As: asBody,
	MaxBytes: 10 << 20, TLSVerify: true, TLSProto: tlsopt.ClientDefaults.Proto,
}, New)

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("httprequest: " + err.Error()) // the text is a constant
	}
	return t
}

// The forms of a result.
const (
	asBody = "body"
	asDict = "dict"
)

// Options of the HttpRequest module.
type Options struct {
	URL           expr.Template            `opt:"url" required:"true" doc:"Address to fetch."`
	Method        expr.Template            `opt:"method" doc:"Method of the request."`
	Headers       map[string]expr.Template `opt:"headers" doc:"Headers of the request by their names."`
	Body          expr.Template            `opt:"body" null:"true" doc:"Body of the request."`
	Encode        bool                     `opt:"encode_values" doc:"Percent-encode the values that are inserted into url."`
	SocketTimeout time.Duration            `opt:"socket_timeout" min:"1ms" doc:"Longest time for a request with its response, in seconds."`
	Target        expr.Template            `opt:"target_field" doc:"Field for the result."`
	Header        bool                     `opt:"get_response_header" doc:"Add the headers of the response to the result, which is a map then."`
	As            string                   `opt:"response_as" enum:"body|dict" doc:"Form of the result: the body of the response, or a map with content, status_code and url."`
	KeepErrors    bool                     `opt:"keep_error_response" doc:"Keep responses with a status from 400 on as well, with response_as: dict."`
	JSON          bool                     `opt:"parse_json" doc:"Decode the body from JSON."`
	Interval      *time.Duration           `opt:"interval" doc:"Make a request on its own at start and then after so long, in seconds, and send each result as an event."`
	store.Use
	Auth      basicAuth `opt:"basic_auth" secret:"true" null:"true" doc:"User and password, as user:password or as a map with user and password."`
	TLSCA     string    `opt:"tls_ca" old:"cacert,ca_file" null:"true" doc:"PEM file with the authorities to trust instead of those of the system."`
	TLSCert   string    `opt:"tls_cert" old:"cert" null:"true" doc:"PEM file with a client certificate. Needs tls_key."`
	TLSKey    string    `opt:"tls_key" old:"key" null:"true" doc:"PEM file with the private key of tls_cert."`
	TLSVerify bool      `opt:"tls_verify" old:"verify" doc:"Check the certificates of servers. False trusts everybody."`
	TLSProto  string    `opt:"tls_proto" old:"min_version" enum:"TLSv1|TLSv1_1|TLSv1_2|TLSv1_3|1.0|1.1|1.2|1.3" kinds:"float" doc:"Lowest version of TLS that is accepted."`
	Retries   int       `opt:"retries" min:"0" doc:"How often a request is made again after a connection fault or a status of 429 or from 500 on."`
	MaxBytes  int64     `opt:"max_response_bytes" min:"1" doc:"Most bytes of a response; a bigger one is a fault."`
	Allowed   hosts     `opt:"allowed_hosts" doc:"Hosts to which requests may go: names, *.example.com, addresses, networks such as 10.0.0.0/8, each with a port if that matters. It holds for redirections too, and a name must not lead to an address that is not public, unless that is in the list itself. Without the option all hosts are allowed."`
	Proxy     string    `opt:"proxy" null:"true" doc:"URL of a proxy. Without it, and without allowed_hosts, the environment tells."`
}

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckStore()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if text, static := o.URL.Static(); static && !o.URL.IsZero() {
		if u, err := url.Parse(text); text == "" {
			fault("url", option.NotAllowed, "must not be empty")
		} else if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			fault("url", option.NotAllowed, "must begin with http:// or https:// and a host, got %q", text)
		}
	}
	if text, static := o.Target.Static(); static && text == "" {
		fault("target_field", option.NotAllowed, "must not be empty")
	}
	if o.Interval != nil && *o.Interval < 10*time.Millisecond {
		fault("interval", option.OutOfRange, "must be at least 10ms, got %s", *o.Interval)
	}
	if o.Header {
		o.As = asDict
	}
	if o.KeepErrors && o.As != asDict {
		fault("keep_error_response", option.Contradiction, "needs response_as: dict")
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		fault(map[bool]string{true: "tls_cert", false: "tls_key"}[o.TLSCert == ""], option.Required, "required option is missing: the other one of tls_cert and tls_key is set")
	}
	if p, err := url.Parse(o.Proxy); o.Proxy != "" && (err != nil || p.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, p.Scheme)) {
		fault("proxy", option.NotAllowed, "must be a URL that begins with http://, https:// or socks5://")
	}
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		if name == "" || strings.ContainsAny(name, " :\r\n\t") {
			fault("headers."+name, option.NotAllowed, "is no name of a header")
		}
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File {
	var list []actor.File
	for _, f := range []actor.File{{Option: "tls_ca", Path: o.TLSCA}, {Option: "tls_cert", Path: o.TLSCert}, {Option: "tls_key", Path: o.TLSKey}} {
		if f.Path != "" {
			list = append(list, f)
		}
	}
	return list
}

// basicAuth is a user with a password.
type basicAuth struct{ user, password string }

// OptionType describes the option in tables.
func (*basicAuth) OptionType() string { return "string or map" }

// MarshalText tells nothing.
func (basicAuth) MarshalText() ([]byte, error) { return nil, nil }

// DecodeOption reads both forms. Messages repeat neither.
func (a *basicAuth) DecodeOption(v *option.Value) error {
	switch v.Kind {
	case option.String:
		var ok bool
		if a.user, a.password, ok = strings.Cut(v.Text, ":"); !ok {
			return v.Faultf(option.NotAllowed, "must be user:password")
		}
		return nil
	case option.Map:
		var both struct {
			User     string `opt:"user" old:"username" required:"true"`
			Password string `opt:"password" secret:"true" required:"true"`
		}
		var errs []error
		for _, f := range option.Decode(v, &both) {
			errs = append(errs, f)
		}
		a.user, a.password = both.User, both.Password
		return errors.Join(errs...)
	}
	return v.Faultf(option.WrongType, "must be user:password, or a map with user and password")
}

// Outside says that every event may be a request.
func (o *Options) Outside() string { return "web servers" }
