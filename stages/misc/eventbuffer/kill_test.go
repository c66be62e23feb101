//go:build unix

package eventbuffer_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/misc/eventbuffer"
	"gambolputty/stages/misc/redisstore"
	"gambolputty/stages/outputs/filesink"
)

// These tell the test program to be a pipeline that is killed, in a directory.
const (
	childDir  = "EVENTBUFFER_TEST_DIR"
	childFlow = "EVENTBUFFER_TEST_FLOW"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		pipeline(dir)
		return
	}
	os.Exit(m.Run())
}

const killedEvents = 10_000

// sender is an input that sends numbers and writes down how many are safe, after which it
// will never send them again.
type sender struct{ notes string }

// Run sends what was not safe yet.
func (s sender) Run(ctx context.Context, out *actor.Outlet) error {
	text, _ := os.ReadFile(s.notes) // there is none at first
	notes, err := os.OpenFile(s.notes, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer notes.Close()
	safe := ack.NewLedger(func(n int) { _, _ = notes.WriteAt(fmt.Appendf(nil, "%8d\n", n), 0) }, func(int, error) {})
	first, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	for n := first; n < killedEvents; {
		b := out.Batch("")
		for k := 0; k < 20 && n < killedEvents; k++ {
			b.New().SetField(event.Data, event.String(fmt.Sprintf("event %d", n)))
			n++
		}
		if err := out.Emit(b, safe.Open(n)); err != nil {
			return err
		}
	}
	return safe.Wait(ctx)
}

// pipeline runs until its input has ended.
func pipeline(dir string) {
	in := actor.DefineSource(actor.Info{Name: "Sender", Role: actor.Input}, struct{}{}, func(actor.Env, struct{}) (actor.Source, error) {
		return sender{filepath.Join(dir, "notes")}, nil
	})
	text := strings.ReplaceAll(os.Getenv(childFlow), "DIR", dir)
	plan, report := config.Loader{Specs: []actor.Spec{in, filesink.Spec, eventbuffer.Spec, redisstore.Spec}}.LoadText("child", []byte(text))
	if !report.OK(false) {
		panic(report.Text())
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	settings := plan.Settings()
	settings.Log = log
	g, err := actor.New(settings, plan.Nodes(func(id string, _ *slog.Level) *slog.Logger { return log.With("module", id) })...)
	if err == nil {
		err = g.Run(context.Background())
	}
	if err != nil {
		panic(err)
	}
}

// noted is how many events are safe.
func noted(dir string) int {
	text, _ := os.ReadFile(filepath.Join(dir, "notes")) // there is none at first
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// progress says when so many more events are safe, and some moments more have passed.
func progress(t *testing.T, dir string, events int) <-chan struct{} {
	done, goal := make(chan struct{}), noted(dir)+events
	go func() {
		for t.Context().Err() == nil {
			if noted(dir) >= goal {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
				close(done)
				return
			}
			time.Sleep(200 * time.Microsecond)
		}
	}()
	return done
}

// The program is killed again and again while 10,000 events flow into a file. In the end
// all are there, and of each life no more than what was under way came twice.
func TestNoKillLosesAnEvent(t *testing.T) {
	for name, flow := range map[string]string{
		"EventBuffer":         "- Sender\n- FileSink: {file_name: DIR/out, store_interval_in_secs: 0}\n- EventBuffer: {path: DIR/buffer}\n",
		"a buffer on an edge": "- Sender:\n    receivers:\n      - FileSink: {buffer: {path: DIR/buffer}}\n- FileSink: {file_name: DIR/out, store_interval_in_secs: 0, inbox_size: 8}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := killAgainAndAgain(t, flow)
			if files, _ := filepath.Glob(dir + "/buffer/*"); len(files) != 1 {
				t.Errorf("left %v", files)
			}
		})
	}
}

// killAgainAndAgain returns the directory of the pipeline.
func killAgainAndAgain(t *testing.T, flow string) (dir string) {
	dir = t.TempDir()
	kills := 0
	for finished := false; !finished; {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir, childFlow+"="+flow)
		var log strings.Builder
		child.Stderr = &log
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		gone := make(chan error, 1)
		go func() { gone <- child.Wait() }()
		select {
		case err := <-gone:
			if err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			finished = true
		case <-progress(t, dir, 200+rand.IntN(1000)):
			if child.Process.Kill() == nil {
				kills++
			}
			<-gone
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	lines := 0
	for line := range strings.Lines(string(text)) {
		seen[strings.TrimSpace(line)]++
		lines++
	}
	for n := range killedEvents {
		if seen[fmt.Sprintf("event %d", n)] == 0 {
			t.Fatalf("event %d of %d is lost after %d kills", n, killedEvents, kills)
		}
	}
	t.Logf("%d kills, %d lines for %d events", kills, lines, killedEvents)
	return dir
}
