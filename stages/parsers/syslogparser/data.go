package syslogparser

import (
	"fmt"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/syslog"
)

// mostParams bounds the parameters and elements of structured data.
const mostParams = 1000

var errMuchData = fmt.Errorf("there are more than %d parameters", mostParams)

// data makes maps of structured data. It remembers keys, so that a name is copied out of the
// line once.
type data struct{ keys map[string]*event.Key }

// mostKeys bounds the keys that are remembered.
const mostKeys = 1000

func (d *data) key(name string) *event.Key {
	if k := d.keys[name]; k != nil {
		return k
	}
	if d.keys == nil || len(d.keys) >= mostKeys {
		d.keys = map[string]*event.Key{}
	}
	name = strings.Clone(name)
	k := event.Intern(name)
	d.keys[name] = k
	return k
}

// decode makes a map of maps. A name that occurs again makes a list.
func (d *data) decode(s string) (*event.Map, error) {
	all := event.NewMap(1)
	var element *event.Map
	count := 0
	syslog.Elements(s, func(id string) {
		if count++; count > mostParams {
			return
		}
		key := d.key(id)
		if known, ok := all.Get(key); ok {
			element = known.Map()
			return
		}
		element = event.NewMap(4)
		all.Set(key, event.MapOf(element))
	}, func(name, value string) {
		if count++; count > mostParams {
			return
		}
		key, v := d.key(name), event.String(value)
		if before, ok := element.Get(key); ok {
			v = appended(before, v)
		}
		element.Set(key, v)
	})
	if count > mostParams {
		return nil, errMuchData
	}
	return all, nil
}

// appended makes a list of what a name has had so far and one more value.
func appended(before, v event.Value) event.Value {
	l := before.List()
	if l == nil {
		return event.ListOf(before, v)
	}
	items := make([]event.Value, l.Len(), l.Len()+1)
	for i := range items {
		items[i] = l.At(i)
	}
	return event.ListOf(append(items, v)...)
}
