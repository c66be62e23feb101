package pack

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"gambolputty/actor"
	"gambolputty/stages/cluster/internal/mtls"
	"gambolputty/stages/cluster/internal/seal"
)

// Pack is a node of a pack. Other modules find it with actor.Find.
type Pack struct {
	env      actor.Env
	opts     Options
	name     string
	gossip   *memberlist.Memberlist
	net      *transport
	network  network
	resolver *net.Resolver
	derive   derivation
	clock    func() time.Time // what the clock of the host says; nothing may depend on it
	raft     *election        // nil without pack: auto
	strange  strangersLog

	probes   sync.WaitGroup
	began    time.Time
	wake     chan struct{} // something is different
	news     chan struct{} // what this node tells of itself is
	seeds    chan string   // addresses of nodes that were heard of
	rivals   chan string   // addresses of nodes of the same name
	protocol [2]int

	leaves chan chan error // this node is to leave

	mu       sync.Mutex
	gone     bool // it has
	self     about
	members  map[string]*Member
	heard    map[string]time.Time // by the id of the process
	leader   string
	term     int64 // of the leader
	changed  chan struct{}
	events   []Event
	handlers map[string]Handler
}

// New makes a Pack.
func New(env actor.Env, o Options) (actor.Service, error) {
	name := o.NodeName
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("node_name: the name of the host is not known: %w", err)
		}
	}
	return &Pack{
		env: env, opts: o, name: name, network: host{}, resolver: net.DefaultResolver, derive: seal.Derive, clock: time.Now, protocol: [2]int{lowestProtocol, highestProtocol},
		wake: make(chan struct{}, 1), news: make(chan struct{}, 1), leaves: make(chan chan error), seeds: make(chan string, 64), rivals: make(chan string, 1),
		members: map[string]*Member{}, heard: map[string]time.Time{}, changed: make(chan struct{}), handlers: map[string]Handler{},
	}, nil
}

// round is the time between two probes of memberlist. A node is suspected after one or two of
// them and declared dead after three to six more, which is less than dead_after.
func (p *Pack) round() time.Duration { return max(p.opts.DeadAfter/10, 20*time.Millisecond) }

// Open binds the port.
func (p *Pack) Open(ctx context.Context) error {
	keys, err := p.opts.keys(p.derive, func(err error) {
		p.env.Warn("the certificates cannot be read again, the former ones are used", "error", err)
	})
	if err != nil {
		return err
	}
	p.net, err = listen(ctx, p.network, where{p.opts.Interface, p.opts.Port, p.opts.Advertise, p.opts.Broadcast, p.opts.TLS})
	if err != nil {
		return fmt.Errorf("listen on interface %s, port %d: %w", p.opts.Interface, p.opts.Port, err)
	}
	p.net.protect(keys)
	p.net.refused, p.net.heard, p.net.stream, p.net.greeted = p.stranger, p.hear, p.serveStream, p.greeted
	p.began = p.clock()
	p.self = about{ID: keys.ID(), Role: p.opts.Pack, Version: version(), Protocol: p.protocol, Began: p.began.UnixMilli(), Priority: p.opts.Priority}
	if p.opts.Pack == leads {
		p.self.Claim = p.began.UnixMilli()
	}
	if p.opts.Pack == elective {
		if p.raft, err = newElection(p); err != nil {
			return err
		}
	}
	p.members[p.name] = &Member{Name: p.name, Address: p.net.advertise.String(), Role: p.opts.Pack, State: Alive, Self: true, Version: p.self.Version, Since: p.began, about: p.self}
	p.answerCalls()
	p.net.start()
	p.gossip, err = memberlist.Create(p.memberlistConfig())
	if err != nil {
		return err
	}
	p.env.Log.Info("listening", "address", p.net.tcp.Addr().String(), "advertised", p.net.advertise.String(), "node", p.name)
	return nil
}

func (p *Pack) memberlistConfig() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	round := p.round()
	c.Name, c.Transport = p.name, p.net
	c.Logger = log.New(logWriter{p.env.Log, func() { p.env.Count("failed_probes", 1) }}, "", 0)
	c.ProbeInterval, c.ProbeTimeout = round, round/2
	c.SuspicionMult, c.SuspicionMaxTimeoutMult, c.AwarenessMaxMultiplier = 3, 2, 2
	c.GossipInterval = min(200*time.Millisecond, round/2)
	c.GossipToTheDeadTime = p.opts.DeadAfter
	c.PushPullInterval = max(p.opts.Interval, round)
	c.TCPTimeout = 5 * time.Second
	c.DeadNodeReclaimTime = time.Nanosecond // a node that is dead may come back from elsewhere
	c.UDPBufferSize = 1400 - seal.Overhead
	d := delegate{p}
	c.Delegate, c.Events, c.Merge, c.Alive, c.Conflict = d, d, d, d, d
	return c
}

// logWriter hands on what memberlist logs, for those who look for it.
type logWriter struct {
	log    *slog.Logger
	failed func() // a probe has
}

// failedProbe is what memberlist logs when a node has not answered in time; it has no other way
// to tell.
const failedProbe = "Failed UDP ping"

// Write logs a line.
func (w logWriter) Write(line []byte) (int, error) {
	if w.failed != nil && bytes.Contains(line, []byte(failedProbe)) {
		w.failed()
	}
	w.log.Debug(strings.TrimSpace(string(line)))
	return len(line), nil
}

var _ io.Writer = logWriter{}

