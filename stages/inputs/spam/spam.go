// Package spam makes events out of nothing, for load tests and for trying parsers.
package spam

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

//go:embed spam.md
var doc string

// Spec is the Spam module.
var Spec = actor.DefineSource(actor.Info{
	Name:     "Spam",
	Aliases:  []string{"input.Spam"},
	Role:     actor.Input,
	Summary:  "Makes events of texts and maps in the configuration, as fast as it can.",
	Doc:      doc,
	Parallel: true,
	Example: `- Spam:
    event: [{'dish': 'soup', 'price': 5}, 'plain text']
    events_count: 3
`,
}, Options{}, New)

// Options of the Spam module.
type Options struct {
	Event  entries       `opt:"event" doc:"Text, map, or list of texts and maps to send."`
	Sleep  time.Duration `opt:"sleep" min:"0s" doc:"Pause after each event."`
	Count  int           `opt:"events_count" min:"0" doc:"Number of events after which the input ends; 0 never ends."`
	PerSec float64       `opt:"events_per_second" min:"0" doc:"Steady rate; 0 is as fast as possible."`
}

// entries are the things to send.
type entries []entry

// entry is a text, or the fields of a map.
type entry struct {
	text   *expr.Template
	fields expr.ValueTemplate
}

// OptionType describes the option in tables.
func (*entries) OptionType() string { return "any" }

// DecodeOption reads one entry or a list of them.
func (l *entries) DecodeOption(v *option.Value) error {
	items := []*option.Value{v}
	if v.Kind == option.List {
		items = v.Items
	}
	var errs []error
	for i, item := range items {
		switch item.Kind {
		case option.String:
			t, err := expr.ParseTemplate(item.Text)
			errs = append(errs, expr.Place(err, item))
			*l = append(*l, entry{text: &t})
		case option.Map:
			t, err := expr.Value(item)
			errs = append(errs, err)
			*l = append(*l, entry{fields: t})
		default:
			errs = append(errs, item.Faultf(option.WrongType, "entry %d must be string or map, got %s", i, item.Describe()))
		}
	}
	return errors.Join(errs...)
}

type source struct {
	env   actor.Env
	opts  Options
	vars  *event.Event // holds counter and now
	plain bool         // no entry uses them
}

var (
	counterKey = event.Intern("counter")
	nowKey     = event.Intern("now")
)

// New makes a Spam.
func New(env actor.Env, o Options) (actor.Source, error) {
	if len(o.Event) == 0 {
		empty, err := expr.ParseTemplate("")
		if err != nil {
			return nil, err
		}
		o.Event = entries{{text: &empty}}
	}
	s := &source{env: env, opts: o, vars: event.New(env.Source), plain: true}
	for _, e := range o.Event {
		if e.text == nil {
			s.plain = false
		} else if _, static := e.text.Static(); !static {
			s.plain = false
		}
	}
	return s, nil
}

// Run sends events until there were enough or ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	size := out.Size()
	pause := s.opts.Sleep
	if s.opts.PerSec > 0 {
		pause = max(pause, time.Duration(float64(time.Second)/s.opts.PerSec))
	}
	if pause > 0 {
		size = 1
	}
	start := time.Now()
	for sent := 0; ctx.Err() == nil && (s.opts.Count == 0 || sent < s.opts.Count); {
		b := out.Batch("")
		n := size
		if s.opts.Count > 0 {
			n = min(n, s.opts.Count-sent)
		}
		for i := range n {
			s.add(b, sent+i)
		}
		sent += n
		if err := out.Emit(b, nil); err != nil {
			return err
		}
		if pause > 0 && (s.opts.Count == 0 || sent < s.opts.Count) {
			s.wait(ctx, start, sent, pause)
		}
	}
	return nil
}

// wait pauses after an event. With a rate, the time is counted from the start, so that
// slowness elsewhere is made up for.
func (s *source) wait(ctx context.Context, start time.Time, sent int, pause time.Duration) {
	if s.opts.PerSec > 0 && s.opts.Sleep == 0 {
		pause = time.Until(start.Add(time.Duration(float64(sent) / s.opts.PerSec * float64(time.Second))))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// add makes event number n, counted from 0.
func (s *source) add(b *actor.Batch, n int) {
	e := b.New()
	one := &s.opts.Event[n%len(s.opts.Event)]
	if !s.plain {
		s.vars.SetField(counterKey, event.Int(int64(n+1)))
		s.vars.SetField(nowKey, event.String(time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00")))
	}
	if one.text != nil {
		text, _ := one.text.Text(s.vars) // other references stay as they are
		e.SetField(event.Data, event.String(text))
		return
	}
	fields, _ := one.fields.Eval(s.vars)
	e.Merge(fields.Clone().Map(), false)
}
