package config

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

// Plan is a configuration that has been read and checked.
type Plan struct {
	Global Global
	// Modules are the modules that run, in the order of the file.
	Modules []*Module
	// Files are the files that were read, Texts what they held.
	Files []string
	Texts []Text
	// Skipped are the ids of modules of another program that were not taken, as there are
	// own ones with these ids.
	Skipped []string
	// Replaced says that modules of another program stand in the place of the own ones.
	Replaced bool

	all []*Module // also those that are switched off
	own []*Module // of the own files, even if others stand in their place
}

// Module is one module of a plan.
type Module struct {
	// ID addresses the module; Name is its class as it was written.
	ID, Name string
	// Spec and Opts say what to build.
	Spec *actor.Spec
	Opts any
	// Position is the place of the name in the file.
	Position option.Position
	// Edges lead to the receivers.
	Edges []Edge

	common   common
	tag      string
	options  *option.Value
	declared bool // the module has an id of its own
	broken   bool // its options are not complete
	fed      bool
	chief    string // id of the module that says whether this node leads, if it matters
	shared   bool   // it comes from another program
	text     string // of a shared module
}

// Edge leads from a module to one of its receivers.
type Edge struct {
	To *Module
	// Filter selects events, nil takes all.
	Filter *expr.Filter
	// Else takes what no other receiver took; Sample takes a share at random, 0 is all.
	Else   bool
	Sample float64
	// Buffer is the disk behind the memory of the edge, or nil.
	Buffer *actor.Buffer
	// Queue is memory of the edge's own in front of it, or nil.
	Queue *actor.Queue
}

// Filter is the filter in front of the module, or nil.
func (m *Module) Filter() *expr.Filter { return m.common.Filter }

// title is how messages call the module.
func (m *Module) title() string {
	if m.common.ID != "" {
		return m.common.ID
	}
	return m.Name
}

func (m *Module) role() actor.Role {
	if m.Spec == nil {
		return ""
	}
	return m.Spec.Role
}

// inFlow reports whether events pass through the module.
func (m *Module) inFlow() bool { return m.role() != actor.StandAlone }

func (m *Module) parallel() bool { return m.singleWorker() == "" }

// singleWorker says why the module has one worker only; "" if it may have more.
func (m *Module) singleWorker() string {
	if !m.Spec.Parallel {
		return "the module keeps state that only one worker may touch"
	}
	if s, ok := m.Opts.(actor.Single); ok {
		return s.SingleWorker()
	}
	return ""
}

// Workers is the size of the module's pool.
func (m *Module) workers(g Global) int {
	switch {
	case m.common.PoolSize != nil:
		return *m.common.PoolSize
	case !m.parallel():
		return 1
	case m.Spec.Workers > 0:
		return m.Spec.Workers
	}
	switch m.Spec.Role {
	case actor.Parser, actor.Modifier, actor.Misc:
		return g.Workers
	}
	return 1
}

// inbox is the capacity of the module's inbox in events.
func (m *Module) inbox(g Global) int {
	size, buffer := g.QueueSize, g.QueueBufferSize
	if m.common.QueueSize != nil {
		size = *m.common.QueueSize
	}
	if m.common.BufferSize != nil {
		buffer = *m.common.BufferSize
	}
	backlogged, hasBacklog := m.Opts.(backlogged)
	switch {
	case m.common.InboxSize != nil:
		return *m.common.InboxSize
	case hasBacklog && m.common.QueueSize == nil && m.common.BufferSize == nil:
		backlog, _ := backlogged.Backlog()
		return backlog
	case g.InboxSize != nil && m.common.QueueSize == nil && m.common.BufferSize == nil:
		return *g.InboxSize
	}
	return size * buffer
}

// backlogged is implemented by options of outputs that say how many events may wait.
type backlogged interface{ Backlog() (backlog, batch int) }

// withholds reports whether events may stay or end in the module.
func (m *Module) withholds() bool {
	if m.Spec == nil || m.Spec.Withholds {
		return true
	}
	w, ok := m.Opts.(actor.Withholder)
	return ok && w.Withholds()
}

// Nodes are the modules as the runtime takes them. log makes the logger of a module.
func (p *Plan) Nodes(log func(id string, level *slog.Level) *slog.Logger) []actor.Node {
	var nodes []actor.Node
	for _, m := range p.Modules {
		nodes = append(nodes, m.node(p.Global, log))
	}
	return nodes
}

func (m *Module) node(g Global, log func(string, *slog.Level) *slog.Logger) actor.Node {
	n := actor.Node{
		ID: m.ID, Spec: *m.Spec, Opts: m.Opts, Filter: m.common.Filter, Actions: m.common.actions(),
		Workers: m.workers(g), Ordered: g.Ordered, Inbox: m.inbox(g), OnError: actor.OnError(m.common.OnError), FaultTag: m.tag,
		Restart: actor.DefaultRestart, Leads: m.chief,
	}
	n.Restart.Max, n.Restart.Window = g.RestartMax, g.RestartWindow
	if m.common.Ordered != nil {
		n.Ordered = *m.common.Ordered
	}
	var level *slog.Level
	if m.common.LogLevel != nil {
		level = &m.common.LogLevel.Level
	}
	n.Log, n.Hidden = log(m.ID, level), m.fromEnv()
	for _, e := range m.Edges {
		n.Receivers = append(n.Receivers, actor.Receiver{ID: e.To.ID, Filter: e.Filter, Else: e.Else, Sample: e.Sample, Buffer: e.Buffer, Queue: e.Queue})
	}
	n.Origin = m.origin(n)
	return n
}

