package config

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// checkFlow looks at the graph as a whole.
func (b *builder) checkFlow() {
	live := b.enabled()
	for _, m := range live {
		for _, e := range m.Edges {
			e.To.fed = true
		}
	}
	for _, m := range live {
		b.checkEnds(m)
	}
	// What feeds a module is not known while a name is wrong.
	if !b.report.has("E006", "E011", "E021", "E022", "E026") {
		for _, m := range live {
			if !m.fed && m.role() != actor.Input && m.inFlow() && m.ID != b.plan.Global.DeadLetter {
				b.moduleProblem(m, "W101", "", "no module sends events to this one")
			}
		}
	}
	b.checkRings(live)
	b.checkBuffers(live)
	for _, m := range live {
		b.checkComparisons(m)
	}
}

func (b *builder) enabled() []*Module {
	var live []*Module
	for _, m := range b.modules {
		if m.common.Enabled {
			live = append(live, m)
		}
	}
	return live
}

// checkEnds looks for events that end at a module that is not made for that.
func (b *builder) checkEnds(m *Module) {
	switch {
	case m.Spec == nil, m.broken, len(m.Edges) > 0, m.role() == actor.Output, !m.inFlow():
	case m.role() == actor.Input && !b.wrongReceivers(m):
		b.moduleProblem(m, "E027", "add a module that takes events, or receivers:", "the input has no receiver")
	case m.common.Receivers == nil && !m.Spec.Ends:
		b.moduleProblem(m, "W102", "add an output, or receivers: [] if this is meant", "events end at this module")
	}
}

// wrongReceivers reports whether m has receivers that were not understood, which is
// enough to say.
func (b *builder) wrongReceivers(m *Module) bool {
	v := m.common.Receivers
	return v != nil && (v.Kind != option.List || len(v.Items) > 0)
}

// checkRings finds loops. One in which no event can ever end is an error.
func (b *builder) checkRings(live []*Module) {
	endless := func(m *Module, e Edge) bool {
		return e.Filter == nil && !e.Else && e.Sample == 0 && !m.withholds() && !e.To.withholds()
	}
	reported := map[*Module]bool{}
	report := func(code option.Code, text string, follow func(*Module, Edge) bool) {
		for _, m := range live {
			if reported[m] {
				continue
			}
			if ring := findRing(m, follow); ring != nil {
				names := make([]string, len(ring))
				for i, r := range ring {
					names[i] = r.ID
					reported[r] = true
				}
				b.moduleProblem(m, code, "", text, strings.Join(append(names, m.ID), " -> "))
			}
		}
	}
	report("E028", "events would go round for ever: %s", endless)
	report("W112", "events may go round: %s; after max_hops rounds they are dropped", func(*Module, Edge) bool { return true })
}

// checkBuffers looks for disks that two edges would share, and for such in a loop.
func (b *builder) checkBuffers(live []*Module) {
	taken := map[string]bool{}
	for _, m := range live {
		for _, e := range m.Edges {
			if e.Buffer == nil && e.Queue == nil {
				continue
			}
			name := "receivers." + e.To.ID + ".buffer"
			if e.Buffer != nil {
				path := filepath.Clean(e.Buffer.Path)
				if taken[path] {
					b.optionFault(m, name+".path", option.Contradiction, "", "the directory %q is that of another buffer", path)
				}
				taken[path] = true
			}
			if findRing(m, func(at *Module, o Edge) bool { return at != m || o.To == e.To }) != nil {
				b.optionFault(m, name, option.Contradiction, "", "an edge that is part of a loop cannot have a buffer")
			}
		}
	}
}

// findRing returns the shortest ring through m over edges that follow allows.
func findRing(m *Module, follow func(*Module, Edge) bool) []*Module {
	from := map[*Module]*Module{}
	queue := []*Module{m}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, e := range at.Edges {
			if !follow(at, e) {
				continue
			}
			if e.To == m {
				ring := []*Module{at}
				for at != m {
					at = from[at]
					ring = append(ring, at)
				}
				slices.Reverse(ring)
				return ring
			}
			if from[e.To] == nil {
				from[e.To] = at
				queue = append(queue, e.To)
			}
		}
	}
	return nil
}

