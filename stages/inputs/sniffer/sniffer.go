// Package sniffer captures packets from the network, or reads them from a file.
package sniffer

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/inputs/sniffer/filter"
	"gambolputty/stages/internal/retry"
)

//go:embed sniffer.md
var doc string

// Spec is the Sniffer module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "Sniffer",
	Aliases: []string{"input.Sniffer"},
	Role:    actor.Input,
	Summary: "Captures packets and decodes Ethernet, IP, TCP, UDP and the headers of HTTP.",
	Doc:     doc,
	Example: `- Sniffer:
    interface: lo
    packetfilter: 'tcp port 80'
`,
}, Options{Interface: everywhere, Protocols: []string{"Data"}, SnapLen: 65536, MaxFlows: 65536}, New)

// everywhere is the name of all interfaces together.
const everywhere = "any"

// Options of the Sniffer module.
type Options struct {
	Interface   string     `opt:"interface" null:"true" doc:"Name of the interface; any or null captures from all."`
	Filter      filterText `opt:"packetfilter" null:"true" doc:"Which packets to take, in the syntax of pcap, such as tcp port 80 and not host 10.0.0.1."`
	Promiscuous bool       `opt:"promiscous" old:"promiscuous" doc:"Take packets for other hosts as well. It has no effect on all interfaces together."`
	Store       string     `opt:"key_value_store" null:"true" doc:"Accepted, not used."`
	Protocols   []string   `opt:"protocols" doc:"If Data is written in the configuration, only packets with a payload are taken."`
	Target      event.Path `opt:"target_field" null:"true" doc:"Field below which all fields of packets are put, except data."`
	Lumbermill  bool       `opt:"lumbermill_names" doc:"Set s_ip, d_ip, s_port and d_port as well."`
	File        string     `opt:"pcap_file" null:"true" doc:"Read this file in the format pcap or pcapng instead of capturing, and end."`
	SnapLen     int        `opt:"snaplen" min:"64" max:"262144" unit:"bytes" doc:"Longest part of a packet that is taken."`
	Buffer      int        `opt:"kernel_buffer_size" min:"0" max:"1048576" doc:"Buffer of the kernel in kilobytes; 0 leaves what the system gives."`
	MaxFlows    int        `opt:"max_flows" min:"1" max:"16777216" doc:"Connections whose service is remembered; the one that was silent for longest is forgotten first."`
	Given       option.Given

	payloadOnly bool
}

// filterText is a filter that knows its text.
type filterText struct{ filter.Filter }

// OptionType describes the option in tables.
func (*filterText) OptionType() string { return "packet filter" }

// DecodeOption compiles a filter.
func (f *filterText) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	var err error
	if f.Filter, err = filter.Parse(v.Text); err == nil {
		return nil
	}
	var syntax *filter.SyntaxError
	fault := v.Faultf(option.NotAllowed, "%s", err)
	if errors.As(err, &syntax) {
		fault.Position = v.At(syntax.Offset)
	}
	return fault
}

// Validate checks that the interface is there.
func (o *Options) Validate() error {
	o.payloadOnly = o.Given["protocols"] && slices.Contains(o.Protocols, "Data")
	if o.Interface == "" {
		o.Interface = everywhere
	}
	if o.File != "" || o.Interface == everywhere {
		return nil
	}
	if _, err := net.InterfaceByName(o.Interface); err == nil {
		return nil
	}
	names := []string{everywhere}
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			names = append(names, i.Name)
		}
	}
	return &option.Fault{Code: option.NotAllowed, Option: "interface", Message: fmt.Sprintf("must be one of %s, got %q", strings.Join(names, ", "), o.Interface)}
}

// Reads names the capture file.
func (o *Options) Reads() []actor.File {
	if o.File == "" {
		return nil
	}
	return []actor.File{{Option: "pcap_file", Path: o.File}}
}

// link says what the bytes of a packet begin with.
type link uint8

