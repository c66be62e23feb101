package netflowparser

import (
	"errors"
	"fmt"

	"gambolputty/actor/event"
)

// A datagram of sFlow has samples: headers of packets that passed, or counters. What is in
// a sample has its length in front, so that what is not known can be skipped. All numbers
// have four bytes. See https://sflow.org/sflow_version_5.txt.

var (
	errSFlowVersion = errors.New("it is neither NetFlow nor sFlow 5")

	agentKey      = key("agent_address")
	subAgentKey   = key("sub_agent_id")
	sampleTypeKey = key("sample_type")
	sampleSeqKey  = key("sample_sequence")
	sourceTypeKey = key("source_type")
	rateKey       = key("sampling_rate")
	poolKey       = key("sample_pool")
	dropsKey      = key("drops")

	flowSample     = event.String("flow")
	countersSample = event.String("counters")
)

// words reads a piece of a datagram from front to back. Behind its end it gives zeros, and
// remembers that it was cut off.
type words struct {
	rest string
	cut  bool
}

func (w *words) next() uint32 {
	if len(w.rest) < 4 {
		w.rest, w.cut = "", true
		return 0
	}
	n := be32(w.rest)
	w.rest = w.rest[4:]
	return n
}

func (w *words) value() event.Value { return event.Int(int64(w.next())) }

// bytes takes n bytes, which are filled up to a multiple of four.
func (w *words) bytes(n int) string {
	whole := (n + 3) &^ 3
	if n < 0 || len(w.rest) < whole {
		w.rest, w.cut = "", true
		return ""
	}
	s := w.rest[:n]
	w.rest = w.rest[whole:]
	return s
}

// opaque takes bytes that have their number in front.
func (w *words) opaque() string { return w.bytes(int(w.next())) }

// address takes an address that has its kind in front.
func (w *words) address(d *decoder) event.Value {
	switch w.next() {
	case 1:
		if b := w.bytes(4); b != "" {
			return d.ip4(b)
		}
	case 2:
		if b := w.bytes(16); b != "" {
			return d.ip6(b)
		}
	}
	return event.Null
}

func (d *decoder) sflow(p string) error {
	w := &words{rest: p}
	if v := w.next(); v != 5 {
		return errSFlowVersion
	}
	d.kind = "SFlow"
	add := func(k *event.Key, v event.Value) { d.header = append(d.header, event.Field{Key: k, Value: v}) }
	add(agentKey, w.address(d))
	add(subAgentKey, w.value())
	add(sequenceKey, w.value())
	add(uptimeKey, w.value())
	for n := w.next(); n > 0 && !w.cut; n-- {
		kind, body := w.next(), w.opaque()
		if w.cut {
			break
		}
		if d.full() {
			return errTooMany
		}
		if err := d.sample(kind, body); err != nil {
			return fmt.Errorf("sample of kind %d: %w", kind, err)
		}
	}
	if w.cut {
		return errCut
	}
	return nil
}

// sample reads a sample. Those of manufacturers are skipped.
func (d *decoder) sample(kind uint32, body string) error {
	const flow, counters, expandedFlow, expandedCounters = 1, 2, 3, 4
	if kind < flow || kind > expandedCounters {
		return nil
	}
	w, s := &words{rest: body}, &sample{decoder: d, fields: append(make([]event.Field, 0, 32), d.header...)}
	isFlow, expanded, name := kind == flow || kind == expandedFlow, kind >= expandedFlow, countersSample
	if isFlow {
		name = flowSample
	}
	s.set(sampleTypeKey, name)
	s.set(sampleSeqKey, w.value())
	s.source(w, expanded)
	if isFlow {
		s.set(rateKey, w.value())
		s.set(poolKey, w.value())
		s.set(dropsKey, w.value())
		s.element(inputElement, port(w, expanded))
		s.element(outputElement, port(w, expanded))
	}
	for n := w.next(); n > 0 && !w.cut; n-- {
		kind, body := w.next(), w.opaque()
		if !w.cut {
			s.record(isFlow, kind, &words{rest: body})
		}
	}
	if w.cut {
		return errCut
	}
	d.add(s.fields)
	return nil
}

// port reads the index of an interface, null if there is not exactly one.
func port(w *words, expanded bool) event.Value {
	const format = 30 // bits below those that say what the number is
	if expanded {
		kind, n := w.next(), w.value()
		if kind != 0 {
			return event.Null
		}
		return n
	}
	n := w.next()
	if n>>format != 0 {
		return event.Null
	}
	return event.Int(int64(n))
}

// sample is one being read.
type sample struct {
	*decoder
	fields []event.Field
}

// set sets a field that is not there yet. The first record of a sample that knows something
// counts: the header of the packet stands in front of what the switch says about it.
func (s *sample) set(k *event.Key, v event.Value) {
	for _, f := range s.fields {
		if f.Key == k {
			return
		}
	}
	s.fields = append(s.fields, event.Field{Key: k, Value: v})
}

// element sets an element of the registry.
func (s *sample) element(id uint16, v event.Value) { s.set(registry()[id].key, v) }

func (s *sample) source(w *words, expanded bool) {
	const index = 24 // bits
	if expanded {
		s.set(sourceTypeKey, w.value())
		s.set(sourceKey, w.value())
		return
	}
	n := w.next()
	s.set(sourceTypeKey, event.Int(int64(n>>index)))
	s.set(sourceKey, event.Int(int64(n&(1<<index-1))))
}
