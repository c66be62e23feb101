// Package math calculates with fields.
package math

import (
	"context"
	_ "embed"
	"errors"
	"maps"
	gomath "math"
	"slices"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

//go:embed math.md
var doc string

// Spec is the Math module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Math",
	Aliases:  []string{"modifier.Math"},
	Role:     actor.Modifier,
	Summary:  "Calculates with fields, for each event or over an interval.",
	Doc:      doc,
	Parallel: true,
	Example: `- Math:
    target_field: request_time
    function: float($(request_time)) * 1000
- Math:
    function: int($(bytes_send))
    interval: 10
    results_function: sum($(results)) / len($(results))
    target_field: avg_bytes
`,
}, Options{}, New)

// Options of the Math module.
type Options struct {
	Function        *expr.Calc            `opt:"function" doc:"Expression to calculate. Required unless functions is set."`
	Functions       map[string]*expr.Calc `opt:"functions" doc:"Several expressions, by the field for their result."`
	ResultsFunction *expr.Calc            `opt:"results_function" doc:"Expression over the results of an interval. Required with interval."`
	Interval        *time.Duration        `opt:"interval" doc:"Collect results for so long, in seconds."`
	TargetField     event.Path            `opt:"target_field" null:"true" doc:"Field for the result. The default with interval is math_result."`
	MissingValue    *constant             `opt:"missing_value" doc:"Value that missing fields count as."`
	AllowNaN        bool                  `opt:"allow_nan" doc:"Set results that are infinite or no number."`
	RoundTo         *int                  `opt:"round_to" min:"0" max:"300" doc:"Round floating point results to so many digits."`
	GroupBy         expr.Template         `opt:"group_by" null:"true" doc:"What results are collected by, with interval. The event has it in the field group."`

	targets []target
}

// constant is any value.
type constant struct{ event.Value }

// OptionType describes the option in tables.
func (*constant) OptionType() string { return "any" }

// DecodeOption reads the value.
func (c *constant) DecodeOption(v *option.Value) error {
	t, err := expr.Value(v)
	if err != nil {
		return err
	}
	c.Value, _ = t.Eval(event.New(event.NewSource("Math", "Math")))
	return nil
}

// target is an expression and where its result goes; a zero path is nowhere.
type target struct {
	calc  *expr.Calc
	field event.Path
	name  string
}

// Validate checks that the options go together.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	switch {
	case o.Function == nil && len(o.Functions) == 0:
		fault("function", option.Required, "required option is missing")
	case o.Function != nil && len(o.Functions) > 0:
		fault("functions", option.Contradiction, "cannot be set together with function")
	}
	if o.Interval != nil {
		if *o.Interval <= 0 {
			fault("interval", option.OutOfRange, "must be above 0")
		}
		if o.ResultsFunction == nil {
			fault("results_function", option.Required, "required option is missing: interval is set")
		}
		if len(o.Functions) > 0 {
			fault("functions", option.Contradiction, "cannot be set together with interval")
		}
	}
	if o.Function != nil {
		o.targets = []target{{o.Function, o.TargetField, "function"}}
		if o.TargetField.IsZero() && o.Interval == nil {
			fault("target_field", "W105", "without a field the result is thrown away")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Functions)) {
		p, err := event.ParsePath(name)
		if err != nil {
			fault("functions", option.Dynamic, err.Error())
		}
		o.targets = append(o.targets, target{o.Functions[name], p, "functions." + name})
	}
	return errors.Join(errs...)
}

// results are those of one interval, by group. All workers share them.
type results struct {
	mu     sync.Mutex
	groups map[string][]event.Value
	count  int
}

// maxResults bounds what is collected in an interval.
const maxResults = 1_000_000

// add notes a result; false means that there are too many.
func (r *results) add(group string, v event.Value) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count >= maxResults {
		return false
	}
	r.count++
	r.groups[group] = append(r.groups[group], v.Clone())
	return true
}

func (r *results) take() map[string][]event.Value {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups
	r.groups, r.count = map[string][]event.Value{}, 0
	return g
}