// texter is implemented by options of modules that set fields to text, retyper by those
// that give fields another type.
type (
	texter  interface{ TextFields() []string }
	retyper interface{ Retypes(field string) bool }
)

// checkComparisons warns of filters that compare a field with a number where a parser
// before them makes that field text, so that they never match.
func (b *builder) checkComparisons(m *Module) {
	if f := m.common.Filter; f != nil {
		for _, p := range f.ComparesNumber() {
			if maker := b.makerOfText(m, p.String(), map[*Module]bool{m: true}); maker != nil {
				b.textCompared(m, "filter", p.String(), maker)
			}
		}
	}
	for _, e := range m.Edges {
		if e.Filter == nil {
			continue
		}
		for _, p := range e.Filter.ComparesNumber() {
			maker := b.makerOfText(m, p.String(), map[*Module]bool{})
			if t, ok := m.Opts.(texter); ok && slices.Contains(t.TextFields(), p.String()) {
				maker = m
			}
			if maker != nil {
				b.textCompared(m, "receivers."+e.To.ID+".filter", p.String(), maker)
			}
		}
	}
}

func (b *builder) textCompared(m *Module, name, field string, maker *Module) {
	b.optionFault(m, name, "W110", "compare with a text, as in '200', or use int($("+field+"))",
		"the field %s is compared with a number, but %s makes it text", field, maker.title())
}

// makerOfText looks back along the edges for a parser that makes a field text.
func (b *builder) makerOfText(m *Module, field string, seen map[*Module]bool) *Module {
	for _, before := range b.modules {
		if seen[before] || !slices.ContainsFunc(before.Edges, func(e Edge) bool { return e.To == m }) {
			continue
		}
		seen[before] = true
		if r, ok := before.Opts.(retyper); ok && r.Retypes(field) {
			continue
		}
		if t, ok := before.Opts.(texter); ok && slices.Contains(t.TextFields(), field) {
			return before
		}
		if maker := b.makerOfText(before, field, seen); maker != nil {
			return maker
		}
	}
	return nil
}

// checkNeeds looks for modules that others need, for addresses bound and for files written
// twice.
func (b *builder) checkNeeds() {
	live := b.enabled()
	bound := map[string][]listener{}
	used := map[string]bool{}
	only := map[string]*Module{}
	written := map[string]*Module{}
	for _, m := range live {
		if m.Spec != nil && m.Spec.Once {
			b.checkOnce(m, only)
		}
		if u, ok := m.Opts.(actor.User); ok {
			for _, n := range u.Uses() {
				b.checkNeed(m, n, live)
				used[n.ID] = true
			}
		}
		if m.common.RunOn == runsOnLeader && m.role() == actor.Input {
			b.findChief(m, live)
		}
		if l, ok := m.Opts.(actor.Listener); ok {
			for _, a := range l.Listens() {
				b.checkAddress(m, a, bound)
			}
		}
		if w, ok := m.Opts.(actor.Writer); ok {
			b.checkTargets(m, w.Writes(), written)
		}
	}
	for _, m := range live {
		if m.Spec != nil && m.Spec.Serves && !used[m.ID] && !b.report.has("E011", "E033") {
			b.moduleProblem(m, "W101", "", "no module uses this one")
		}
	}
	b.checkDeadLetter(live)
}

// checkOnce reports a second module of a class of which there must be one only.
func (b *builder) checkOnce(m *Module, only map[string]*Module) {
	first := only[m.Spec.Name]
	if first == nil {
		only[m.Spec.Name] = m
		return
	}
	b.moduleProblem(m, option.Contradiction, "", "there must be one %s only, the first one is in line %d", m.Spec.Name, first.Position.Line)
}

// chiefs are the kinds of modules that say whether this node leads others.
var chiefs = []string{"Pack"}

// findChief finds the module that says when m may run.
func (b *builder) findChief(m *Module, live []*Module) {
	for _, o := range live {
		if o.Spec != nil && slices.Contains(chiefs, o.Spec.Name) {
			m.chief = o.ID
			return
		}
	}
	b.optionFault(m, "run_on", "E033", "", "leader needs a %s, and there is none", strings.Join(chiefs, " or "))
}

