// Package regexparser cuts text into fields by named regular expressions.
package regexparser

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

//go:embed regexparser.md
var doc string

// Spec is the RegexParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "RegexParser",
	Aliases:  []string{"parser.Regex", "parser.RegexParser"},
	Role:     actor.Parser,
	Summary:  "Cuts text into fields by named regular expressions and grok patterns.",
	Forgets:  true,
	Doc:      doc,
	Parallel: true,
	Example: `- RegexParser:
    source_field: data
    field_extraction_patterns:
      - access: '%{IP:remote_ip} .*? "(?P<url>[^"]*)" %{NUMBER:http_status:int}'
      - poem: ['(?P<poem>.*)', 're.MULTILINE | re.DOTALL']
`,
}, Options{
	SourceField:       event.KeyPath(event.Data),
	MarkUnmatchedAs:   "Unknown",
	BreakOnMatch:      true,
	HotRulesFirst:     true,
	HotRulesInterval:  10 * time.Second,
	KeepEmptyCaptures: true,
	KeepOriginal:      true,
	Options:           grok.Defaults,
}, New)

// Options of the RegexParser module.
type Options struct {
	SourceField       event.Path    `opt:"source_field" doc:"Field with the text to match."`
	SourceFields      []event.Path  `opt:"source_fields" doc:"Several fields with text to match; the first field that matches wins. Replaces source_field."`
	Patterns          Patterns      `opt:"field_extraction_patterns" required:"true" doc:"List of patterns, each as event type: pattern, or event type: [pattern, flags, search or findall]. Every named group becomes a field."`
	MarkUnmatchedAs   string        `opt:"mark_unmatched_as" doc:"Event type of events that no pattern matches."`
	TagOnUnmatched    string        `opt:"tag_on_unmatched" null:"true" doc:"Tag for events that no pattern matches."`
	BreakOnMatch      bool          `opt:"break_on_match" doc:"Stop after the first pattern that matches. False tries all of them; later ones overwrite fields and event type."`
	HotRulesFirst     bool          `opt:"hot_rules_first" doc:"Try the patterns that matched most often of late first. False keeps the order of the list."`
	HotRulesInterval  time.Duration `opt:"hot_rules_interval" min:"100ms" doc:"How often the patterns are sorted by their hits."`
	TargetField       event.Path    `opt:"target_field" null:"true" doc:"Field for a map with all groups, instead of the top level of the event."`
	KeepEmptyCaptures bool          `opt:"keep_empty_captures" doc:"Set fields of groups that took no part in the match to null. False leaves such fields alone."`
	KeepOriginal      bool          `opt:"keep_original" doc:"Keep the source field of an event that matched."`
	TrimValues        bool          `opt:"trim_values" doc:"Remove blanks around the values."`
	grok.Options

	rules []*rule
	sieve *regex.Set
}

// Validate compiles the patterns.
func (o *Options) Validate() error {
	if len(o.Patterns.entries) == 0 {
		return &option.Fault{Code: option.Required, Option: "field_extraction_patterns", Message: "needs at least one pattern"}
	}
	if len(o.SourceFields) == 0 {
		o.SourceFields = []event.Path{o.SourceField}
	}
	rules, err := o.compile()
	o.rules = rules
	if err == nil && len(rules) >= manyRules {
		var patterns []*regex.Pattern
		for _, r := range rules {
			patterns = append(patterns, r.pattern)
		}
		o.sieve = regex.NewSet(patterns)
	}
	return err
}

// manyRules is the number of rules from which on one look at a text, for all of them
// together, is cheaper than a try of each.
const manyRules = 5

var errNotText = errors.New("the value is not a string")

type parser struct {
	env     actor.Env
	opts    Options
	rules   []runner // in the order of the configuration
	ranking *ranking
	order   []int // indices of rules, the hottest first
	hits    []int64
	costs   costs
	sieve   *regex.SetMachine // tells which rules are worth a try; nil for a few of them
}

// runner is a rule with the scratch memory of one worker.
type runner struct {
	*rule
	machine *regex.Machine
}

// New makes a RegexParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o, hits: make([]int64, len(o.rules)), costs: newCosts(env, o.rules)}
	for _, r := range o.rules {
		p.rules = append(p.rules, runner{r, r.pattern.Machine()})
		d := r.pattern.Describe()
		env.Log.Debug("pattern compiled", "pattern", r.name, "engine", d.Engine, "because_of", d.Why, "begins", d.Begins, "contains", d.Literals, "advice", d.Advice)
	}
	if o.sieve != nil {
		p.sieve = o.sieve.Machine()
	}
	p.ranking = actor.Shared(env, func() *ranking { return newRanking(len(o.rules), o.HotRulesInterval) })
	p.order = p.ranking.order()
	return p, nil
}

