// Package actortest runs modules in a real graph, configured by real text, so that a test
// sees what an operator would see. Memory of events that were given back is made
// unreadable, which brings stages to light that keep what they must not keep.
package actortest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
)

// Event makes an event of a JSON object, as if StdIn had made it.
func Event(t testing.TB, object string) *event.Event {
	t.Helper()
	v, _, err := new(event.Decoder).Decode(object)
	if err != nil {
		t.Fatalf("the event of the test is no JSON: %v", err)
	}
	e := event.New(event.NewSource("StdIn", "StdIn"))
	e.DeleteField(event.Data)
	e.Merge(v.Map(), false)
	return e
}

// Events makes an event for each text, with the text in the field data.
func Events(data ...string) []*event.Event {
	src := event.NewSource("StdIn", "StdIn")
	var list []*event.Event
	for _, d := range data {
		list = append(list, event.New(src, event.Field{Key: event.Data, Value: event.String(d)}))
	}
	return list
}

// JSON shows an event without its metadata, keys sorted.
func JSON(e *event.Event) string {
	c := e.Fork()
	c.Delete(event.MustPath("gambolputty"))
	return string(new(event.Encoder).AppendEvent(nil, c))
}

// Whole shows an event with its metadata, keys sorted.
func Whole(e *event.Event) string { return string(new(event.Encoder).AppendEvent(nil, e)) }

// Data returns the text in the field data, "" if there is none.
func Data(e *event.Event) string {
	v, _ := e.Field(event.Data)
	return v.Str()
}

// Texts returns the texts in the fields data of events.
func Texts(events []*event.Event) []string {
	var list []string
	for _, e := range events {
		list = append(list, Data(e))
	}
	return list
}

// Meta returns a field of the metadata as text, "" if it is missing.
func Meta(e *event.Event, name string) string {
	v, ok := e.Get(event.MustPath("gambolputty." + name))
	if !ok {
		return ""
	}
	return v.Text()
}

// Process sends one batch through a module with the given options and returns what comes
// out. The module is stopped then, so that it gives out what it held back.
func Process(t testing.TB, s actor.Spec, options string, events ...*event.Event) []*event.Event {
	t.Helper()
	return Batches(t, s, options, events)
}

// Batches is Process with several batches, one after the other.
func Batches(t testing.TB, s actor.Spec, options string, batches ...[]*event.Event) []*event.Event {
	t.Helper()
	r := Start(t, "- TestFeed\n"+item(s.Name, options)+"- TestCatch\n", feed(batches), s)
	return r.Finish()
}

// Sink delivers events to an output and stops it.
func Sink(t testing.TB, s actor.Spec, options string, events ...*event.Event) {
	t.Helper()
	r := Start(t, "- TestFeed\n"+item(s.Name, options), feed([][]*event.Event{events}), s)
	r.Finish()
}

// Fed starts an output on texts, which are all there at the beginning, so that the test can
// look at it while it works. At a stop it has a second for what it cannot deliver.
func Fed(t testing.TB, s actor.Spec, options string, texts ...string) *Running {
	t.Helper()
	feed := make(chan string, len(texts))
	for _, text := range texts {
		feed <- text
	}
	close(feed)
	return Start(t, "- Global:\n    shutdown_timeout: 1\n- Lines\n"+item(s.Name, options), s, Lines(feed))
}

// Source starts an input.
func Source(t testing.TB, s actor.Spec, options string) *Running {
	t.Helper()
	return Start(t, item(s.Name, options)+"- TestCatch\n", s)
}

// Options checks the options of a module; the error joins all that is wrong.
func Options(t testing.TB, s actor.Spec, options string) error {
	t.Helper()
	var errs []error
	for _, p := range check(s, options) {
		if !p.Code.IsWarning() {
			errs = append(errs, errors.New(p.String()))
		}
	}
	return errors.Join(errs...)
}

// Warnings checks the options of a module and returns the warnings about them.
func Warnings(t testing.TB, s actor.Spec, options string) []string {
	t.Helper()
	var list []string
	for _, p := range check(s, options) {
		if p.Code.IsWarning() && p.Option != "" {
			list = append(list, p.String())
		}
	}
	return list
}

func check(s actor.Spec, options string) []config.Problem {
	specs := []actor.Spec{s, catch(&catcher{})}
	if s.Role != actor.Input {
		specs = append(specs, feed(nil))
	}
	text := item(s.Name, options) + "- TestCatch\n"
	if s.Role != actor.Input {
		text = "- TestFeed\n" + text
	}
	_, report := config.Loader{Specs: specs}.LoadText("test", []byte(text))
	return report.Problems
}

