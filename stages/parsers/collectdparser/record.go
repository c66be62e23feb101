package collectdparser

import (
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// keys are the names of the fields.
type keys struct {
	host, plugin, pluginInstance, kind, typeInstance, time, interval, source, datetime *event.Key
	values, dstypes, dsnames, value, dstype, dsname                                    *event.Key
	message, severity, severityString                                                  *event.Key

	all map[*event.Key]struct{}
}

// styles are the names by the option field_style.
var styles = map[string]*keys{"collectd": newKeys(""), "snake": newKeys("_")}

func newKeys(separator string) *keys {
	all := map[*event.Key]struct{}{}
	k := func(name string) *event.Key {
		key := event.Intern(name)
		all[key] = struct{}{}
		return key
	}
	return &keys{
		all:  all,
		host: k("host"), plugin: k("plugin"), pluginInstance: k("plugin" + separator + "instance"),
		kind: k("type"), typeInstance: k("type" + separator + "instance"),
		time: k("time"), interval: k("interval"), source: k("source"), datetime: k("datetime"),
		values: k("values"), dstypes: k("dstypes"), dsnames: k("dsnames"), value: k("value"), dstype: k("dstype"), dsname: k("dsname"),
		message: k("message"), severity: k("severity"), severityString: k("severity" + separator + "string"),
	}
}

// sourceNames are the kinds of data sources by their numbers.
var sourceNames = [...]event.Value{event.String("counter"), event.String("gauge"), event.String("derive"), event.String("absolute")}

// severityNames are the names of the severities that are known.
var severityNames = map[uint64]event.Value{1: event.String("FAILURE"), 2: event.String("WARNING"), 4: event.String("OKAY")}

var unknownSeverity = event.String("UNKNOWN")

// maker makes fields of records.
type maker struct {
	opts   *Options
	keys   *keys
	types  types
	lists  map[string]event.Value // of the kinds of data sources
	parts  []part
	fields []event.Field // those of one part
	fresh  bool          // no event at hand has a field of these names
	texts  texts

	records []record
	values  []event.Value
}

// part is what becomes one event: a record, or one of its values, which is -1 for all.
type part struct{ record, value int }

func newMaker(o *Options, t types) maker {
	return maker{opts: o, keys: styles[o.Style], types: t, lists: map[string]event.Value{}}
}

// begin lists the parts of records. Values are kept in memory that the events will own.
func (m *maker) begin(e *event.Event, records []record, values []event.Value) {
	m.parts, m.records, m.values = m.parts[:0], records, values
	for n := range records {
		r := &records[n]
		if !m.opts.Split || r.isNotification {
			m.parts = append(m.parts, part{n, -1})
			continue
		}
		for i := r.first; i < r.end; i++ {
			m.parts = append(m.parts, part{n, i})
		}
	}
	if !m.opts.Split {
		m.values = slices.Clone(values)
	}
	m.fresh = !m.keys.usedIn(e)
}

// usedIn reports whether an event has a field of one of the names.
func (k *keys) usedIn(e *event.Event) bool {
	for i := range e.Len() {
		if _, mine := k.all[e.At(i).Key]; mine {
			return true
		}
	}
	return false
}

// last is the last part of the records before number n, -1 if there is none.
func (m *maker) last(n int) int {
	for i := len(m.parts) - 1; i >= 0; i-- {
		if m.parts[i].record < n {
			return i
		}
	}
	return -1
}

// write sets the fields of a part on its event. Lists may be shared with other events,
// which all ways to set them take care of.
func (m *maker) write(env actor.Env, e *event.Event, i int) error {
	m.build(m.parts[i])
	switch {
	case !m.opts.TargetField.IsZero():
		return e.Set(m.opts.TargetField, event.MapOf(event.FromFields(slices.Clone(m.fields))))
	case m.fresh:
		e.AppendFields(m.fields)
		return nil
	}
	m.opts.Merge(env, e, event.FromFields(m.fields))
	if last := m.fields[len(m.fields)-1]; last.Value.Kind() == event.KindList {
		e.SetField(last.Key, last.Value)
	}
	return nil
}

// writes reports whether the last part was written over a source field.
func (m *maker) writes(source event.Path) bool {
	if !m.opts.TargetField.IsZero() {
		return source.String() == m.opts.TargetField.String()
	}
	return !m.fresh && slices.ContainsFunc(m.fields, func(f event.Field) bool { return f.Key == source.Key() })
}

func (m *maker) build(p part) {
	k, f, r := m.keys, m.fields[:0], &m.records[p.record]
	f = append(f,
		event.Field{Key: k.host, Value: r.host}, event.Field{Key: k.plugin, Value: r.plugin}, event.Field{Key: k.pluginInstance, Value: r.pluginInstance},
		event.Field{Key: k.kind, Value: r.kind}, event.Field{Key: k.typeInstance, Value: r.typeInstance},
		event.Field{Key: k.time, Value: r.time}, event.Field{Key: k.datetime, Value: r.datetime},
		event.Field{Key: k.source, Value: m.texts.joined(r.host, r.plugin, r.pluginInstance, r.kind, r.typeInstance)})
	if !m.opts.Prune {
		f = append(f, event.Field{Key: k.interval, Value: r.interval})
	}
	switch {
	case r.isNotification:
		f = m.notification(f, r)
	case p.value < 0:
		f = m.list(f, r)
	default:
		f = m.single(f, r, p.value)
	}
	m.fields = f
}

func (m *maker) notification(f []event.Field, r *record) []event.Field {
	severity := r.severity
	name, known := severityNames[severity]
	if !known {
		severity, name = 0, unknownSeverity
	}
	return append(f, event.Field{Key: m.keys.message, Value: event.String(r.message)},
		event.Field{Key: m.keys.severity, Value: event.Int(int64(severity))}, event.Field{Key: m.keys.severityString, Value: name})
}

func (m *maker) list(f []event.Field, r *record) []event.Field {
	f = append(f, event.Field{Key: m.keys.values, Value: event.ListOf(m.values[r.first:r.end:r.end]...)})
	if len(m.types) > 0 {
		f = append(f, event.Field{Key: m.keys.dsnames, Value: m.names(r)})
	}
	return append(f, event.Field{Key: m.keys.dstypes, Value: m.kinds(r.sources)})
}

// single sets one of several values.
func (m *maker) single(f []event.Field, r *record, value int) []event.Field {
	i := value - r.first
	name := event.Null
	if names := m.types.of(r); names != nil {
		name = names.values[r.position(i)]
	}
	return append(f, event.Field{Key: m.keys.value, Value: m.values[value]},
		event.Field{Key: m.keys.dstype, Value: sourceNames[r.sources[i]]}, event.Field{Key: m.keys.dsname, Value: name})
}

// kinds is the list of the kinds of data sources. There are few different ones.
func (m *maker) kinds(sources string) event.Value {
	if v, ok := m.lists[sources]; ok {
		return v
	}
	names := make([]event.Value, len(sources))
	for i := range names {
		names[i] = sourceNames[sources[i]]
	}
	v := event.ListOf(names...)
	const most = 1000
	if len(m.lists) < most {
		m.lists[strings.Clone(sources)] = v
	}
	return v
}

// names is the list of the names of data sources, null for a type that is not known.
func (m *maker) names(r *record) event.Value {
	names := m.types.of(r)
	switch {
	case names == nil:
		return event.Null
	case r.kept == nil:
		return names.list
	}
	some := make([]event.Value, len(r.kept))
	for i, n := range r.kept {
		some[i] = names.values[n]
	}
	return event.ListOf(some...)
}