// Process matches every event and keeps count of the hits.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		p.costs.next()
		p.parse(e)
	}
	p.costs.report(p.hits)
	if p.opts.HotRulesFirst && len(p.rules) > 1 {
		p.order = p.ranking.report(p.hits)
	}
	clear(p.hits)
	return nil
}

func (p *parser) parse(e *event.Event) {
	present, matched := false, false
	for _, field := range p.opts.SourceFields {
		v, ok := e.Get(field)
		if !ok {
			continue
		}
		if !v.IsString() {
			p.env.Fault(e, field.String(), errNotText)
			continue
		}
		present = true
		if matched = p.match(e, v.Str()); matched {
			if !p.opts.KeepOriginal {
				e.Delete(field)
			}
			break
		}
	}
	if present && !matched {
		e.SetType(p.opts.MarkUnmatchedAs)
		if p.opts.TagOnUnmatched != "" {
			e.Tag(p.opts.TagOnUnmatched)
		}
	}
}

// match tries the patterns in their present order.
func (p *parser) match(e *event.Event, text string) (matched bool) {
	narrowed := false
	for n, i := range p.order {
		// The hottest rule matches most texts, so it is tried without ado.
		if p.sieve != nil && !narrowed && (n == 1 || !p.opts.BreakOnMatch) {
			p.sieve.Search(text)
			narrowed = true
		}
		if narrowed && !p.sieve.May(i) {
			continue
		}
		r := &p.rules[i]
		began := p.costs.begin()
		hit, err := p.try(r, e, text)
		p.costs.end(i, began)
		if err != nil {
			e.Tag(grok.TimeoutTag)
			p.env.Fault(e, r.name, err)
		}
		if !hit {
			continue
		}
		matched = true
		p.hits[i]++
		e.SetType(r.name)
		if p.opts.BreakOnMatch {
			return true
		}
	}
	return matched
}

// try matches one pattern and sets its fields.
func (p *parser) try(r *runner, e *event.Event, text string) (bool, error) {
	if r.all {
		return p.findAll(r, e, text)
	}
	caps, err := r.machine.Search(text, 0)
	if caps == nil || err != nil {
		return false, err
	}
	p.setTexts(r, e, text, caps)
	for _, i := range r.others {
		p.setOne(&r.captures[i], e, text, caps)
	}
	return true, nil
}

// setTexts sets what goes to the top level as it is.
func (p *parser) setTexts(r *runner, e *event.Event, text string, caps []int) {
	// Most events come with nothing but their text, so no field can be there already.
	fresh := !r.setsData && e.Len() == 1 && e.At(0).Key == event.Data
	for i := range r.texts {
		t := &r.texts[i]
		from, to := caps[t.slot], caps[t.slot+1]
		switch {
		case from < 0:
			p.setOne(&r.captures[t.capture], e, text, caps)
		case fresh:
			e.AppendField(t.key, event.String(text[from:to]))
		default:
			e.SetField(t.key, event.String(text[from:to]))
		}
	}
}

func (p *parser) setOne(c *capture, e *event.Event, text string, caps []int) {
	if v, ok := p.value(c, text, caps); ok || p.opts.KeepEmptyCaptures {
		p.set(e, c, v)
	}
}

// value is what a name captured: nothing is null, several groups of one name that took
// part are a list.
func (p *parser) value(c *capture, text string, caps []int) (v event.Value, ok bool) {
	var list []event.Value
	for _, g := range c.groups {
		from, to := caps[2*g], caps[2*g+1]
		if from < 0 {
			continue
		}
		found := p.convert(c, text[from:to])
		if ok {
			list = append(list, v)
		}
		v, ok = found, true
	}
	if list != nil {
		return event.ListOf(append(list, v)...), true
	}
	return v, ok
}

func (p *parser) convert(c *capture, s string) event.Value {
	if p.opts.TrimValues {
		s = strings.TrimSpace(s)
	}
	return c.convert(s)
}

func (p *parser) set(e *event.Event, c *capture, v event.Value) {
	if c.path.IsZero() {
		e.SetField(c.key, v)
		return
	}
	if err := e.Set(c.path, v); err != nil {
		p.env.Fault(e, c.path.String(), err)
	}
}

// findAll collects what all matches captured as lists.
func (p *parser) findAll(r *runner, e *event.Event, text string) (bool, error) {
	lists := make([][]event.Value, len(r.captures))
	found := false
	err := r.machine.FindAll(text, func(caps []int) bool {
		found = true
		for i := range r.captures {
			v, _ := p.value(&r.captures[i], text, caps)
			lists[i] = append(lists[i], v)
		}
		return true
	})
	if err != nil || !found {
		return false, err
	}
	for i := range r.captures {
		p.set(e, &r.captures[i], event.ListOf(lists[i]...))
	}
	return true, nil
}
