//go:build crash

package stages_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages"
	"gambolputty/stages/misc/eventbuffer"
)

// The program that is killed is the program of the tests, run anew for one test only. These
// tell it what to do.
const (
	crashDir    = "CRASH_TEST_DIR"    // holds the configuration, and everything else
	crashSeed   = "CRASH_TEST_SEED"   // of what goes wrong in this life
	crashFaults = "CRASH_TEST_FAULTS" // is set if the disk has faults
)

// How the child ends if it is not killed.
const (
	endWell = iota
	endNoStart
	endFailed
	endUneven // the balance
)

// TestCrashChild is the program under test.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return // it is called without the other side
	}
	os.Exit(live(dir))
}

func live(dir string) int {
	seed, _ := strconv.ParseUint(os.Getenv(crashSeed), 10, 64)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "stack" {
			return slog.Attr{}
		}
		return a
	}}))
	l := &life{dir: dir, random: rand.New(rand.NewPCG(seed, 1)), seen: map[string]bool{}}
	text, err := os.ReadFile(filepath.Join(dir, "pipeline.yml"))
	if err != nil {
		panic(err)
	}
	plan, report := config.Loader{Specs: append(stages.All(), l.replay(), l.shaky(), l.shelf())}.LoadText("pipeline.yml", text)
	if !report.OK(false) {
		panic(report.Text())
	}
	settings := plan.Settings()
	settings.Log = log
	settings.Ready = func() { os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600) }
	nodes := plan.Nodes(func(id string, _ *slog.Level) *slog.Logger { return log.With("module", id) })
	for i := range nodes {
		n := &nodes[i]
		n.Restart.First, n.Restart.Longest = time.Millisecond, 20*time.Millisecond
		for k := range n.Receivers {
			if b := n.Receivers[k].Buffer; b != nil {
				b.FS = l.disk(b.Path, b.Fsync)
			}
		}
		if o, ok := n.Opts.(*eventbuffer.Options); ok {
			o.FS = l.disk(o.Path, disklog.Policy(o.Fsync))
		}
	}
	g, err := actor.New(settings, nodes...)
	if err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err = g.Run(ctx)
	balance := g.Balance()
	log.Info("balance", "figures", fmt.Sprintf("%+v", balance), "error", err)
	switch {
	case balance.Err() != nil:
		log.Error("the end", "error", balance.Err())
		return endUneven
	case errors.Is(err, actor.ErrStart):
		return endNoStart
	case err != nil:
		return endFailed
	}
	return endWell
}

// life is what goes wrong in one life of the program.
type life struct {
	dir    string
	mu     sync.Mutex
	random *rand.Rand
	seen   map[string]bool // events that have made somebody panic for the first time
}

func (l *life) chance(one, of int) bool { return l.number(of) < one }

func (l *life) number(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(n)
}

// first reports whether it is called for the first time for this name.
func (l *life) first(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.seen[name] = true }()
	return !l.seen[name]
}

type replayOptions struct {
	Count int `opt:"count" doc:"Events."`
}

// replay is an input that sends the texts <r0000000> and so on, and writes down how many have
// been delivered, after which it never sends them again.
func (l *life) replay() actor.Spec {
	return actor.DefineSource(actor.Info{Name: "Replay", Role: actor.Input}, replayOptions{}, func(_ actor.Env, o replayOptions) (actor.Source, error) {
		return &replay{life: l, count: o.Count}, nil
	})
}

type replay struct {
	life  *life
	count int
	notes *os.File
}

func (r *replay) Open(context.Context) (err error) {
	r.notes, err = os.OpenFile(filepath.Join(r.life.dir, "notes"), os.O_RDWR|os.O_CREATE, 0o600)
	return err
}

func (r *replay) Close(context.Context) error { return r.notes.Close() }

