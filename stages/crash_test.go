//go:build crash

package stages_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These are for a longer run: go test -tags crash -run TestCrash ./stages -rounds 500.
var (
	crashRounds = flag.Int("rounds", 40, "rounds of TestCrash")
	crashFrom   = flag.Uint64("seed", 0, "seed of the first round of TestCrash; 0 is one at random")
)

// A pipeline made up at random runs, is killed, stopped, has its disk fail and the files that
// it left damaged, again and again. After every life of the program it is known of each event
// where it is, and in the end all have arrived. The seed of a round brings back its pipeline
// and everything that is done to it, though not to the moment.
func TestCrash(t *testing.T) {
	seed := *crashFrom
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	var sum crashSums
	for i := range *crashRounds {
		t.Run(fmt.Sprintf("seed=%d", seed+uint64(i)), func(t *testing.T) {
			r := newCrashRound(t, seed+uint64(i))
			r.run()
			sum.add(r)
		})
		if t.Failed() {
			t.Fatalf("replay it: go test -tags crash -run TestCrash ./stages -rounds 1 -seed %d", seed+uint64(i))
		}
	}
	t.Logf("%d rounds from seed %d: %s", *crashRounds, seed, sum)
}

// crashSums are what was seen in all rounds.
type crashSums struct {
	lives, kills, stops, noStart, damages, events, again, forgiven, buffered int
	rounds                                                                   int
}

func (s *crashSums) add(r *crashRound) {
	s.rounds++
	s.lives += r.sums.lives
	s.kills += r.sums.kills
	s.stops += r.sums.stops
	s.noStart += r.sums.noStart
	s.damages += r.sums.damages
	s.again += r.sums.again
	s.buffered += r.sums.buffered
	s.forgiven += len(r.forgiven)
	s.events += len(r.events)
}

func (s crashSums) String() string {
	return fmt.Sprintf("%d lives, %d killed, %d stopped, %d had no start, %d damages, %d events, %d found on disk, %d came twice as they may, %d in damaged records",
		s.lives, s.kills, s.stops, s.noStart, s.damages, s.events, s.buffered, s.again, s.forgiven)
}

// crashRound is one pipeline from its first life to its last.
type crashRound struct {
	*crashPlan
	t      *testing.T
	random *rand.Rand
	log    bytes.Buffer // of all lives
	sums   crashSums

	arrived  map[string]map[string]int // how often each event is in each file
	forgiven map[string]bool           // events in records that were damaged on purpose
	places   map[string]int            // where each event is that may come: with its input, in buffers
}

func newCrashRound(t *testing.T, seed uint64) *crashRound {
	random := rand.New(rand.NewPCG(seed, 0))
	r := &crashRound{crashPlan: newCrashPlan(t, random), t: t, random: random, forgiven: map[string]bool{}}
	r.arrived = r.read()
	r.note(r.buffered(), r.unacknowledged())
	t.Cleanup(func() {
		if t.Failed() {
			if keep := os.Getenv("CRASH_KEEP"); keep != "" {
				t.Log(os.CopyFS(keep, os.DirFS(r.dir)))
			}
			t.Logf("the pipeline:\n%s\nthe log:\n%s", r.text, tailOf(r.log.String()))
		}
	})
	return r
}

func tailOf(log string) string {
	const most = 20_000
	if at := strings.Index(log, "SIGQUIT: quit"); at > 0 && len(log)-at > most {
		log = log[:at+most]
	}
	if len(log) <= 2*most {
		return log
	}
	return "...\n" + log[len(log)-2*most:]
}

func (r *crashRound) run() {
	for range 1 + r.random.IntN(5) {
		r.life()
		r.settle()
		if r.t.Failed() {
			return
		}
		if r.random.IntN(2) == 0 {
			r.damage()
		}
	}
	r.lastLife()
}

const crashPatience = time.Minute

// child is the program in one of its lives.
type child struct {
	*exec.Cmd
	gone chan error
	log  bytes.Buffer
}

func (r *crashRound) start(faults bool) *child {
	r.t.Helper()
	os.Remove(filepath.Join(r.dir, "ready"))
	if r.redis != nil {
		r.redis.FastForward(time.Minute) // its clock stands still otherwise, and no lease is ever over
	}
	c := &child{Cmd: exec.Command(os.Args[0], "-test.run=^TestCrashChild$"), gone: make(chan error, 1)}
	c.Env = append(os.Environ(), crashDir+"="+r.dir, fmt.Sprint(crashSeed, "=", r.random.Uint64()))
	if faults {
		c.Env = append(c.Env, crashFaults+"=yes")
	}
	c.Stderr = &c.log
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { c.gone <- c.Wait() }()
	r.sums.lives++
	return c
}

// ended notes how a life ended, and which end is none that the program may come to.
func (r *crashRound) ended(c *child, err error, may ...int) {
	r.t.Helper()
	status := c.ProcessState.ExitCode()
	fmt.Fprintf(&r.log, "--- %v\n%s", err, c.log.String())
	if status >= 0 && !slices.Contains(may, status) {
		r.t.Errorf("the program ended with %d", status)
	}
}