func (b *builder) checkNeed(m *Module, n actor.Need, live []*Module) {
	var fitting []string
	for _, o := range live {
		if o.Spec == nil {
			continue
		}
		right := slices.Contains(n.Kinds, o.Spec.Name)
		if o.ID == n.ID && right {
			return
		}
		if o.ID == n.ID && !n.Optional {
			b.optionFault(m, n.Option, "E034", "", "%s is a %s, but a %s is needed", n.ID, o.Spec.Name, strings.Join(n.Kinds, " or "))
			return
		}
		if right {
			fitting = append(fitting, o.ID)
		}
	}
	if n.Optional {
		return
	}
	hint := ""
	if near := option.Nearest(n.ID, fitting); near != "" {
		hint = "did you mean \"" + near + "\"?"
	}
	b.optionFault(m, n.Option, "E033", hint, "there is no module with the id %q; a %s is needed", n.ID, strings.Join(n.Kinds, " or "))
}

// checkTargets warns of files that another module writes to, whose lines may mix with ours.
func (b *builder) checkTargets(m *Module, files []actor.File, written map[string]*Module) {
	for _, f := range files {
		path := f.Path
		if !strings.Contains(path, "://") {
			path = filepath.Clean(path)
		}
		if other := written[path]; other != nil {
			b.optionFault(m, f.Option, "W118", "", "%s in line %d writes to %s too", other.title(), other.Position.Line, f.Path)
			continue
		}
		written[path] = m
	}
}

type listener struct {
	module *Module
	host   string
}

func (b *builder) checkAddress(m *Module, a actor.Address, bound map[string][]listener) {
	if a.Port == 0 && a.Network != "unix" {
		return
	}
	key := a.Network + " " + net.JoinHostPort("", strconv.Itoa(a.Port))
	for _, other := range bound[key] {
		if overlap(other.host, a.Host) {
			b.optionFault(m, a.Option, "E037", "", "%s is bound by %s in line %d too", address(a), other.module.title(), other.module.Position.Line)
			break
		}
	}
	bound[key] = append(bound[key], listener{m, a.Host})
}

func address(a actor.Address) string {
	if a.Network == "unix" {
		return a.Host
	}
	return a.Network + " port " + strconv.Itoa(a.Port)
}

// overlap reports whether two hosts may be the same address.
func overlap(a, b string) bool {
	wildcard := func(h string) bool { return h == "" || h == "0.0.0.0" || h == "::" || h == "*" }
	return a == b || wildcard(a) || wildcard(b)
}

// checkDeadLetter checks that Global.dead_letter names an output.
func (b *builder) checkDeadLetter(live []*Module) {
	id := b.plan.Global.DeadLetter
	if id == "" {
		for _, m := range live {
			if m.common.OnError == "dead_letter" && m.role() != actor.Output {
				b.optionFault(m, "on_error", "E033", "write dead_letter: with the id of an output into the Global section", "there is no dead letter module")
			}
		}
		return
	}
	f := &option.Fault{Option: "dead_letter", Code: "E033"}
	var ids []string
	for _, m := range live {
		if m.ID == id && (m.role() == actor.Output || m.Spec == nil) {
			return
		}
		if m.ID == id {
			f.Code, f.Message = "E034", id+" is no output"
		}
		if m.role() == actor.Output {
			ids = append(ids, m.ID)
		}
	}
	if f.Message == "" {
		f.Message = "there is no module with the id \"" + id + "\""
		if near := option.Nearest(id, ids); near != "" {
			f.Hint = "did you mean \"" + near + "\"?"
		}
	}
	b.place(f, b.global, option.Position{}, "Global")
}

// readable opens what a module will read.
func readable(f actor.File) error {
	if f.Executable {
		_, err := exec.LookPath(f.Path)
		return err
	}
	info, err := os.Stat(f.Path)
	switch {
	case err != nil:
		return err
	case f.Directory && !info.IsDir():
		return errors.New("it is no directory")
	case !f.Directory && info.IsDir():
		return errors.New("it is a directory")
	}
	opened, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	return opened.Close()
}
