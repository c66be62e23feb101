package config

import (
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

// connect resolves the receivers of all modules.
func (b *builder) connect() {
	for _, m := range b.modules {
		switch {
		case m.common.Receivers != nil:
			b.receivers(m, m.common.Receivers)
		case m.role() == actor.Output || m.role() == actor.StandAlone:
		default:
			b.defaultReceiver(m)
		}
	}
	for _, m := range b.modules {
		if !m.common.Enabled {
			m.Edges = nil
		}
		m.Edges = slices.DeleteFunc(m.Edges, func(e Edge) bool { return !e.To.common.Enabled })
	}
}

// defaultReceiver is the next module in the file through which events pass. The dead
// letter module gets no others than those that are meant for it, and modules of another program
// and own ones do not change each other's flow.
func (b *builder) defaultReceiver(m *Module) {
	if !m.common.Enabled || m.Spec == nil {
		return
	}
	at := slices.Index(b.modules, m)
	for _, next := range b.modules[at+1:] {
		if next.shared != m.shared || !next.common.Enabled || !next.inFlow() || next.ID == b.plan.Global.DeadLetter {
			continue
		}
		if next.role() == actor.Input {
			b.moduleProblem(m, "E026", "write receivers: with the modules that shall get the events",
				"the next module %s is an input and cannot receive events", next.title())
			m.broken = true
			return
		}
		m.Edges = []Edge{{To: next}}
		return
	}
}

// receivers reads a list of receivers.
func (b *builder) receivers(m *Module, v *option.Value) {
	role := m.role()
	if role == actor.Output || role == actor.StandAlone {
		if v.Kind != option.List || len(v.Items) > 0 {
			b.keyFault(m, "receivers", "E024", "", "an %s has no receivers", map[actor.Role]string{actor.Output: "output", actor.StandAlone: "stand-alone module"}[role])
		}
		// The names in it are of no use, but they may be wrong as well.
	}
	if v.Kind != option.List {
		hint := "write receivers: [] if events shall end here"
		if v.Kind == option.String {
			hint = "write receivers: [" + v.Text + "]"
		}
		if role != actor.Output && role != actor.StandAlone {
			b.receiverFault(m, v, "", "E021", hint, "must be a list, got %s", v.Describe())
			m.broken = true
		}
		return
	}
	if role == actor.Output || role == actor.StandAlone {
		return
	}
	for _, item := range v.Items {
		b.receiver(m, item)
	}
}

func (b *builder) receiverFault(m *Module, v *option.Value, name string, code option.Code, hint, format string, args ...any) {
	b.report.add(Problem{File: v.File, Line: v.Line, Column: v.Column, Module: m.title(), Code: code,
		Option: strings.TrimSuffix("receivers."+name, "."), Message: fmt.Sprintf(format, args...), Hint: hint})
}

// receiver reads one entry: a name, or a name with its options.
func (b *builder) receiver(m *Module, v *option.Value) {
	name, opts := v, (*option.Value)(nil)
	if v.Kind == option.Map && len(v.Pairs) == 1 {
		name, opts = v.Pairs[0].Key, v.Pairs[0].Value
	}
	if name.Kind != option.String {
		b.receiverFault(m, v, "", "E021", "write the name of a module, or the name with a filter below it", "a receiver must be a name or a map with one key, got %s", v.Describe())
		return
	}
	edge := b.edge(m, name.Text, opts)
	to := b.resolve(m, name)
	if to == nil {
		return
	}
	switch role := to.role(); {
	case role == actor.Input, role == actor.StandAlone:
		b.receiverFault(m, name, name.Text, "E023", "", "%s is an %s and cannot receive events", name.Text, strings.ReplaceAll(string(role), "stand_alone", "stand-alone module"))
		return
	case slices.ContainsFunc(m.Edges, func(e Edge) bool { return e.To == to }):
		b.receiverFault(m, name, name.Text, "E025", "name it once and join the filters with or", "%s is listed twice", name.Text)
		return
	}
	edge.To = to
	m.Edges = append(m.Edges, edge)
}

// edgeOptions are the options of a receiver.
type edgeOptions struct {
	Filter *expr.Filter `opt:"filter" doc:"Only events that match go there."`
	Else   bool         `opt:"else" doc:"Only events that no other receiver took go there."`
	Sample float64      `opt:"sample" min:"0" max:"1" doc:"Share of the events that go there, chosen at random."`
	Buffer edgeBuffer   `opt:"buffer" doc:"Where events wait that find no room in front of the receiver."`
}

func (b *builder) edge(m *Module, name string, v *option.Value) Edge {
	o := edgeOptions{Buffer: defaultEdgeBuffer()}
	if v == nil || v.Kind == option.Null {
		return Edge{}
	}
	if f := v.Get("filter"); f != nil && f.Kind == option.String && strings.TrimSpace(f.Text) == "" {
		f.Kind = option.Null // an empty filter is none
	}
	for _, f := range option.Decode(v, &o) {
		f.Option = strings.TrimSuffix("receivers."+name+"."+f.Option, ".")
		b.place(f, nil, v.Position, m.title())
	}
	e := Edge{Filter: o.Filter, Else: o.Else, Sample: o.Sample}
	if given := v.Get("buffer"); given != nil && given.Kind == option.Map {
		for _, f := range option.Faults(o.Buffer.check(), option.Contradiction) {
			f.Option = "receivers." + name + ".buffer." + f.Option
			b.place(f, nil, given.Position, m.title())
		}
		e.Buffer, e.Queue = o.Buffer.buffer(), o.Buffer.queue()
	}
	return e
}

// resolve finds the module that a receiver names.
func (b *builder) resolve(m *Module, name *option.Value) *Module {
	var ids, sameClass []string
	shared := 0
	for _, o := range b.modules {
		if o.Name == name.Text && !o.declared && o.common.Enabled {
			shared++
		}
		if o.Name == name.Text && o.declared {
			sameClass = append(sameClass, o.ID)
		}
		if o.inFlow() && o.role() != actor.Input {
			ids = append(ids, o.ID)
		}
	}
	for _, o := range b.modules {
		if o.ID != name.Text {
			continue
		}
		if shared > 1 && !o.declared {
			b.receiverFault(m, name, name.Text, "W107", "give the modules ids", "%d modules are called %s; this is the first one", shared, name.Text)
		}
		return o
	}
	hint := ""
	if near := option.Nearest(name.Text, ids); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if len(sameClass) > 0 {
		hint = "the modules of this class have ids: " + strings.Join(sameClass, ", ")
	}
	b.receiverFault(m, name, name.Text, "E022", hint, "unknown receiver %q", name.Text)
	return nil
}
