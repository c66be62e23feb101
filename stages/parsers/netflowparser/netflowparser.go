// Package netflowparser decodes packets in which routers and switches report flows: NetFlow,
// IPFIX and sFlow.
package netflowparser

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/parse"
)

//go:embed netflowparser.md
var doc string

// Spec is the NetFlowParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "NetFlowParser",
	Aliases:  []string{"parser.NetFlow"},
	Role:     actor.Parser,
	Summary:  "Decodes packets of NetFlow 1, 5, 7 and 9, of IPFIX and of sFlow 5, and makes an event of every flow.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- NetFlowParser:
    target_field: flow
    template_wait_in_secs: 60
`,
}, Options{
	SourceField: parse.Field{Path: event.KeyPath(event.Data)},
	TargetField: event.KeyPath(event.Data),
}, New)

// Options of the NetFlowParser module.
type Options struct {
	SourceField  parse.Field   `opt:"source_field" old:"source_fields" doc:"Field with a packet."`
	TargetField  event.Path    `opt:"target_field" doc:"Field for a map with the flow."`
	KeepOriginal bool          `opt:"keep_original" doc:"Keep the source field, if it is not the target."`
	Wait         time.Duration `opt:"template_wait_in_secs" min:"0s" doc:"How long records wait for a template that has not come yet. 0 does not wait: what cannot be read is a fault at once."`
	parse.Guard
}

// Withholds says that packets may wait.
func (o *Options) Withholds() bool { return o.Wait > 0 }

type parser struct {
	env     actor.Env
	opts    Options
	decoder decoder
	store   *store
	events  []*event.Event
}

// New makes a NetFlowParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	s := actor.Shared(env, newStore)
	p := &parser{env: env, opts: o, store: s, decoder: decoder{store: s}}
	if o.Wait > 0 {
		return &waiting{p}, nil
	}
	return p, nil
}

// Process decodes the packets.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	b.Expand(func(e *event.Event, emit func(*event.Event)) { p.event(b, e, emit) })
	return nil
}

// event emits the flows of a packet in place of it, and then those of other packets that
// have waited for a template in this one.
func (p *parser) event(b *actor.Batch, e *event.Event, emit func(*event.Event)) {
	v, ok := e.Get(p.opts.SourceField.Path)
	if !ok {
		emit(e)
		return
	}
	d := &p.decoder
	d.reset(exporter(e.ReceivedFrom()))
	err := parse.ErrNotText
	if v.IsString() {
		err = d.decode(v.Str())
	}
	waits := p.opts.Wait > 0 && len(d.missing) > 0 && p.keep(e, v.Str(), err != nil)
	if len(d.missing) > 0 && !waits && err == nil {
		err = d.missing[0].problem()
	}
	p.release(b, e, waits, err, emit)
	for _, set := range d.ready {
		p.revive(b, set, emit)
	}
}

// release emits what was read of a packet, which is at least one event unless the packet
// waits as a whole.
func (p *parser) release(b *actor.Batch, e *event.Event, waits bool, err error, emit func(*event.Event)) {
	d := &p.decoder
	if err == nil && len(d.records) == 0 && (!waits || d.templates > 0) {
		d.records = append(d.records, d.summary())
	}
	if len(d.records) == 0 {
		if err != nil {
			p.env.Fault(e, p.opts.SourceField.String(), err)
		}
		if err != nil || !waits {
			emit(e)
		}
		return
	}
	p.copies(b, e, len(d.records))
	for i, c := range p.events {
		if !p.set(c, d.kind, d.records[i]) && i == 0 {
			emit(c) // it would be the same for all others
			return
		}
	}
	if err != nil {
		p.env.Fault(p.events[len(p.events)-1], p.opts.SourceField.String(), err)
	}
	for _, c := range p.events {
		emit(c)
	}
}

// copies makes n events of one, before the first of them is changed.
func (p *parser) copies(b *actor.Batch, e *event.Event, n int) {
	clear(p.events)
	p.events = append(p.events[:0], e)
	for len(p.events) < n {
		p.events = append(p.events, b.Fork(e))
	}
}

// set writes a record to its event and reports whether it could.
func (p *parser) set(e *event.Event, kind string, record event.Value) bool {
	source, target := p.opts.SourceField.Path, p.opts.TargetField
	if err := e.Set(target, record); err != nil {
		p.env.Fault(e, target.String(), err)
		return false
	}
	e.SetType(kind)
	if !p.opts.KeepOriginal && source.String() != target.String() {
		e.Delete(source)
	}
	return true
}

// exporter is the address of a sender without its port, which changes when it starts anew.
func exporter(from string) string {
	if i := strings.LastIndexByte(from, ':'); i > 0 {
		return from[:i]
	}
	return from
}

// problem says what a set of records lacks.
func (m missing) problem() error {
	return fmt.Errorf("there is no template %d yet for the source %d of this exporter", m.key.id, m.key.domain)
}