func (r *replay) Run(ctx context.Context, out *actor.Outlet) error {
	safe := ack.NewLedger(func(n int) { _, _ = r.notes.WriteAt(fmt.Appendf(nil, "%8d\n", n), 0) }, func(int, error) {})
	for n := notedBy(r.life.dir); n < r.count && ctx.Err() == nil; {
		b := out.Batch("")
		for k := 1 + r.life.number(2*out.Size()); k > 0 && n < r.count; k-- {
			e := b.New()
			e.SetField(event.Data, event.String(crashName('r', n)))
			e.SetField(padding, event.String(padText))
			n++
		}
		if err := out.Emit(b, safe.Open(n)); err != nil {
			return err
		}
	}
	return nil
}

var (
	padding = event.Intern("pad")
	padText = strings.Repeat("spam and eggs ", 15)
)

// notedBy is how many events of Replay have been delivered.
func notedBy(dir string) int {
	text, _ := os.ReadFile(filepath.Join(dir, "notes")) // there is none at first
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

func crashName(kind byte, n int) string { return fmt.Sprintf("<%c%07d>", kind, n) }

// Some events are such that a module never can bear them, and some such that it cannot at
// first. Which ones these are depends on the salt of the module.
func poisonous(name string, salt int) bool { n, _ := strconv.Atoi(name[2:9]); return n%97 == salt }

func indigestible(name string, salt int) bool {
	n, _ := strconv.Atoi(name[2:9])
	return n%53 == salt
}

type saltOptions struct {
	Salt int    `opt:"salt" doc:"Which events the module cannot bear."`
	Name string `opt:"name" null:"true" doc:"Of the file."`
}

func nameOf(e *event.Event) string {
	v, _ := e.Field(event.Data)
	return v.Str()
}

// shaky is a processor that panics.
func (l *life) shaky() actor.Spec {
	return actor.DefineProcessor(actor.Info{Name: "Shaky", Role: actor.Modifier, Parallel: true}, saltOptions{}, func(env actor.Env, o saltOptions) (actor.Processor, error) {
		return shaky{l, o, env.ID}, nil
	})
}

type shaky struct {
	life *life
	opts saltOptions
	id   string
}

func (s shaky) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		s.life.bear(e, s.opts.Salt, s.id)
	}
	return nil
}

func (l *life) bear(e *event.Event, salt int, id string) {
	name := nameOf(e)
	if poisonous(name, salt) || indigestible(name, salt) && l.first(id+name) {
		panic("it is " + name)
	}
}

// shelf is an output that is slow, breaks, and panics, but writes every event once.
func (l *life) shelf() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Shelf", Role: actor.Output}, saltOptions{}, func(env actor.Env, o saltOptions) (actor.Sink, error) {
		return &shelf{life: l, opts: o, id: env.ID}, nil
	})
}

type shelf struct {
	life *life
	opts saltOptions
	id   string
	file *os.File
}

func (s *shelf) Open(context.Context) (err error) {
	s.file, err = os.OpenFile(filepath.Join(s.life.dir, s.opts.Name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = s.file.WriteString("\n") // behind what was cut off
	}
	return err
}

func (s *shelf) Close(context.Context) error { return s.file.Close() }

func (s *shelf) Write(_ context.Context, b *actor.Batch) error {
	if s.life.chance(1, 10) {
		time.Sleep(time.Duration(s.life.number(3000)) * time.Microsecond)
	}
	if s.life.chance(1, 50) {
		return actor.Transient(errors.New("nobody is there"))
	}
	var rest []*event.Event
	for e := range b.View() {
		s.life.bear(e, s.opts.Salt, s.id)
		rest = append(rest, e)
	}
	if s.life.chance(1, 20) { // half of it arrives
		n := len(rest) / 2
		if err := s.write(rest[:n]); err != nil {
			return err
		}
		b.Settle(rest[n:])
		return actor.Transient(errors.New("gone away"))
	}
	return s.write(rest)
}

func (s *shelf) write(events []*event.Event) error {
	var text []byte
	for _, e := range events {
		text = append(append(text, nameOf(e)...), '\n')
	}
	_, err := s.file.Write(text)
	return err
}

// noSpace is what a full disk says.
var errNoSpace = &fs.PathError{Op: "write", Path: "crash", Err: syscall.ENOSPC}