// item writes a module as an item of a configuration.
func item(name, options string) string {
	if strings.TrimSpace(options) == "" {
		return "- " + name + "\n"
	}
	indented := strings.ReplaceAll(strings.Trim(options, "\n"), "\n", "\n    ")
	return "- " + name + ":\n    " + indented + "\n"
}

// Running is a graph at work.
type Running struct {
	t      testing.TB
	graph  *actor.Graph
	caught *catcher
	log    *journal
	cancel context.CancelFunc
	done   chan error
	ended  bool
}

// Start runs a configuration in which TestCatch may be used as an output that collects
// events. It returns when all modules have started.
func Start(t testing.TB, text string, specs ...actor.Spec) *Running {
	t.Helper()
	return begin(t, mode{poison: true}, text, specs)
}

// StartDry runs a configuration as a test of it does, in which nothing must be reached.
func StartDry(t testing.TB, text string, specs ...actor.Spec) *Running {
	t.Helper()
	return begin(t, mode{poison: true, dry: true}, text, specs)
}

// StartOffering is Start with what actor.Offered finds.
func StartOffering(t testing.TB, offers []any, text string, specs ...actor.Spec) *Running {
	t.Helper()
	return begin(t, mode{poison: true, offers: offers}, text, specs)
}

// mode says how a configuration is run.
type mode struct {
	dry, poison bool
	offers      []any
}

