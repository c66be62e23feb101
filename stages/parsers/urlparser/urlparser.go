// Package urlparser splits URLs into their parts.
package urlparser

import (
	"context"
	_ "embed"
	"iter"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/parse"
)

//go:embed urlparser.md
var doc string

// Spec is the UrlParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "UrlParser",
	Aliases:  []string{"parser.Url"},
	Role:     actor.Parser,
	Summary:  "Splits a URL into its parts and reads its parameters, or percent-encodes a field.",
	Doc:      doc,
	Parallel: true,
	Example: `- UrlParser:
    source_field: uri
    target_field: uri_parsed
    parse_querystring: True
    querystring_target_field: params
`,
}, Options{Action: "decode", Separators: "&;"}, New)

// Options of the UrlParser module.
type Options struct {
	Action        string      `opt:"action" enum:"decode|encode" doc:"Direction."`
	SourceField   parse.Field `opt:"source_field" old:"source_fields" required:"true" doc:"Field with the URL."`
	TargetField   event.Path  `opt:"target_field" null:"true" doc:"Field for the result; without it the source is replaced."`
	ParseQuery    bool        `opt:"parse_querystring" doc:"Read the parameters."`
	QueryTarget   event.Path  `opt:"querystring_target_field" null:"true" doc:"Field for a map of the parameters; without it they are set on the top level."`
	QueryPrefix   string      `opt:"querystring_prefix" null:"true" doc:"Text in front of the name of every parameter."`
	Separators    string      `opt:"querystring_separators" doc:"Characters between parameters."`
	KeepBlank     bool        `opt:"keep_blank_values" doc:"Keep parameters without a value."`
	RequestLine   bool        `opt:"request_line" doc:"The field holds a request line such as GET /x HTTP/1.0; adds method and http_version."`
	NoCredentials bool        `opt:"drop_credentials" doc:"Leave user name and password out."`
	FlattenSingle bool        `opt:"flatten_single_values" doc:"Set a parameter that stands there once as text instead of a list."`
	Unicode       bool        `opt:"unicode_hostnames" doc:"Show international host names as they are spelt instead of as xn--."`
	Prefix        string      `opt:"prefix" null:"true" doc:"Set the parts on the top level, with this text in front of their names, instead of in a map."`
	parse.Guard
}

type parser struct {
	env   actor.Env
	opts  Options
	found []event.Field // the parameters of the present URL
}

// New makes a UrlParser.
func New(env actor.Env, o Options) (actor.Processor, error) { return &parser{env: env, opts: o}, nil }

// Process decodes or encodes the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		v, ok := e.Get(p.opts.SourceField.Path)
		switch {
		case !ok:
		case !v.IsString():
			p.env.Fault(e, p.opts.SourceField.String(), parse.ErrNotText)
		case p.opts.Action == "encode":
			p.set(e, p.target(), event.String(escape(v.Str())))
		default:
			p.decode(e, v.Str())
		}
	}
	return nil
}

func (p *parser) target() event.Path {
	if p.opts.TargetField.IsZero() {
		return p.opts.SourceField.Path
	}
	return p.opts.TargetField
}

func (p *parser) set(e *event.Event, field event.Path, v event.Value) {
	if err := e.Set(field, v); err != nil {
		p.env.Fault(e, field.String(), err)
	}
}

func (p *parser) decode(e *event.Event, text string) {
	var method, version string
	if p.opts.RequestLine {
		method, text, version = requestLine(text)
	}
	u, err := split(text)
	if err != nil {
		p.env.Fault(e, p.opts.SourceField.String(), err)
		return
	}
	m := p.parts(u)
	if p.opts.RequestLine {
		m.Set(methodKey, event.String(method))
		m.Set(versionKey, event.String(version))
	}
	if p.opts.Prefix != "" {
		p.opts.Merge(p.env, e, parse.Prefixed(m, p.opts.Prefix))
	} else {
		p.set(e, p.target(), event.MapOf(m))
	}
	if p.opts.ParseQuery {
		p.parameters(e, u.query)
	}
}

// requestLine splits the first line of an HTTP request (RFC 9112, section 3).
func requestLine(s string) (method, url, version string) {
	method, rest, ok := strings.Cut(s, " ")
	if !ok || strings.ContainsAny(method, "/:") {
		return "", s, ""
	}
	if i := strings.LastIndex(rest, " HTTP/"); i >= 0 {
		return method, rest[:i], rest[i+1:]
	}
	return method, rest, ""
}