// life runs the program for a moment.
func (r *crashRound) life() {
	r.t.Helper()
	faults := r.random.IntN(2) == 0
	ends := []int{endWell}
	if faults {
		ends = append(ends, endNoStart)
	}
	wait, pause := r.random.IntN(4) > 0, time.Duration(r.random.IntN(80_000))*time.Microsecond
	gently, after := r.random.IntN(3) == 0, time.Duration(-1)
	if gently && r.random.IntN(3) == 0 {
		after = time.Duration(r.random.IntN(10_000)) * time.Microsecond
	}
	c := r.start(faults)
	if wait {
		r.await(c, "ready")
	}
	select {
	case err := <-c.gone:
		if c.ProcessState.ExitCode() == endNoStart {
			r.sums.noStart++
		}
		r.ended(c, err, ends...)
		return
	case <-time.After(pause):
	}
	if !gently {
		r.sums.kills++
		c.Process.Kill()
		r.ended(c, <-c.gone, ends...) // it may have been faster
		return
	}
	c.Process.Signal(syscall.SIGTERM)
	if after >= 0 {
		time.AfterFunc(after, func() { c.Process.Kill() })
		ends = append(ends, int(syscall.SIGTERM))
	}
	select {
	case err := <-c.gone:
		r.sums.stops++
		r.ended(c, err, ends...)
	case <-time.After(crashPatience):
		c.Process.Signal(syscall.SIGQUIT)
		r.ended(c, <-c.gone)
		r.t.Error("the program did not stop")
	}
}

// await waits for a file, or for the end of the program.
func (r *crashRound) await(c *child, name string) {
	r.t.Helper()
	r.until(c, "start", func() bool {
		_, err := os.Stat(filepath.Join(r.dir, name))
		return err == nil
	})
}

// until polls; what the program does otherwise stays in the channel.
func (r *crashRound) until(c *child, what string, done func() bool) {
	r.t.Helper()
	before, end := int64(0), time.Now().Add(crashPatience)
	for ; !done(); time.Sleep(10 * time.Millisecond) {
		if now := r.size(); now > before {
			before, end = now, time.Now().Add(crashPatience) // it is slow, but it gets on
		}
		select {
		case err := <-c.gone:
			c.gone <- err
			return
		default:
		}
		if time.Now().After(end) {
			c.Process.Signal(syscall.SIGQUIT)
			err := <-c.gone
			c.gone <- err
			r.ended(c, err)
			r.t.Fatalf("the program did not come to %s: %d events are not acknowledged, %d in buffers, %v", what, len(r.unacknowledged()), len(r.buffered()), r.report())
		}
	}
}

// settle looks where all events are after a life of the program.
func (r *crashRound) settle() {
	r.t.Helper()
	now := r.read()
	for file, events := range now {
		for e, n := range events {
			before := r.arrived[file][e]
			if n > before+r.places[e] {
				r.t.Errorf("%s came to %s %d times more than it may", e, file, n-before-r.places[e])
			}
			if n > 1 {
				r.sums.again += n - max(1, before)
			}
		}
	}
	r.arrived = now
	kept, open := r.buffered(), r.unacknowledged()
	r.sums.buffered += len(kept)
	var lost []string
	for _, e := range r.events {
		if !open[e] && kept[e] == 0 && !r.forgiven[e] {
			lost = append(lost, r.missing(e)...)
		}
	}
	if len(lost) > 0 {
		r.t.Errorf("acknowledged, in no buffer, and not where they should be: %d times, such as %q", len(lost), lost[:min(len(lost), 10)])
	}
	r.note(kept, open)
}

// note keeps how often each event may come in the next life.
func (r *crashRound) note(kept map[string]int, open map[string]bool) {
	r.places = maps.Clone(kept)
	for e := range open {
		r.places[e]++
	}
}

// missing names an event with the files in which it should be and is not.
func (r *crashRound) missing(e string) (list []string) {
	for _, file := range r.wanted(e) {
		if r.arrived[file][e] == 0 {
			list = append(list, e+" in "+file)
		}
	}
	return list
}

// damage does to the files what a loss of power may do.
func (r *crashRound) damage() {
	before := r.buffered()
	mayLose := r.spoil()
	r.sums.damages++
	after := r.buffered()
	for e := range before {
		if after[e] < before[e] {
			r.forgiven[e] = true
			mayLose--
		}
	}
	if mayLose < 0 {
		r.t.Errorf("the damage cost %d events more than it may", -mayLose)
	}
	r.note(after, r.unacknowledged())
}

// lastLife lets the program come to its end undisturbed.
func (r *crashRound) lastLife() {
	r.t.Helper()
	c := r.start(false)
	r.await(c, "ready")
	r.until(c, "its end", func() bool {
		return len(r.unacknowledged()) == 0 && len(r.buffered()) == 0
	})
	c.Process.Signal(syscall.SIGTERM)
	r.ended(c, <-c.gone, endWell)
	if !strings.Contains(c.log.String(), "Lost:0}") {
		r.t.Error("the balance says that events were lost")
	}
	r.settle()
	if n := len(r.places); n > 0 {
		r.t.Errorf("%d events have not come to their end", n)
	}
}

// size is that of all that has been written.
func (r *crashRound) size() (sum int64) {
	for _, name := range append(r.outputNames(), "dead") {
		if info, err := os.Stat(filepath.Join(r.dir, name)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// report tells where all events are.
func (r *crashRound) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events", len(r.events))
	for file, events := range r.read() {
		fmt.Fprintf(&b, ", %d in %s", len(events), file)
	}
	return b.String()
}
