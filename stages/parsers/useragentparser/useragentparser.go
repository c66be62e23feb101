// Package useragentparser recognises browsers, systems and devices.
package useragentparser

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/ua-parser/uap-go/uaparser"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
)

// Spec is the UserAgentParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "UserAgentParser",
	Aliases:  []string{"parser.UserAgent"},
	Role:     actor.Parser,
	Summary:  "Recognises browser, operating system and device in a User-Agent text.",
	Doc:      "The rules are those of the [uap-core](https://github.com/ua-parser/uap-core) project. Of its 1,200 regular expressions only those are tried whose words are in the text, which takes some 10 microseconds instead of a thousand and gives the same results. They are also remembered; `cache_size` should exceed the number of different texts that are common.",
	Parallel: true,
	Example: `- UserAgentParser:
    source_fields: user_agent
    target_field: user_agent_info
`,
}, Options{
	TargetField: event.MustPath("user_agent_info"),
	Legacy:      true,
	CacheSize:   1000,
	MaxLength:   2048,
}, New)

// Options of the UserAgentParser module.
type Options struct {
	SourceFields []event.Path `opt:"source_fields" old:"source_field" required:"true" doc:"Fields with the text; the first one that is there and not empty counts."`
	TargetField  event.Path   `opt:"target_field" doc:"Field for the result, a map."`
	Legacy       bool         `opt:"legacy_fields" doc:"Add bot, browser and platform as earlier versions of the former program had them."`
	CacheSize    int          `opt:"cache_size" min:"1" doc:"Results to remember."`
	RegexesFile  string       `opt:"regexes_file" null:"true" doc:"File with newer rules, a regexes.yaml of uap-core."`
	HintFields   []event.Path `opt:"hint_fields" doc:"Fields with the client hints Sec-CH-UA-Platform, Sec-CH-UA-Platform-Version and Sec-CH-UA-Model, in this order; they win over the text."`
	MaxLength    int          `opt:"max_length" min:"1" doc:"Longer texts are cut before they are looked at."`
	DeviceType   bool         `opt:"device_type" doc:"Add device_type: desktop, mobile, tablet, bot or other."`
	parse.Guard

	rules []byte
}

// Validate reads newer rules.
func (o *Options) Validate() error {
	if o.RegexesFile == "" {
		return nil
	}
	text, err := os.ReadFile(o.RegexesFile)
	var r *rules
	if err == nil {
		r, err = readRules(text)
	}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return &option.Fault{Code: option.Unreadable, Option: "regexes_file", Message: fmt.Sprintf("cannot use %q: %s", o.RegexesFile, err)}
	}
	o.rules = text
	return nil
}

// Reads names the file with newer rules.
func (o *Options) Reads() []actor.File {
	if o.RegexesFile == "" {
		return nil
	}
	return []actor.File{{Option: "regexes_file", Path: o.RegexesFile}}
}

// recogniser is shared by all workers. Its rules are read when the first text comes,
// because they take some time and memory.
type recogniser struct {
	rules func() (*rules, error)
	cache *lru.Cache[string, event.Value]
}

type parser struct {
	env     actor.Env
	opts    Options
	matcher *matcher
	*recogniser
}

// New makes a UserAgentParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	var err error
	r := actor.Shared(env, func() *recogniser {
		r := &recogniser{}
		r.cache, err = lru.New[string, event.Value](o.CacheSize)
		r.rules = sync.OnceValues(func() (*rules, error) {
			if o.rules == nil {
				return readRules(uaparser.DefinitionYaml)
			}
			return readRules(o.rules)
		})
		return r
	})
	return &parser{env: env, opts: o, recogniser: r}, err
}

// Process sets the result on the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		text, found := p.text(e)
		if !found {
			continue
		}
		result, err := p.recognise(text)
		if err != nil {
			return err
		}
		if err := e.Set(p.opts.TargetField, p.hinted(e, result)); err != nil {
			p.env.Fault(e, p.opts.TargetField.String(), err)
		}
	}
	return nil
}

// text returns the first text that is there and not empty. found is set for an empty one
// as well, if there is no other.
func (p *parser) text(e *event.Event) (text string, found bool) {
	for _, f := range p.opts.SourceFields {
		v, ok := e.Get(f)
		switch {
		case !ok:
			continue
		case !v.IsString():
			p.env.Fault(e, f.String(), parse.ErrNotText)
			continue
		}
		found = true
		if text = v.Str(); text != "" {
			return text[:min(len(text), p.opts.MaxLength)], true
		}
	}
	return "", found
}

// recognise returns the result from the cache or by the rules. It is shared by all events
// with that text, which copy what they change.
func (p *parser) recognise(text string) (event.Value, error) {
	if result, ok := p.cache.Get(text); ok {
		return result, nil
	}
	text = strings.Clone(text) // it must not keep the buffer alive that it was read into
	if p.matcher == nil {
		r, err := p.rules()
		if err != nil {
			return event.Null, fmt.Errorf("read the rules: %w", err)
		}
		p.matcher = newMatcher(r)
	}
	result := p.result(p.matcher.recognise(text))
	p.cache.Add(text, result)
	return result, nil
}