type modifier struct {
	env     actor.Env
	opts    Options
	work    []*expr.Evaluator
	final   *expr.Evaluator
	results *results
}

// New makes a Math.
func New(env actor.Env, o Options) (actor.Processor, error) {
	m := &modifier{env: env, opts: o}
	for _, t := range o.targets {
		m.work = append(m.work, t.calc.Evaluator())
	}
	if o.Interval == nil {
		return m, nil
	}
	m.final = o.ResultsFunction.Evaluator()
	if o.TargetField.IsZero() {
		m.opts.TargetField = event.MustPath("math_result")
	}
	m.results = actor.Shared(env, func() *results { return &results{groups: map[string][]event.Value{}} })
	return &collector{m}, nil
}

var (
	errNaN    = errors.New("the result is infinite or no number")
	errCrowd  = errors.New("there are too many results in this interval")
	errNoName = errors.New("a field of group_by is missing")
)

// Process calculates for every event.
func (m *modifier) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		for i, t := range m.opts.targets {
			v, err := m.calculate(i, e)
			if err == nil && !t.field.IsZero() {
				err = e.Set(t.field, v)
			}
			if err != nil {
				m.env.Fault(e, t.name, err)
			}
		}
	}
	return nil
}

func (m *modifier) calculate(i int, e *event.Event) (event.Value, error) {
	var otherwise *event.Value
	if m.opts.MissingValue != nil {
		otherwise = &m.opts.MissingValue.Value
	}
	v, err := m.work[i].Eval(e, otherwise)
	if err != nil {
		return v, err
	}
	return m.finish(v)
}

// finish rounds a result and refuses what JSON cannot hold.
func (m *modifier) finish(v event.Value) (event.Value, error) {
	if v.Kind() != event.KindFloat {
		return v, nil
	}
	f, _ := v.Float()
	if gomath.IsNaN(f) || gomath.IsInf(f, 0) {
		if m.opts.AllowNaN {
			return v, nil
		}
		return event.Null, errNaN
	}
	if m.opts.RoundTo != nil {
		p := gomath.Pow(10, float64(*m.opts.RoundTo))
		if r := gomath.RoundToEven(f*p) / p; !gomath.IsNaN(r) && !gomath.IsInf(r, 0) {
			f = r
		}
	}
	return event.Float(f), nil
}

// collector keeps the results of an interval instead of setting them.
type collector struct{ *modifier }

// Process adds the results of the events.
func (c *collector) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		if err := c.collect(e); err != nil {
			c.env.Fault(e, "function", err)
		}
	}
	return nil
}

func (c *collector) collect(e *event.Event) error {
	v, err := c.calculate(0, e)
	if err != nil {
		return err
	}
	group := ""
	if !c.opts.GroupBy.IsZero() {
		var ok bool
		if group, ok = c.opts.GroupBy.Text(e); !ok {
			return errNoName
		}
	}
	if !c.results.add(group, v) {
		return errCrowd
	}
	return nil
}

// FlushEvery is the interval.
func (c *collector) FlushEvery() time.Duration { return *c.opts.Interval }

var groupPath = event.MustPath("group")

// Flush evaluates the results of every group and makes an event of each.
func (c *collector) Flush(_ context.Context, out *actor.Batch) error {
	groups := c.results.take()
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		list := groups[group]
		v, err := c.final.EvalResults(event.ListOf(list...))
		if err == nil {
			v, err = c.finish(v)
		}
		if err != nil {
			c.env.Log.Error("results_function failed, the results are dropped", "results", len(list), "error", err)
			continue
		}
		e := out.New()
		e.SetType("math")
		if err := e.Set(c.opts.TargetField, v); err != nil {
			c.env.Fault(e, c.opts.TargetField.String(), err)
		}
		if c.opts.GroupBy.IsZero() {
			continue
		}
		if err := e.Set(groupPath, event.String(group)); err != nil {
			c.env.Fault(e, groupPath.String(), err)
		}
	}
	return nil
}