var (
	schemeKey   = event.Intern("scheme")
	netlocKey   = event.Intern("netloc")
	pathKey     = event.Intern("path")
	paramsKey   = event.Intern("params")
	queryKey    = event.Intern("query")
	fragmentKey = event.Intern("fragment")
	userKey     = event.Intern("username")
	passwordKey = event.Intern("password")
	hostKey     = event.Intern("hostname")
	portKey     = event.Intern("port")
	methodKey   = event.Intern("method")
	versionKey  = event.Intern("http_version")
)

// parts makes the map of the parts, each decoded once.
func (p *parser) parts(u parts) *event.Map {
	m := event.NewMap(12)
	if p.opts.NoCredentials {
		if at := strings.LastIndexByte(u.netloc, '@'); at >= 0 {
			u.netloc = u.netloc[at+1:]
		}
		u.user, u.password = nil, nil
	}
	m.Set(schemeKey, event.String(u.scheme))
	m.Set(netlocKey, event.String(unescape(u.netloc, false)))
	m.Set(pathKey, event.String(unescape(u.path, false)))
	m.Set(paramsKey, event.String(unescape(u.params, false)))
	m.Set(queryKey, event.String(unescape(u.query, false)))
	m.Set(fragmentKey, event.String(unescape(u.fragment, false)))
	m.Set(userKey, optional(u.user))
	m.Set(passwordKey, optional(u.password))
	m.Set(hostKey, p.host(u.host))
	if u.port < 0 {
		m.Set(portKey, event.Null)
	} else {
		m.Set(portKey, event.Int(int64(u.port)))
	}
	return m
}

func optional(s *string) event.Value {
	if s == nil {
		return event.Null
	}
	return event.String(unescape(*s, false))
}

func (p *parser) host(h string) event.Value {
	if h == "" {
		return event.Null
	}
	h = strings.ToLower(unescape(h, false))
	if p.opts.Unicode {
		if spelt, err := idna.ToUnicode(h); err == nil {
			h = spelt
		}
	}
	return event.String(h)
}

// maxParameters bounds how many parameters of one URL are read.
const maxParameters = 10_000

// pairs yields what stands between the separators of a query.
func (p *parser) pairs(query string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for query != "" {
			i := strings.IndexAny(query, p.opts.Separators)
			one, rest := query, ""
			if i >= 0 {
				_, width := utf8.DecodeRuneInString(query[i:])
				one, rest = query[:i], query[i+width:]
			}
			if one != "" && !yield(one) {
				return
			}
			query = rest
		}
	}
}

// parameter is the key for the name of a parameter.
func (p *parser) parameter(name string) *event.Key {
	name = unescape(name, true)
	if p.opts.QueryPrefix != "" {
		name = p.opts.QueryPrefix + name
	}
	return event.Intern(name)
}

// lists makes a map of the parameters that were found, those of one name together.
func (p *parser) lists() *event.Map {
	if len(p.found) > fewParameters {
		return p.manyLists()
	}
	m := event.NewMap(len(p.found))
	for i, f := range p.found {
		if _, done := m.Get(f.Key); done {
			continue
		}
		values := []event.Value{f.Value}
		for _, later := range p.found[i+1:] {
			if later.Key.Name == f.Key.Name {
				values = append(values, later.Value)
			}
		}
		m.Set(f.Key, p.value(values))
	}
	return m
}

// fewParameters is how many are compared with one another.
const fewParameters = 32

func (p *parser) manyLists() *event.Map {
	values := map[string][]event.Value{}
	var fields []event.Field
	for _, f := range p.found {
		if values[f.Key.Name] == nil {
			fields = append(fields, event.Field{Key: f.Key})
		}
		values[f.Key.Name] = append(values[f.Key.Name], f.Value)
	}
	for i := range fields {
		fields[i].Value = p.value(values[fields[i].Key.Name])
	}
	return event.FromFields(fields)
}

func (p *parser) value(values []event.Value) event.Value {
	if p.opts.FlattenSingle && len(values) == 1 {
		return values[0]
	}
	return event.ListOf(values...)
}

// parameters reads the query into a map of lists.
func (p *parser) parameters(e *event.Event, query string) {
	p.found = p.found[:0]
	for one := range p.pairs(query) {
		name, value, _ := strings.Cut(one, "=")
		if value == "" && !p.opts.KeepBlank {
			continue
		}
		if len(p.found) == maxParameters {
			break
		}
		p.found = append(p.found, event.Field{Key: p.parameter(name), Value: event.String(unescape(value, true))})
	}
	m := p.lists()
	if p.opts.QueryTarget.IsZero() {
		p.opts.Merge(p.env, e, m)
		return
	}
	p.set(e, p.opts.QueryTarget, event.MapOf(m))
}