// decode reads the options of a module.
func (b *builder) decode(m *Module) {
	if m.options != nil && m.options.Kind != option.Map {
		b.report.add(Problem{File: m.options.File, Line: m.options.Line, Column: m.options.Column, Module: m.title(), Code: "E012",
			Message: fmt.Sprintf("the options of a module must be a map, got %s", m.options.Describe())})
		m.options, m.broken = nil, true
	}
	if m.Spec == nil {
		b.decodeUnknown(m)
		return
	}
	into := []any{&m.common}
	tag := tagging{}
	if r := m.role(); r == actor.Parser || r == actor.Modifier {
		tag.Tag = faultTag(*m.Spec)
		into = append(into, &tag)
	}
	m.Opts = m.Spec.Options()
	faults := option.Decode(m.options, append(into, m.Opts)...)
	m.tag = tag.Tag
	for _, f := range faults {
		b.moduleFault(m, f)
	}
	if v, ok := m.Opts.(actor.Validator); ok && !m.broken && !b.closed(m) {
		for _, f := range option.Faults(v.Validate(), option.Contradiction) {
			if !alreadySaid(f, faults) {
				b.moduleFault(m, f)
			}
		}
	}
	if v, ok := m.Opts.(actor.Faulty); ok {
		m.common.OnError = string(v.OnError())
	}
	b.checkOptions(m)
}

// closed reports whether a module must not be asked what is wrong with it, because it may look
// into files for that, and tells the reader.
func (b *builder) closed(m *Module) bool {
	r, ok := m.Opts.(actor.Reader)
	if !b.Sealed || !ok {
		return false
	}
	files := r.Reads()
	if len(files) > 0 {
		b.optionFault(m, files[0].Option, option.Unseen, "", "files are not read here, so not all of this module is checked")
	}
	return len(files) > 0
}

// alreadySaid reports whether there is a fault of the same option, so that another one
// would only follow from it.
func alreadySaid(f *option.Fault, faults []*option.Fault) bool {
	return slices.ContainsFunc(faults, func(o *option.Fault) bool { return o.Option == f.Option && !o.Code.IsWarning() })
}

// decodeUnknown reads what all modules have of one that is not known, so that its id and
// its receivers are known to the others.
func (b *builder) decodeUnknown(m *Module) {
	for _, f := range option.Decode(m.options, &m.common) {
		if f.Code != option.Unknown {
			b.moduleFault(m, f)
		}
	}
}

func (b *builder) moduleFault(m *Module, f *option.Fault) {
	if f.Line == 0 && m.options != nil && f.Code != option.Required {
		name, rest, _ := strings.Cut(f.Option, ".")
		f.Position = locate(m.options, strings.TrimSuffix(m.spelling(name)+"."+rest, "."))
	}
	b.place(f, m.options, m.Position, m.title())
}

