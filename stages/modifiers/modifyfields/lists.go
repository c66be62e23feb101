package modifyfields

import (
	"errors"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

var errSplitList = errors.New("the value is a list, and lists are split without a separator only")

// split makes a list of a string. A list, where no separator is configured, becomes one
// event per item.
func (o *Options) split() (step, error) {
	if o.Separator == "" {
		return step{}, &option.Fault{Code: option.OutOfRange, Option: "separator", Message: "must not be empty"}
	}
	return step{split: func(m *modifier, b *actor.Batch, e *event.Event, emit func(*event.Event)) {
		v, ok := e.Get(o.SourceField.Path)
		switch {
		case !ok:
		case v.IsString():
			m.store(e, o.SourceField.Path, o.TargetField, splitText(v.Str(), o.Separator))
		case v.Kind() != event.KindList:
			m.env.Fault(e, o.SourceField.String(), errNotText)
		case o.Given["separator"]:
			m.env.Fault(e, o.SourceField.String(), errSplitList)
		case v.List().Len() > 0:
			o.eachItem(m, b, e, v.List(), emit)
			return
		}
		emit(e)
	}}, nil
}

func splitText(s, separator string) event.Value {
	items := make([]event.Value, 0, strings.Count(s, separator)+1)
	for part := range strings.SplitSeq(s, separator) {
		items = append(items, event.String(part))
	}
	return event.ListOf(items...)
}

// eachItem emits an event for each item of l. The copies are taken before the first one
// is changed.
func (o *Options) eachItem(m *modifier, b *actor.Batch, e *event.Event, l *event.List, emit func(*event.Event)) {
	parts := make([]*event.Event, l.Len())
	parts[0] = e
	for i := 1; i < len(parts); i++ {
		parts[i] = b.Fork(e)
	}
	for i, part := range parts {
		part.Delete(o.SourceField.Path)
		m.store(part, o.SourceField.Path, o.TargetField, l.At(i))
		emit(part)
	}
}

func (o *Options) join() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		v, ok := e.Get(o.SourceField.Path)
		switch {
		case !ok:
			return
		case v.IsString():
			m.set(e, o.TargetField, v)
			return
		case v.Kind() != event.KindList:
			m.env.Fault(e, o.SourceField.String(), errNotList)
			return
		}
		m.buf = m.buf[:0]
		for i := range v.List().Len() {
			if i > 0 {
				m.buf = append(m.buf, o.Separator...)
			}
			m.buf = v.List().At(i).AppendText(m.buf)
		}
		m.set(e, o.TargetField, event.String(string(m.buf)))
	}}, nil
}

// deduplicate keeps the first of equal items.
func (o *Options) deduplicate() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		v, ok := e.Get(o.SourceField.Path)
		if !ok {
			return
		}
		if v.Kind() != event.KindList {
			m.env.Fault(e, o.SourceField.String(), errNotList)
			return
		}
		seen := map[string]bool{}
		var enc event.Encoder
		var items []event.Value
		for i := range v.List().Len() {
			item := v.List().At(i)
			m.buf = enc.AppendValue(m.buf[:0], item)
			if !seen[string(m.buf)] {
				seen[string(m.buf)] = true
				items = append(items, item)
			}
		}
		m.store(e, o.SourceField.Path, o.TargetField, event.ListOf(items...))
	}}, nil
}
