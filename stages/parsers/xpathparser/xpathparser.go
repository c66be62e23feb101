// Package xpathparser runs XPath queries on XML.
package xpathparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/store"
)

//go:embed xpathparser.md
var doc string

// Spec is the XPathParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "XPathParser",
	Aliases:  []string{"parser.XPath"},
	Role:     actor.Parser,
	Summary:  "Stores what an XPath query finds in XML or HTML.",
	Doc:      doc,
	Parallel: true,
	Example: `- XPathParser:
    source_field: product_xml
    query: '//bookstore/book[@category="$(category)"]/title/text()'
    target_field: book_title
`,
}, Options{
	TargetField: template("gambolputty_xpath"), Use: store.UseDefaults, ForceList: true, TargetMode: "xml", Parser: "xml", MaxBytes: 16 << 20,
}, New)

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("xpathparser: " + err.Error())
	}
	return t
}

// Options of the XPathParser module.
type Options struct {
	SourceField source                   `opt:"source_field" old:"source_fields" required:"true" doc:"Field with the document."`
	Query       expr.Template            `opt:"query" null:"true" doc:"XPath query. Required unless queries is set, or target_mode is xml_to_dict."`
	TargetField expr.Template            `opt:"target_field" doc:"Field for the result."`
	Queries     map[string]expr.Template `opt:"queries" doc:"Several queries, by the field for their result."`
	store.Use
	Namespaces       map[string]string `opt:"namespaces" doc:"Name spaces by the prefixes that queries use for them."`
	IgnoreNamespaces bool              `opt:"ignore_namespaces" doc:"Take all names of the document without prefixes and name spaces."`
	ForceList        bool              `opt:"force_list" doc:"Store a single node as a list of one. False stores it without a list."`
	TargetMode       string            `opt:"target_mode" enum:"xml|xml_to_dict" doc:"What elements become: text with XML, or maps."`
	Parser           string            `opt:"parser" enum:"xml|html" doc:"html reads what browsers read, however wrong it is."`
	MaxBytes         int               `opt:"max_bytes" min:"1" doc:"Size of a document, and of a result, at most; more is a fault."`
	parse.Guard

	Given option.Given

	targets []target
}

// source is the name of a field, or a list with one name.
type source struct{ expr.Template }

// DecodeOption compiles the name.
func (s *source) DecodeOption(v *option.Value) error {
	if v.Kind == option.List && len(v.Items) == 1 {
		v = v.Items[0]
	}
	return s.Template.DecodeOption(v)
}

// target is a query and where its result goes.
type target struct {
	query dynamic
	field expr.Template
	name  string // of the option
}

// Validate checks the queries.
func (o *Options) Validate() error {
	errs := []error{o.CheckStore()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.Given["target_field"] && len(o.Queries) > 0 {
		fault("target_field", "W105", "queries names the fields, so the option has no effect")
	}
	if o.Given["ignore_namespaces"] && o.Parser == "html" {
		fault("ignore_namespaces", "W105", "there are no name spaces in HTML, so the option has no effect")
	}
	query := o.Query
	switch {
	case !query.IsZero() && len(o.Queries) > 0:
		fault("queries", option.Contradiction, "cannot be set together with query")
	case query.IsZero() && len(o.Queries) == 0 && o.TargetMode == "xml_to_dict":
		query = template("/")
	case query.IsZero() && len(o.Queries) == 0:
		fault("query", option.Required, "required option is missing")
	}
	o.targets = nil
	if !query.IsZero() {
		o.targets = append(o.targets, target{newDynamic(query), o.TargetField, "query"})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Queries)) {
		field, err := expr.ParseTemplate(name)
		if err != nil {
			fault("queries", option.Dynamic, "%s", err)
			continue
		}
		o.targets = append(o.targets, target{newDynamic(o.Queries[name]), field, "queries." + name})
	}
	compiler := newQueries(o.Namespaces)
	for _, t := range o.targets {
		if text, static := t.query.text.Static(); static {
			if _, err := compiler.compile(text); err != nil {
				fault(t.name, option.Source, "%s", err)
			}
		}
		if text, static := t.field.Static(); static && text == "" {
			fault("target_field", option.NotAllowed, "must not be empty")
		}
	}
	return errors.Join(errs...)
}

type parser struct {
	env     actor.Env
	opts    Options
	results *store.Results
	queries *queries
	reader  xmlReader
	render  renderer
	paths   map[string]event.Path
}

// New makes an XPathParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	results, err := o.Results(env)
	return &parser{
		env: env, opts: o, results: results, queries: newQueries(o.Namespaces), reader: xmlReader{plain: o.IgnoreNamespaces}, paths: map[string]event.Path{},
	}, err
}

var cacheHit = event.MustPath("gambolputty.cache_hit")

// Process runs the queries on the events.
func (p *parser) Process(ctx context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		source, _, err := p.path(p.opts.SourceField.Template, e)
		if err != nil {
			p.env.Fault(e, "source_field", err)
			continue
		}
		v, ok := e.Get(source)
		if !ok {
			continue
		}
		if err := p.handle(ctx, e, v); err != nil {
			p.env.Fault(e, source.String(), err)
		}
	}
	return nil
}

