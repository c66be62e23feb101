// Package nmapscanner scans networks with the program nmap.
package nmapscanner

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

//go:embed nmapscanner.md
var doc string

// Spec is the NmapScanner module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "NmapScanner",
	Aliases: []string{"input.NmapScanner"},
	Role:    actor.Input,
	Summary: "Scans a network with nmap at intervals and makes an event of every host that is up.",
	Doc:     doc,
	Example: `- NmapScanner:
    network: 192.168.2.0
    netmask: /30
    ports: '22,80'
    arguments: '-sT'
    interval: 60
`,
}, Options{Netmask: "/24", Arguments: usual, Interval: 15 * time.Minute, Path: "nmap", Parallel: 1}, New)

// usual are the arguments of the second scan if there are no others.
const usual = "-O -F --osscan-limit"

// Options of the NmapScanner module.
type Options struct {
	Network   string        `opt:"network" required:"true" doc:"Address of a network or host."`
	Netmask   string        `opt:"netmask" doc:"Appended to network as it is, such as /24."`
	Ports     string        `opt:"ports" null:"true" kinds:"integer" doc:"Ports to scan in the syntax of nmap, such as 22,80-90."`
	Arguments string        `opt:"arguments" null:"true" doc:"Arguments of nmap for the scan of a host. Only those are allowed that choose how to scan; quotes work as in a shell, of which there is none."`
	Interval  time.Duration `opt:"interval" min:"0s" doc:"Pause between the end of a run and the next one."`
	Path      string        `opt:"nmap_path" doc:"The program nmap, as a path or as a name to be found."`
	Timeout   time.Duration `opt:"scan_timeout_in_secs" min:"0s" doc:"Longest time of a run, after which nmap is killed. 0 is no limit."`
	Parallel  int           `opt:"parallel_hosts" min:"1" max:"1000" doc:"Hosts that are scanned at the same time. More than one give up the order of addresses."`
	Exclude   []string      `opt:"exclude" null:"true" doc:"Hosts and networks that are left out."`

	args []string
}

var (
	target   = regexp.MustCompile(`^[0-9A-Za-z.:_*,/%-]+$`)
	portList = regexp.MustCompile(`^[0-9TUS:,\[\]a-z*?-]+$`)
)

// Validate checks everything that nmap is to be told.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	for _, t := range append([]string{o.Network + o.Netmask}, o.Exclude...) {
		name := "network"
		if t != o.Network+o.Netmask {
			name = "exclude"
		}
		if !target.MatchString(t) || t[0] == '-' {
			fault(name, option.NotAllowed, "must be an address, a network or a name, got %q", t)
		}
	}
	if o.Ports != "" && (!portList.MatchString(o.Ports) || o.Ports[0] == '-' && len(o.Ports) == 1) {
		fault("ports", option.NotAllowed, "must be a list of ports such as 22,80-90, got %q", o.Ports)
	}
	args, err := split(o.Arguments)
	if err == nil {
		err = allowed(args)
	}
	if err != nil {
		fault("arguments", option.NotAllowed, "%s", err)
	}
	if i := slices.Index(args, "-F"); i >= 0 && o.Ports != "" {
		if o.Arguments != usual {
			fault("arguments", option.Contradiction, "-F cannot be used together with ports")
		}
		args = slices.Delete(slices.Clone(args), i, i+1)
	}
	if i := slices.IndexFunc(args, choosesPorts); i >= 0 && o.Ports != "" {
		fault("arguments", option.Contradiction, "%s cannot be used together with ports", args[i])
	}
	o.args = args
	return errors.Join(errs...)
}

// Reads names the program, so that it is noticed early if it is missing.
func (o *Options) Reads() []actor.File {
	path, err := exec.LookPath(o.Path)
	if err != nil {
		path = o.Path
	}
	return []actor.File{{Option: "nmap_path", Path: path}}
}

type source struct {
	env  actor.Env
	opts Options
	path string
}

// New makes an NmapScanner.
func New(env actor.Env, o Options) (actor.Source, error) {
	return &source{env: env, opts: o}, nil
}

