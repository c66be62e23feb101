// Package domainnameparser takes the name of a host apart.
package domainnameparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/parse"
)

//go:embed domainnameparser.md
var doc string

// Spec is the DomainNameParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "DomainNameParser",
	Aliases:  []string{"parser.DomainName"},
	Role:     actor.Parser,
	Summary:  "Takes the host name of a URL apart into subdomain, domain and public suffix.",
	Doc:      doc,
	Parallel: true,
	Example: `- DomainNameParser:
    source_field: url
`,
}, Options{TargetField: event.KeyPath(event.Intern("domain_name_info"))}, New)

// Options of the DomainNameParser module.
type Options struct {
	SourceField parse.Field `opt:"source_field" old:"source_fields" required:"true" doc:"Field with a URL or the name of a host."`
	TargetField event.Path  `opt:"target_field" doc:"Field for the result, a map."`
	SuffixFile  string      `opt:"suffix_file" null:"true" doc:"File with a newer list of public suffixes, a public_suffix_list.dat of publicsuffix.org. It is read at start."`
	parse.Guard
}

// Reads names the list.
func (o *Options) Reads() []actor.File {
	if o.SuffixFile == "" {
		return nil
	}
	return []actor.File{{Option: "suffix_file", Path: o.SuffixFile}}
}

type parser struct {
	env    actor.Env
	opts   Options
	suffix suffixes
	cache  *simplelru.LRU[string, parts]
}

// parts are what a name consists of, or why it does not.
type parts struct {
	subdomain, domain, suffix string
	err                       error
}

// cacheSize is the number of names whose parts are remembered.
const cacheSize = 1000

// loaded is a list of suffixes that all workers share.
type loaded struct {
	suffixes
	err error
}

// New makes a DomainNameParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	list := loaded{suffixes: builtin}
	if o.SuffixFile != "" {
		list = actor.Shared(env, func() loaded {
			s, err := read(o.SuffixFile)
			return loaded{s, err}
		})
	}
	if list.err != nil {
		return nil, fmt.Errorf("suffix_file: %w", list.err)
	}
	cache, err := simplelru.NewLRU[string, parts](cacheSize, nil)
	return &parser{env, o, list.suffixes, cache}, err
}

// Process sets the result on the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		v, ok := e.Get(p.opts.SourceField.Path)
		if !ok {
			continue
		}
		found := parts{err: parse.ErrNotText}
		if v.IsString() {
			found = p.parts(v.Str())
		}
		if found.err != nil {
			p.env.Fault(e, p.opts.SourceField.String(), found.err)
			continue
		}
		if err := e.Set(p.opts.TargetField, found.value()); err != nil {
			p.env.Fault(e, p.opts.TargetField.String(), err)
		}
	}
	return nil
}

var (
	domainKey    = event.Intern("domain")
	subdomainKey = event.Intern("subdomain")
	suffixKey    = event.Intern("suffix")
	tldKey       = event.Intern("tld")
)

func (p parts) value() event.Value {
	suffix := event.String(p.suffix)
	return event.MapOf(event.FromFields([]event.Field{
		{Key: domainKey, Value: event.String(p.domain)},
		{Key: subdomainKey, Value: event.String(p.subdomain)},
		{Key: suffixKey, Value: suffix},
		{Key: tldKey, Value: suffix},
	}))
}

func (p *parser) parts(text string) parts {
	name := hostOf(text)
	if len(name) > maxName {
		return parts{err: errNoName}
	}
	if known, ok := p.cache.Get(name); ok {
		return known
	}
	name = strings.Clone(name) // it must not keep the buffer alive that it was read into
	found := p.split(name)
	p.cache.Add(name, found)
	return found
}

var errSuffix = errors.New("the name ends with no public suffix")

func (p *parser) split(name string) parts {
	name, ascii, err := clean(name)
	if err != nil {
		return parts{err: err}
	}
	labels, ok := p.suffix(ascii)
	if !ok {
		return parts{err: errSuffix}
	}
	rest, suffix := cut(name, labels)
	subdomain, domain := cut(rest, 1)
	return parts{subdomain: subdomain, domain: domain, suffix: suffix}
}

// cut takes the last n labels off a name.
func cut(name string, n int) (rest, last string) {
	at := len(name)
	for range n {
		if at = strings.LastIndexByte(name[:at], '.'); at < 0 {
			return "", name
		}
	}
	return name[:at], name[at+1:]
}
