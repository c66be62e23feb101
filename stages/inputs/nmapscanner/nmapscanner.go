// Package nmapscanner scans a network with nmap again and again and makes an event of every host
// that is up.
package nmapscanner

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor"
)

//go:embed nmapscanner.md
var doc string

// Spec is the NmapScanner module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "NmapScanner",
	Aliases: []string{"input.NmapScanner"},
	Role:    actor.Input,
	Summary: "Scans a network with nmap at an interval and makes an event of every host that is up.",
	Doc:     doc,
	Example: `- NmapScanner:
    network: 192.168.2.0
    netmask: /30
    ports: '22,80'
    arguments: '-sT'
    interval: 60
`,
}, Options{
	Netmask: "/24", Arguments: defaultArguments, Interval: 15 * time.Minute,
	Path: "nmap", ParallelHosts: 1,
}, New)

type source struct {
	env  actor.Env
	opts Options
	nmap program
	plan plan
}

// New makes an NmapScanner.
func New(env actor.Env, o Options) (actor.Source, error) {
	p, err := o.plan()
	if err != nil {
		return nil, err
	}
	return &source{env: env, opts: o, plan: p}, nil
}

// Open looks for nmap.
func (s *source) Open(context.Context) (err error) {
	if s.nmap, err = find(s.opts.Path); err != nil {
		return fmt.Errorf("nmap_path: %w", err)
	}
	return nil
}

// Run scans until ctx ends, for the first time at once.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	return repeat(ctx, s.opts.Interval, func(ctx context.Context) error { return s.scan(ctx, out) })
}

// repeat calls work until ctx ends, with a pause between the end of one call and the next.
func repeat(ctx context.Context, pause time.Duration, work func(context.Context) error) error {
	for {
		if err := work(ctx); err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

var errTimeout = errors.New("the run takes longer than scan_timeout_in_secs")

// scan is one run: it looks for hosts and scans each of them. The error is that of an Emit.
func (s *source) scan(stop context.Context, out *actor.Outlet) error {
	ctx, began := stop, time.Now()
	if s.opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(stop, s.opts.Timeout, errTimeout)
		defer cancel()
	}
	hosts, err := s.discover(ctx)
	if err != nil {
		s.failed(ctx, "the network cannot be scanned", s.plan.target, err)
	}
	sent, err := s.scanAll(ctx, hosts, out)
	if stop.Err() == nil && errors.Is(context.Cause(ctx), errTimeout) {
		s.env.Log.Warn("the run takes longer than scan_timeout_in_secs, so nmap was killed",
			"network", s.plan.target, "hosts", len(hosts), "scanned", sent)
	}
	s.env.Log.Debug("run ended", "network", s.plan.target, "hosts", len(hosts), "events", sent, "took", time.Since(began).Round(time.Millisecond))
	return err
}

// discover returns the addresses of the hosts that are up, in order.
func (s *source) discover(ctx context.Context) ([]netip.Addr, error) {
	var hosts []netip.Addr
	err := s.nmap.run(ctx, s.plan.discovery, longestDiscovery, func(h *host) {
		if a, ok := h.address(); ok && h.up() {
			hosts = append(hosts, a)
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(hosts, netip.Addr.Compare)
	return slices.Compact(hosts), nil
}

// scanAll scans hosts, several at a time, and returns how many events came of it.
func (s *source) scanAll(ctx context.Context, hosts []netip.Addr, out *actor.Outlet) (int, error) {
	var next, sent atomic.Int64
	work := func(out *actor.Outlet) error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(hosts) {
				break
			}
			h := s.scanHost(ctx, hosts[i])
			if h == nil {
				continue
			}
			b := out.Batch(hosts[i].String())
			h.fill(b.New())
			if err := out.Emit(b, nil); err != nil {
				return err
			}
			sent.Add(1)
		}
		return nil
	}
	errs := make([]error, min(s.opts.ParallelHosts, len(hosts)))
	var all sync.WaitGroup
	for i := range errs {
		clone := out.Clone()
		all.Go(func() { errs[i] = work(clone) })
	}
	all.Wait()
	return int(sent.Load()), errors.Join(errs...)
}

// scanHost returns what nmap finds out about a host, nil if that is nothing.
func (s *source) scanHost(ctx context.Context, a netip.Addr) *host {
	var found *host
	err := s.nmap.run(ctx, s.plan.host(a), longestScan, func(h *host) {
		if found == nil && h.up() {
			found = h
		}
	})
	if err != nil {
		s.failed(ctx, "a host cannot be scanned", a.String(), err)
		return nil
	}
	return found
}

// failed tells the log why a call of nmap brought nothing, unless we ended it ourselves.
func (s *source) failed(ctx context.Context, message, target string, err error) {
	if ctx.Err() != nil {
		return
	}
	s.env.Count("failed_scans", 1)
	args := []any{"target", target, "error", err}
	var f *failure
	if errors.As(err, &f) && f.privileges() {
		args = append(args, "hint", "OS detection and raw scans need root or CAP_NET_RAW, see the page of the module")
	}
	s.env.Warn(message, args...)
}