const (
	linkEthernet link = iota
	linkCooked        // header of Linux for all interfaces (LINKTYPE_LINUX_SLL)
	linkCooked2       // its second version (LINKTYPE_LINUX_SLL2)
	linkRaw           // IPv4 or IPv6
	linkNetwork       // the type of the frame is in ether
)

// packet is what was captured.
type packet struct {
	data   []byte // valid until the next packet
	link   link
	length int // on the wire
	at     time.Time
	from   string // interface
	tag    int    // VLAN that the kernel has taken out, -1 for none
	ether  uint16 // for linkNetwork
	sender []byte // address of the sender, for linkNetwork
}

type source struct {
	env     actor.Env
	opts    Options
	capture *capture
	decoder *decoder
	view    filter.Packet
	warned  time.Time
}

// New makes a Sniffer.
func New(env actor.Env, o Options) (actor.Source, error) {
	return &source{env: env, opts: o, decoder: newDecoder(env, &o)}, nil
}

// Open begins to capture.
func (s *source) Open(context.Context) error {
	if s.opts.File != "" {
		return nil
	}
	var err error
	if s.capture, err = openCapture(&s.opts); err != nil {
		return err
	}
	s.env.Log.Info("capturing", "interface", s.opts.Interface)
	return nil
}

// Run takes packets until ctx or the file ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	if s.opts.File != "" {
		return s.readFile(ctx, out)
	}
	return s.listen(ctx, out)
}

var errGone = errors.New("it has gone")

// listen captures until ctx ends. An interface that goes, as that of a dialled line, is waited
// for.
func (s *source) listen(ctx context.Context, out *actor.Outlet) error {
	outage := retry.NewOutage(s.env, "interface "+s.opts.Interface)
	for {
		err := s.follow(ctx, out)
		if !errors.Is(err, errGone) {
			return err
		}
		s.env.Count("interface_lost", 1)
		for err != nil {
			outage.Failed(err)
			select {
			case <-time.After(longestWait):
			case <-ctx.Done():
				return nil
			}
			err = s.reopen()
		}
		outage.Over()
	}
}

func (s *source) reopen() error {
	c, err := openCapture(&s.opts)
	if err != nil {
		return err
	}
	old := s.capture
	s.capture = c
	return old.close()
}

// follow sends on what has come whenever there is nothing more for the moment.
func (s *source) follow(ctx context.Context, out *actor.Outlet) error {
	stop := context.AfterFunc(ctx, s.capture.interrupt)
	defer stop()
	var p packet
	for {
		b := out.Batch(s.opts.Interface)
		n := 0
		for wait := true; n < out.Size(); wait = false {
			some, err := s.capture.next(&p, wait && ctx.Err() == nil)
			if err != nil {
				return fmt.Errorf("capture from %s: %w", s.opts.Interface, err)
			}
			if !some {
				break
			}
			if s.add(b, &p) {
				n++
			}
		}
		if n > 0 {
			if err := out.Emit(b, nil); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		now := time.Now()
		s.noteDrops(now)
		if s.capture.lost(now) {
			return errGone
		}
	}
}

// noteDrops counts what the kernel had no room for.
func (s *source) noteDrops(now time.Time) {
	n := s.capture.drops(now)
	if n == 0 {
		return
	}
	s.env.Count("kernel_drops", n)
	if now.Sub(s.warned) < time.Minute {
		return
	}
	s.warned = now
	s.env.Log.Warn("the kernel drops packets, because they are not taken fast enough; a larger kernel_buffer_size or a narrower packetfilter may help", "dropped", n)
}

// add makes an event of a packet, if it is wanted.
func (s *source) add(b *actor.Batch, p *packet) bool {
	h := open(p)
	if !s.opts.Filter.IsZero() {
		s.view.Fill(h.payload, filter.Network, h.ether, p.length, p.tag)
		if !s.opts.Filter.Match(&s.view) {
			return false
		}
	}
	return s.decoder.event(b, p, h)
}

// Close ends the capture.
func (s *source) Close(context.Context) error {
	if s.capture != nil {
		return s.capture.close()
	}
	return nil
}