// Open looks for nmap.
func (s *source) Open(context.Context) error {
	var err error
	if s.path, err = exec.LookPath(s.opts.Path); err != nil {
		return fmt.Errorf("nmap_path: %w", err)
	}
	if need := privileged(s.opts.args); need != "" && os.Geteuid() != 0 && !slices.Contains(s.opts.args, "--privileged") {
		s.env.Log.Warn("nmap will refuse an argument, because it needs to run as root, or to have the capability CAP_NET_RAW and the argument --privileged", "argument", need)
	}
	return nil
}

// Run scans until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	for {
		if err := s.scan(ctx, out); err != nil {
			return err
		}
		t := time.NewTimer(s.opts.Interval)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
	}
}

// scan is one run. The error says that the program is being stopped by force.
func (s *source) scan(ctx context.Context, out *actor.Outlet) error {
	if s.opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.opts.Timeout, errLate)
		defer cancel()
	}
	began := time.Now()
	hosts, err := s.discover(ctx)
	if err != nil {
		s.warn(ctx, "the network could not be searched", s.opts.Network+s.opts.Netmask, err)
		return nil
	}
	found, err := s.each(ctx, out, hosts)
	if err != nil {
		return err
	}
	s.env.Log.Debug("the run has ended", "up", len(hosts), "events", found, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

var errLate = errors.New("the run took longer than scan_timeout_in_secs, nmap was killed")

// warn tells what went wrong, unless the program ends.
func (s *source) warn(ctx context.Context, message, what string, err error) {
	cause := context.Cause(ctx)
	if errors.Is(cause, errLate) {
		err = errLate
	} else if cause != nil {
		return
	}
	s.env.Count("failed_scans", 1)
	s.env.Log.Warn(message, "target", what, "error", err)
}

// discover finds the hosts that are up, in the order of their addresses.
func (s *source) discover(ctx context.Context) ([]netip.Addr, error) {
	args := []string{"-oX", "-", "-sn"}
	if strings.Contains(s.opts.Network, ":") {
		args = append(args, "-6")
	}
	if len(s.opts.Exclude) > 0 {
		args = append(args, "--exclude", strings.Join(s.opts.Exclude, ","))
	}
	var list []netip.Addr
	err := s.nmap(ctx, append(args, s.opts.Network+s.opts.Netmask), func(h *host) error {
		if a, ok := h.address(); ok && h.Status.State == "up" {
			list = append(list, a)
		}
		return nil
	})
	slices.SortFunc(list, netip.Addr.Compare)
	return list, err
}

// each scans hosts and sends events on as they come.
func (s *source) each(ctx context.Context, out *actor.Outlet, hosts []netip.Addr) (int, error) {
	todo, done := make(chan netip.Addr), make(chan *host)
	var all sync.WaitGroup
	for range min(s.opts.Parallel, len(hosts)) {
		all.Go(func() {
			for a := range todo {
				done <- s.one(ctx, a)
			}
		})
	}
	go func() {
		defer close(done)
		for _, a := range hosts {
			if ctx.Err() != nil {
				break
			}
			todo <- a
		}
		close(todo)
		all.Wait()
	}()
	found := 0
	var failed error
	for h := range done {
		if h == nil || failed != nil {
			continue
		}
		found++
		failed = s.emit(out, h)
	}
	if ctx.Err() != nil && found < len(hosts) {
		s.warn(ctx, "not all hosts were scanned", s.opts.Network+s.opts.Netmask, ctx.Err())
	}
	return found, failed
}

// one scans a host. It returns nil if nothing is known of it.
func (s *source) one(ctx context.Context, a netip.Addr) *host {
	args := append([]string{"-oX", "-"}, s.opts.args...)
	bits := "/32"
	if a.Is6() {
		args, bits = append(args, "-6"), "/128"
	}
	if s.opts.Ports != "" {
		args = append(args, "-p", s.opts.Ports)
	}
	var found *host
	err := s.nmap(ctx, append(args, a.String()+bits), func(h *host) error {
		if b, ok := h.address(); ok && b == a && found == nil {
			found = h
		}
		return nil
	})
	if err != nil {
		if ctx.Err() == nil { // else it is told once for all
			s.warn(ctx, "host could not be scanned", a.String(), err)
		}
		return nil
	}
	return found
}

func (s *source) emit(out *actor.Outlet, h *host) error {
	a, _ := h.address()
	b := out.Batch(a.String())
	e := b.New()
	e.SetType("nmap_scan")
	e.SetField(event.Data, event.String(""))
	h.fill(e)
	return out.Emit(b, nil)
}