// mostPaths bounds the names of fields that are remembered.
const mostPaths = 1000

// path is the field that a dynamic option names for an event.
func (p *parser) path(t expr.Template, e *event.Event) (path event.Path, resolved bool, err error) {
	name, resolved := t.Text(e)
	if path, ok := p.paths[name]; ok {
		return path, resolved, nil
	}
	if path, err = event.ParsePath(strings.Clone(name)); err != nil {
		return path, resolved, err
	}
	if len(p.paths) >= mostPaths {
		clear(p.paths)
	}
	p.paths[path.String()] = path
	return path, resolved, nil
}

var (
	errKey    = errors.New("a field of redis_key is missing")
	errTarget = errors.New("a field of target_field is missing")
)

func (p *parser) handle(ctx context.Context, e *event.Event, v event.Value) error {
	texts, fields, err := p.prepare(e)
	if err != nil {
		return err
	}
	key := ""
	if p.results != nil {
		var ok bool
		if key, ok = p.results.Key(e); !ok {
			return errKey
		}
	}
	found, hit, err := p.results.Get(ctx, key, func() (event.Value, bool, error) { return p.work(v, texts) })
	if err != nil {
		return err
	}
	if err := p.set(e, fields, found); err != nil || p.results == nil {
		return err
	}
	return e.Set(cacheHit, event.Bool(hit))
}

// prepare computes the queries for an event, and the fields for their results.
func (p *parser) prepare(e *event.Event) (texts []string, fields []event.Path, err error) {
	texts, fields = make([]string, len(p.opts.targets)), make([]event.Path, len(p.opts.targets))
	for i := range p.opts.targets {
		t := &p.opts.targets[i]
		if texts[i], err = t.query.of(e); err != nil {
			return nil, nil, err
		}
		var resolved bool
		if fields[i], resolved, err = p.path(t.field, e); err == nil && !resolved {
			err = errTarget
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return texts, fields, nil
}

// set stores the results: that of the only query, or those of all in a list. What found nothing
// is null.
func (p *parser) set(e *event.Event, fields []event.Path, found event.Value) error {
	several := len(p.opts.Queries) > 0
	if several && found.List().Len() != len(fields) { // somebody else wrote to the store
		return errStrange
	}
	for i, field := range fields {
		v := found
		if several {
			v = found.List().At(i)
		}
		if v.IsNull() {
			continue
		}
		if err := e.Set(field, v); err != nil {
			return err
		}
	}
	return nil
}

var (
	errSize    = errors.New("the document is larger than max_bytes")
	errStrange = errors.New("the stored result does not fit the queries")
)

// work parses the document and runs the queries. Nothing is kept if nothing was found.
func (p *parser) work(v event.Value, texts []string) (result event.Value, keep bool, err error) {
	if !v.IsString() {
		return event.Null, false, parse.ErrNotText
	}
	if len(v.Str()) > p.opts.MaxBytes {
		return event.Null, false, errSize
	}
	root, err := p.document(v.Str())
	if err != nil {
		return event.Null, false, err
	}
	r := &p.render
	r.left = p.opts.MaxBytes
	list := make([]event.Value, len(texts))
	for i, text := range texts {
		if list[i], err = p.run(r, root, text); err != nil {
			return event.Null, false, err
		}
		keep = keep || !list[i].IsNull()
	}
	if len(p.opts.Queries) == 0 {
		return list[0], keep, nil
	}
	return event.ListOf(list...), keep, nil
}

func (p *parser) document(s string) (*node, error) {
	if p.opts.Parser == "html" {
		return p.reader.parseHTML(s)
	}
	return p.reader.read(s)
}

// run makes a value of what a query finds, null for nothing.
func (p *parser) run(r *renderer, root *node, text string) (event.Value, error) {
	found, err := p.queries.evaluate(text, root)
	if err != nil {
		return event.Null, err
	}
	switch found := found.(type) {
	case bool:
		return event.Bool(found), nil
	case float64:
		return event.Float(found), nil
	case string:
		return event.String(found), nil
	case places:
		return p.list(r, found)
	}
	return event.Null, nil
}

func (p *parser) list(r *renderer, found places) (event.Value, error) {
	if len(found) == 0 {
		return event.Null, nil
	}
	items := make([]event.Value, len(found))
	for i, n := range found {
		var err error
		if items[i], err = p.item(r, n); err != nil {
			return event.Null, err
		}
	}
	if len(items) == 1 && !p.opts.ForceList {
		return items[0], nil
	}
	return event.ListOf(items...), nil
}

func (p *parser) item(r *renderer, n place) (event.Value, error) {
	switch {
	case n.attr >= 0:
		return r.plain(n.attrs[n.attr].value)
	case n.kind == text || n.kind == comment:
		return r.plain(n.data)
	case p.opts.TargetMode == "xml_to_dict":
		return r.dict(n.node)
	}
	s, err := r.element(n.node)
	return event.String(s), err
}

// plain is a text as it is.
func (r *renderer) plain(s string) (event.Value, error) {
	if r.left -= len(s) + 1; r.left < 0 {
		return event.Null, errLongResult
	}
	return event.String(s), nil
}
