package netflowparser

import (
	"errors"
	"fmt"
	"slices"

	"gambolputty/actor/event"
)

// NetFlow 9 and IPFIX packets have a header and sets behind it. A set has templates, which
// say how records look, or records that look like one of the templates. See RFC 3954 and
// RFC 7011.

const (
	v9Header    = 20
	ipfixHeader = 16
	setHeader   = 4
	firstData   = 256 // sets with smaller numbers have templates, or no meaning
)

var (
	errMessage = errors.New("the length of a message is less than that of its header")
	errSet     = errors.New("the length of a set is less than that of its header")

	sourceKey     = key("source_id")
	domainKey     = key("observation_domain_id")
	templateIDKey = key("template_id")
	optionsKey    = key("options")
)

func (d *decoder) v9(p string) error {
	if len(p) < v9Header {
		return errCut
	}
	d.kind, d.domain = "NetFlowV9", be32(p[16:])
	d.header = append(d.header,
		event.Field{Key: uptimeKey, Value: int32At(p[4:])}, event.Field{Key: secsKey, Value: int32At(p[8:])},
		event.Field{Key: sequenceKey, Value: int32At(p[12:])}, event.Field{Key: sourceKey, Value: int32At(p[16:])})
	return d.sets(p[v9Header:], 0, 1)
}

// ipfix reads the messages of a packet, which usually is one.
func (d *decoder) ipfix(p string) error {
	for len(p) > 0 {
		if len(p) < ipfixHeader {
			return errCut
		}
		if v := be16(p); v != d.version {
			return fmt.Errorf("behind a message there is one of version %d", v)
		}
		n := int(be16(p[2:]))
		if n < ipfixHeader {
			return errMessage
		}
		cut := n > len(p)
		n = min(n, len(p))
		d.kind, d.domain = "IPFIX", be32(p[12:])
		d.header = append(d.header[:0],
			event.Field{Key: secsKey, Value: int32At(p[4:])}, event.Field{Key: sequenceKey, Value: int32At(p[8:])}, event.Field{Key: domainKey, Value: int32At(p[12:])})
		if err := d.sets(p[ipfixHeader:n], 2, 3); err != nil {
			return err
		}
		if cut {
			return errCut
		}
		p = p[n:]
	}
	return nil
}

// sets reads sets, of which those with the given numbers have templates.
func (d *decoder) sets(p string, templates, options uint16) error {
	for len(p) >= setHeader {
		id, n := be16(p), int(be16(p[2:]))
		if n < setHeader {
			return errSet
		}
		cut := n > len(p)
		n = min(n, len(p))
		body := p[setHeader:n]
		var err error
		switch {
		case id == templates || id == options:
			err = d.define(body, id == options)
		case id >= firstData:
			err = d.data(id, body)
		}
		if err != nil {
			return fmt.Errorf("set %d: %w", id, err)
		}
		if cut {
			return errCut
		}
		p = p[n:]
	}
	return nil
}

// data reads a set of records, or notes that its template is missing.
func (d *decoder) data(id uint16, body string) error {
	k := templateKey{d.exporter, d.version, d.domain, id}
	t := d.store.template(k)
	if t == nil {
		d.missing = append(d.missing, missing{k, slices.Clone(d.header), body})
		return nil
	}
	return d.recordsOf(t, id, body)
}

// recordsOf reads records until what is left is shorter than any, which is padding.
func (d *decoder) recordsOf(t *template, id uint16, body string) error {
	for len(body) >= t.least {
		if d.full() {
			return errTooMany
		}
		n, err := d.record(t, id, body)
		if err != nil {
			return err
		}
		body = body[n:]
	}
	return nil
}

// record reads one record and returns its length.
func (d *decoder) record(t *template, id uint16, body string) (int, error) {
	f := append(d.room(len(d.header)+len(t.fields)+2), d.header...)
	f = append(f, event.Field{Key: templateIDKey, Value: event.Int(int64(id))})
	if t.options {
		f = append(f, event.Field{Key: optionsKey, Value: event.Bool(true)})
	}
	lists := make([]series, t.lists)
	at := 0
	for i := range t.fields {
		e := &t.fields[i]
		n := e.size
		if n == variable {
			var head int
			if head, n = length(body[at:]); head == 0 {
				return 0, errCut
			}
			at += head
		}
		if n > len(body)-at {
			return 0, errCut
		}
		v := d.value(e.kind, body[at:at+n])
		at += n
		if e.list >= 0 && lists[e.list].join(v, len(f)) {
			continue
		}
		f = append(f, event.Field{Key: e.key, Value: v})
	}
	for _, l := range lists {
		f[l.at].Value = event.ListOf(l.items...)
	}
	d.add(f)
	d.values += len(t.fields) - len(f)
	return at, nil
}

// series has the values of an element that a record has several times.
type series struct {
	items []event.Value
	at    int // the field it is for
}

// join adds a value and reports whether the field is there already.
func (l *series) join(v event.Value, at int) bool {
	if l.items = append(l.items, v); len(l.items) == 1 {
		l.at = at
		return false
	}
	return true
}

// length reads the length of a value that has one in front: of a byte or, behind 255, two
// more. head is how long that is, 0 if it is cut off.
func length(s string) (head, n int) {
	const long = 255
	switch {
	case len(s) > 0 && s[0] < long:
		return 1, int(s[0])
	case len(s) >= 3 && s[0] == long:
		return 3, int(be16(s[1:]))
	}
	return 0, 0
}