func begin(t testing.TB, m mode, text string, specs []actor.Spec) *Running {
	t.Helper()
	r := &Running{t: t, caught: newCatcher(), log: &journal{}, done: make(chan error, 1)}
	plan, report := config.Loader{Specs: append(slices.Clone(specs), catch(r.caught))}.LoadText("test", []byte(text))
	if !report.OK(false) {
		t.Fatalf("the configuration is wrong:\n%s\n%s", text, report.Text())
	}
	logger := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ready := make(chan struct{})
	settings := plan.Settings()
	settings.Log, settings.Poison, settings.DryRun, settings.Ready = logger, m.poison, m.dry, func() { close(ready) }
	settings.Offers = m.offers
	var err error
	r.graph, err = actor.New(settings, plan.Nodes(func(id string, _ *slog.Level) *slog.Logger { return logger.With("module", id) })...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.done <- r.graph.Run(ctx) }()
	select {
	case <-ready:
	case err := <-r.done:
		r.done <- err
	}
	t.Cleanup(func() {
		if !r.ended {
			cancel()
			<-r.done
		}
	})
	return r
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// Wait returns the events caught so far once there are n of them.
func (r *Running) Wait(n int) []*event.Event {
	r.t.Helper()
	late := time.After(patience)
	for {
		events, more := r.caught.look()
		if len(events) >= n {
			return events
		}
		select {
		case <-more:
		case <-late:
			r.t.Fatalf("only %d of %d events came; the log says:\n%s", len(events), n, r.Log())
		}
	}
}

// Stop asks the inputs to end, waits until all has drained, and returns all events.
func (r *Running) Stop() []*event.Event {
	r.t.Helper()
	r.cancel()
	return r.Finish()
}

// Finish waits for the end that the inputs come to by themselves.
func (r *Running) Finish() []*event.Event {
	r.t.Helper()
	if err := r.Err(); err != nil {
		r.t.Fatalf("the run failed: %v\n%s", err, r.Log())
	}
	events, _ := r.caught.look()
	return events
}

// Err waits for the end and returns the error of the run.
func (r *Running) Err() error {
	r.t.Helper()
	if r.ended {
		return nil
	}
	defer r.cancel()
	select {
	case err := <-r.done:
		r.ended = true
		if b := r.graph.Balance(); b.Err() != nil {
			r.t.Errorf("%v: %+v\n%s", b.Err(), b, r.Log())
		}
		return err
	case <-time.After(patience):
		r.t.Fatalf("the run does not end; the log says:\n%s", r.Log())
		return nil
	}
}

// Addr returns the address that a module logged as the one it listens on.
func (r *Running) Addr() string {
	r.t.Helper()
	return r.Logged("address")
}

// Dial connects to the address of Addr, until the end of the test.
func (r *Running) Dial(network string) net.Conn {
	r.t.Helper()
	c, err := net.Dial(network, r.Addr())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// Logged waits for a line of the log with the given attribute and returns its value.
func (r *Running) Logged(attribute string) string {
	r.t.Helper()
	late := time.After(patience)
	for {
		text, more := r.log.look()
		if _, after, ok := strings.Cut(text, " "+attribute+"="); ok {
			return strings.Trim(strings.FieldsFunc(after, func(c rune) bool { return c == ' ' || c == '\n' })[0], `"`)
		}
		select {
		case <-more:
		case <-late:
			r.t.Fatalf("no line with %s in the log:\n%s", attribute, text)
		}
	}
}

// Log returns what was logged so far.
func (r *Running) Log() string {
	text, _ := r.log.look()
	return text
}

// Status returns the state of a module.
func (r *Running) Status(id string) actor.Status {
	r.t.Helper()
	for _, s := range r.graph.Status() {
		if s.ID == id {
			return s
		}
	}
	r.t.Fatalf("there is no module %s", id)
	return actor.Status{}
}

// journal collects log lines.
type journal struct {
	notice
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.news()
	return j.text.Write(p)
}

func (j *journal) look() (string, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String(), j.wait()
}

// notice tells waiters that something was added.
type notice struct {
	mu   sync.Mutex
	more chan struct{}
}

func (n *notice) news() {
	if n.more != nil {
		close(n.more)
		n.more = nil
	}
}

func (n *notice) wait() <-chan struct{} {
	if n.more == nil {
		n.more = make(chan struct{})
	}
	return n.more
}

// catcher is the output that collects events.
type catcher struct {
	notice
	events []*event.Event
}

func newCatcher() *catcher { return &catcher{} }

func (c *catcher) look() ([]*event.Event, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events), c.wait()
}

// Write keeps copies of the events.
func (c *catcher) Write(_ context.Context, b *actor.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := range b.Each() {
		c.events = append(c.events, e.Clone())
	}
	c.news()
	return nil
}

type none struct{}

func catch(c *catcher) actor.Spec {
	return actor.DefineSink(actor.Info{Name: "TestCatch", Role: actor.Output, Forgets: true}, none{}, func(actor.Env, none) (actor.Sink, error) { return c, nil })
}

// feeder is an input that sends what the test gave it.
type feeder [][]*event.Event

// Run sends the batches.
func (f feeder) Run(_ context.Context, out *actor.Outlet) error {
	for _, events := range f {
		b := out.Batch("")
		m := newMemory(out)
		for _, e := range events {
			b.Add(m.move(e))
		}
		m.release(b)
		if err := out.Emit(b, nil); err != nil {
			return fmt.Errorf("feed: %w", err)
		}
	}
	return nil
}

func feed(batches [][]*event.Event) actor.Spec {
	return actor.DefineSource(actor.Info{Name: "TestFeed", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return feeder(batches), nil })
}

// Numbers is an input called Numbers that sends so many events, with their numbers from 0
// in the field n, and ends.
func Numbers(count int) actor.Spec {
	return actor.DefineSource(actor.Info{Name: "Numbers", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return numbers(count), nil })
}

type numbers int

// Run sends the events.
func (n numbers) Run(ctx context.Context, out *actor.Outlet) error {
	key := event.Intern("n")
	for i := 0; i < int(n) && ctx.Err() == nil; {
		b := out.Batch("")
		for range min(out.Size(), int(n)-i) {
			b.New().SetField(key, event.Int(int64(i)))
			i++
		}
		if err := out.Emit(b, nil); err != nil {
			return fmt.Errorf("send numbers: %w", err)
		}
	}
	return nil
}

// Lines is an input called Lines that sends each text from a channel at once, until it is
// closed.
func Lines(feed <-chan string) actor.Spec {
	return actor.DefineSource(actor.Info{Name: "Lines", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return lines(feed), nil })
}

type lines <-chan string

// Run sends the texts.
func (l lines) Run(ctx context.Context, out *actor.Outlet) error {
	for {
		select {
		case text, ok := <-l:
			if !ok {
				return nil
			}
			b := out.Batch("")
			m := newMemory(out)
			b.New().SetField(event.Data, m.value(event.String(text)))
			m.release(b)
			if err := out.Emit(b, nil); err != nil {
				return fmt.Errorf("send a line: %w", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// StopHard asks the inputs to end and accepts that draining takes too long.
func (r *Running) StopHard() {
	r.t.Helper()
	r.cancel()
	if err := r.Err(); err != nil && !errors.Is(err, actor.ErrGrace) && !errors.Is(err, actor.ErrForced) {
		r.t.Fatalf("the run failed: %v", err)
	}
}