// Serve is a member of the pack until ctx ends, and then says that it leaves.
func (p *Pack) Serve(outer context.Context) error {
	ctx, cancel := context.WithCancel(outer)
	var work sync.WaitGroup
	defer work.Wait()
	defer p.probes.Wait()
	defer cancel()
	work.Go(func() { p.join(ctx) })
	if p.opts.Broadcast != "" {
		work.Go(func() { p.announce(ctx) })
	}
	if p.raft != nil {
		work.Go(func() { p.raft.run(ctx) })
	}
	work.Go(func() { p.publish(ctx) })
	rejected := make(chan error, 1)
	work.Go(func() { p.meetRivals(ctx, rejected) })
	tick := time.NewTicker(p.round())
	defer tick.Stop()
	told := p.decide(time.Time{})
	for {
		select {
		case <-p.wake:
		case <-tick.C:
			p.lookAround()
		case done := <-p.leaves:
			cancel()
			work.Wait()
			done <- p.depart()
			<-outer.Done()
			return nil
		case err := <-rejected:
			return actor.Final(err)
		case <-ctx.Done():
			return nil
		}
		told = p.decide(told)
	}
}

// Close leaves the pack and frees the port.
func (p *Pack) Close(context.Context) error {
	if p.left() {
		return nil
	}
	return p.quit()
}

// quit says goodbye and closes everything.
func (p *Pack) quit() error {
	if p.raft != nil {
		p.raft.close()
	}
	if p.gossip == nil {
		if p.net != nil {
			return p.net.Shutdown()
		}
		return nil
	}
	p.mu.Lock()
	p.self.Leaving = true
	p.mu.Unlock()
	p.sayGoodbye()
	err := errors.Join(p.gossip.UpdateNode(farewell), p.gossip.Leave(farewell))
	return errors.Join(err, p.gossip.Shutdown())
}

// farewell is how long a node waits until others have heard that it leaves.
const farewell = 2 * time.Second

// awaken lets Serve look at what has changed.
func (p *Pack) awaken() {
	select {
	case p.wake <- struct{}{}:
	default: // it will look already
	}
}

// publish tells the others what is different about this node. That takes a while, in which
// Serve must go on to look at who leads.
func (p *Pack) publish(ctx context.Context) {
	for {
		select {
		case <-p.news:
			_ = p.gossip.UpdateNode(p.round()) // it only says that there was nobody to tell so far
		case <-ctx.Done():
			return
		}
	}
}

// hear notes that a process has sent something.
func (p *Pack) hear(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard[id] = time.Now()
}

// lookAround finds those that have fallen silent, and forgets those that are long gone.
func (p *Pack) lookAround() {
	modules := p.modules()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self.Modules = modules
	known := map[string]bool{}
	for _, m := range p.members {
		known[m.about.ID] = true
	}
	for name, m := range p.members {
		switch {
		case m.Self:
		case m.Here():
			if h := p.heard[m.about.ID]; h.After(m.heard) {
				m.heard = h
			}
			silence, state := time.Since(m.heard), Alive
			if silence > askAfter*p.round() {
				p.probe(name, m.Address)
			}
			if silence > suspectAfter*p.round() {
				state = Suspect
			}
			if state != m.State {
				m.State, m.Since = state, time.Now()
				p.env.Log.Debug("node_"+string(state)+": "+name, "address", m.Address)
				p.tell()
			}
		case time.Since(m.Since) > forgetAfter:
			delete(p.members, name)
		}
	}
	for id := range p.heard {
		if !known[id] {
			delete(p.heard, id)
		}
	}
}

// A node that nothing was heard of for some rounds is asked, as memberlist probes the nodes in turn
// and may not come to it for many rounds. One that does not answer in the next ones is suspect.
const (
	askAfter     = 1
	suspectAfter = 3
)

// probe asks a node to say something. Its answer is heard as any packet is.
func (p *Pack) probe(name, addr string) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return // it is not where an answer could come from
	}
	p.probes.Go(func() {
		_, _ = p.gossip.Ping(name, at) // a failure is counted where memberlist tells of it
	})
}

// forgetAfter is how long nodes are shown that have left or died.
const forgetAfter = 24 * time.Hour

// modules is a short hash of the modules that run, and of their kinds.
func (p *Pack) modules() string {
	h := sha256.New()
	for _, s := range p.env.Status() {
		fmt.Fprintf(h, "%s %s\n", s.ID, s.Spec.Name)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// strangersLog keeps warnings about one address a minute apart.
type strangersLog struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// maxStrangers bounds the addresses that are remembered.
const maxStrangers = 1024

// due reports whether a minute has passed since it was true for a key.
func (s *strangersLog) due(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.last[key]; known && time.Since(last) < time.Minute {
		return false
	}
	if s.last == nil || len(s.last) >= maxStrangers {
		s.last = map[string]time.Time{}
	}
	s.last[key] = time.Now()
	return true
}

// isStrange reports whether an error says that no node of this pack is at the other end.
func isStrange(err error) bool {
	return errors.Is(err, seal.ErrForeign) || errors.Is(err, seal.ErrKey) || errors.Is(err, mtls.ErrForeign) || errors.Is(err, mtls.ErrCertificate)
}

// stranger counts what no node of this pack has sent, and warns of it.
func (p *Pack) stranger(from net.Addr, err error) {
	host, _, splitErr := net.SplitHostPort(from.String())
	host = cmp.Or(host, from.String())
	if splitErr != nil {
		host = from.String()
	}
	name := "foreign"
	switch {
	case errors.Is(err, seal.ErrKey):
		name = "wrong_secret"
	case errors.Is(err, mtls.ErrCertificate):
		name = "wrong_certificate"
	}
	p.env.Count(name, 1)
	if p.strange.due(host + name) {
		p.env.Log.Warn("something was ignored that no node of this pack has sent", "from", host, "error", err)
	}
}