// optionFault notes something about an option of m, at its value.
func (b *builder) optionFault(m *Module, name string, code option.Code, hint, format string, args ...any) {
	b.moduleFault(m, &option.Fault{Option: name, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// keyFault is optionFault at the name of the option.
func (b *builder) keyFault(m *Module, name string, code option.Code, hint, format string, args ...any) {
	f := &option.Fault{Option: name, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if m.options != nil {
		for _, p := range m.options.Pairs {
			if p.Key.Text == name {
				f.Position = p.Key.Position
			}
		}
	}
	b.moduleFault(m, f)
}

// moduleProblem notes something at the name of m.
func (b *builder) moduleProblem(m *Module, code option.Code, hint, format string, args ...any) {
	b.report.add(Problem{File: m.Position.File, Line: m.Position.Line, Column: m.Position.Column, Module: m.title(), Code: code,
		Message: fmt.Sprintf(format, args...), Hint: hint})
}

// checkOptions checks common options that depend on what the module is.
func (b *builder) checkOptions(m *Module) {
	given := m.common.Given
	if m.Name != m.Spec.Name {
		b.moduleProblem(m, option.OldName, "write "+m.Spec.Name, "%s is another name of %s", m.Name, m.Spec.Name)
	}
	if n := m.common.PoolSize; n != nil && *n > 1 {
		if why := m.singleWorker(); why != "" {
			b.optionFault(m, "pool_size", "E035", "", "must be 1, because %s, got %d", why, *n)
		}
	}
	if m.common.RunOn == runsOnLeader && m.role() != actor.Input {
		b.optionFault(m, "run_on", option.NotAllowed, "", "must be all, as only inputs can run on the leader alone, and this is a module of the kind %s", m.role())
	}
	for _, name := range []string{"filter", "add_fields", "delete_fields", "copy_fields", "rename_fields", "event_type"} {
		if given[name] && m.role() == actor.StandAlone {
			b.keyFault(m, name, "W105", "", "no events pass through this module, so the option has no effect")
		}
	}
	if given["filter"] && m.common.Filter != nil && m.role() == actor.Input {
		b.keyFault(m, "filter", "W104", "filter at a receiver instead", "a filter on an input drops nothing: events that do not match are sent on without the actions of this module")
	}
	for _, name := range []string{"redis_store", "redis_key", "redis_ttl", "redis_lock"} {
		if given[name] {
			b.keyFault(m, m.spelling(name), "W106", "", "this module stores no results, so the option has no effect")
		}
	}
	b.checkFieldActions(m)
	if l, ok := m.Opts.(backlogged); ok {
		if backlog, batch := l.Backlog(); batch > backlog {
			b.optionFault(m, "batch_size", "W105", "", "%d is more than backlog_size, %d is used", batch, backlog)
		}
	}
	if r, ok := m.Opts.(actor.Reader); ok && b.CheckFiles {
		for _, f := range r.Reads() {
			b.checkFile(m, f)
		}
	}
}

// spelling returns the spelling of an option that was used.
func (m *Module) spelling(name string) string {
	for _, f := range append(option.Fields(m.Opts), option.Fields(m.common)...) {
		if f.Name != name || m.options == nil {
			continue
		}
		for _, a := range f.Aliases {
			if m.options.Get(a) != nil {
				return a
			}
		}
	}
	return name
}

// checkFieldActions warns of fields that are deleted and then added again.
func (b *builder) checkFieldActions(m *Module) {
	deleted := map[string]bool{}
	for _, d := range m.common.DeleteFields {
		if s, ok := d.Static(); ok {
			deleted[s] = true
		}
	}
	for _, a := range m.common.AddFields {
		if s, ok := a.Name.Static(); ok && deleted[s] {
			b.optionFault(m, "add_fields."+s, "W109", "", "the field %s is in delete_fields as well; it is there afterwards", s)
		}
	}
}

// checkFile reports a file that cannot be read, or run if it is a program.
func (b *builder) checkFile(m *Module, f actor.File) {
	err, verb := readable(f), "read"
	if f.Executable {
		verb = "run"
	}
	if err != nil {
		b.optionFault(m, f.Option, "E036", "", "cannot %s %q: %s", verb, f.Path, reason(err))
	}
}

var badID = regexp.MustCompile(`[\s:$]`)

// assignIDs gives every module its id: those that were written down first, then the class
// names with a number where needed.
func (b *builder) assignIDs() {
	taken := map[string]*Module{}
	for _, m := range b.modules {
		id := m.common.ID
		if id == "" {
			continue
		}
		other := taken[id]
		switch {
		case badID.MatchString(id) || id == "Global" || strings.IndexFunc(id, unicode.IsControl) >= 0:
			b.optionFault(m, "id", "E020", "", "must not hold blanks, : or $ and must not be Global, got %q", id)
		case other != nil:
			b.optionFault(m, "id", "E019", "", "the id %q is used twice, the first time in line %d", id, other.Position.Line)
		}
		if other == nil {
			taken[id] = m
			m.ID, m.declared = id, true
		}
	}
	for _, m := range b.modules {
		for _, other := range b.modules {
			if m.declared && other != m && other.Name == m.ID {
				b.optionFault(m, "id", "W103", "", "the id %q is the class name of another module", m.ID)
				break
			}
		}
	}
	b.number(taken, true)
	b.number(taken, false)
}

// number gives ids to the modules without one. Those that are switched off come last, so
// that the others are called as if they were alone.
func (b *builder) number(taken map[string]*Module, enabled bool) {
	for _, m := range b.modules {
		if m.ID != "" || m.common.Enabled != enabled {
			continue
		}
		id := m.Name
		for i := 1; taken[id] != nil; i++ {
			id = m.Name + "_" + strconv.Itoa(i)
		}
		m.ID = id
		taken[id] = m
	}
}

// finish keeps what runs.
func (b *builder) finish() {
	b.plan.Files, b.plan.all = b.files, b.modules
	for _, m := range b.modules {
		if m.common.Enabled && m.Spec != nil {
			b.plan.Modules = append(b.plan.Modules, m)
		}
	}
}

// snake turns a class name such as SyslogPrivalParser into syslog_prival_parser.
func snake(name string) string {
	var out []rune
	letters := []rune(name)
	for i, r := range letters {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			out = append(out, '_')
		}
		out = append(out, unicode.ToLower(r))
	}
	return string(out)
}

// Settings are the settings of the graph that the plan asks for, without a logger.
func (p *Plan) Settings() actor.Settings {
	return actor.Settings{Grace: p.Global.ShutdownTimeout, MaxHops: p.Global.MaxHops, DeadLetter: p.Global.DeadLetter}
}
