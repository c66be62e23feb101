package delivery_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
)

// waiter is an output that serves dishes as its script says.
type waiter struct {
	courier *delivery.Courier
	kitchen *kitchen
}

type options struct{ delivery.Options }

func (o *options) Validate() error { return o.CheckDelivery() }

// kitchen is the counterpart. It answers each dish by the next entry of its script: "" takes
// it, "later" does not now, "never" does not at all, "panic" breaks the waiter.
type kitchen struct {
	mu     sync.Mutex
	script map[string][]string
	served []string
	closed int // contacts refused before the first that works
}

func (k *kitchen) answer(dish string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if left := k.script[dish]; len(left) > 0 {
		k.script[dish] = left[1:]
		if left[0] != "" {
			return left[0]
		}
	}
	k.served = append(k.served, dish)
	return ""
}

var errSoldOut = errors.New("sold out")

func (w *waiter) Open(ctx context.Context) error {
	return w.courier.Connect(ctx, func(context.Context) error {
		if w.kitchen.closed > 0 {
			w.kitchen.closed--
			return errors.New("closed")
		}
		return nil
	})
}

func (w *waiter) Write(ctx context.Context, b *actor.Batch) error {
	return w.courier.Deliver(ctx, b, func(_ context.Context, events []*event.Event, r *delivery.Report) {
		for _, e := range events {
			switch w.kitchen.answer(actortest.Data(e)) {
			case "later":
				r.Later(e, errSoldOut)
			case "never":
				r.Never(e, errors.New("not on the menu"))
			case "panic":
				panic("dropped the tray")
			}
		}
	})
}

func (k *kitchen) spec() actor.Spec {
	defaults := options{delivery.Defaults(10, 0, 100)}
	defaults.RetryMax = 2 * time.Millisecond
	return actor.DefineSink(actor.Info{Name: "Waiter", Role: actor.Output}, defaults, func(env actor.Env, o options) (actor.Sink, error) {
		return &waiter{delivery.New(env, o.Options, "kitchen"), k}, nil
	})
}

func TestEachEventArrivesOnceOrIsSetAside(t *testing.T) {
	for name, c := range map[string]struct {
		options  string
		script   map[string][]string
		served   string
		rejected string // in reject_file
		dropped  int64
		logged   string
	}{
		"what fails is tried again, and only that": {
			script: map[string][]string{"egg": {"later", "later"}}, served: "bacon spam egg", logged: "target works again",
		},
		"what is refused is named in the log": {
			script: map[string][]string{"egg": {"never"}}, served: "bacon spam", dropped: 1, logged: "event was refused for good",
		},
		"what is refused goes to a file": {
			options: "reject_action: file\nreject_file: $FILE", script: map[string][]string{"egg": {"never"}},
			served: "bacon spam", rejected: `"module":"Waiter","reason":"not on the menu","event":{"data":"egg"`, dropped: 1,
		},
		"what is refused is dropped": {
			options: "reject_action: drop", script: map[string][]string{"egg": {"never"}}, served: "bacon spam", dropped: 1,
		},
		"what is refused is tried for ever": {
			options: "reject_action: retry", script: map[string][]string{"egg": {"never", "never", "never"}}, served: "bacon spam egg",
		},
		"attempts are limited": {
			options: "reject_action: file\nreject_file: $FILE\nmax_retries: 2", script: map[string][]string{"egg": {"later", "later", "later", "later"}},
			served: "bacon spam", rejected: "not delivered after 3 attempts: sold out", dropped: 1,
		},
		"a panic after a part was delivered repeats only the rest": {
			script: map[string][]string{"egg": {"later", "panic"}}, served: "bacon spam egg",
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rejected")
			k := &kitchen{script: c.script}
			feed := make(chan string, 3)
			for _, dish := range []string{"bacon", "egg", "spam"} {
				feed <- dish
			}
			close(feed)
			r := start(t, k, strings.ReplaceAll(c.options, "$FILE", file), feed)
			r.Finish()
			if got := strings.Join(k.served, " "); !sameDishes(got, c.served) {
				t.Errorf("served %q", got)
			}
			text, _ := os.ReadFile(file) // there is none in most cases
			if !strings.Contains(string(text), c.rejected) {
				t.Errorf("rejected %q", text)
			}
			if got := r.Status("Waiter").Meter.Dropped.Load(); got != c.dropped {
				t.Errorf("%d events counted as dropped", got)
			}
			if !strings.Contains(r.Log(), c.logged) {
				t.Errorf("log: %s", r.Log())
			}
		})
	}
}

// sameDishes compares without the order, which depends on how the batches were cut.
func sameDishes(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}

func start(t *testing.T, k *kitchen, text string, feed chan string) *actortest.Running {
	t.Helper()
	if text != "" {
		text = "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
	}
	return actortest.Start(t, "- Global:\n    shutdown_timeout: 1\n- Lines\n- Waiter:\n    store_interval_in_secs: 0\n"+text, k.spec(), actortest.Lines(feed))
}

func TestRefusedEventsGoToTheDeadLetterModuleWithTheReason(t *testing.T) {
	k := &kitchen{script: map[string][]string{"egg": {"never"}}}
	feed := make(chan string, 2)
	feed <- "egg"
	feed <- "spam"
	close(feed)
	r := actortest.Start(t, "- Global:\n    dead_letter: TestCatch\n- Lines:\n    receivers: [Waiter]\n- Waiter\n- TestCatch\n", k.spec(), actortest.Lines(feed))
	got := r.Finish()
	if len(got) != 1 || actortest.Data(got[0]) != "egg" || actortest.Meta(got[0], "error") != "Waiter: not on the menu" {
		t.Errorf("got %v", got)
	}
}

func TestAStopByForceKeepsWhatCouldNotBeDelivered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rejected")
	k := &kitchen{script: map[string][]string{"egg": slices.Repeat([]string{"later"}, 100000)}}
	feed := make(chan string, 1)
	feed <- "egg"
	r := start(t, k, "reject_file: "+file, feed)
	r.Logged("tries")
	r.StopHard()
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), `{"data":"egg"`) {
		t.Errorf("%q %v", text, err)
	}
	if lost := r.Status("Waiter").Meter.Lost.Load(); lost != 1 {
		t.Errorf("%d events counted as lost", lost)
	}
}

func TestTheFirstContactIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		closed  int
		fails   bool
	}{
		"for ever, while the others start":        {"", 2, false},
		"as long as is said":                      {"start_timeout_in_secs: 5", 1, false},
		"and when it is too long, nothing starts": {"start_timeout_in_secs: 0.05", 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kitchen{closed: c.closed}
			feed := make(chan string, 1)
			feed <- "spam"
			close(feed)
			err := start(t, k, c.options, feed).Err()
			if failed := err != nil; failed != c.fails {
				t.Errorf("the run ends with %v", err)
			}
			if !c.fails && !slices.Equal(k.served, []string{"spam"}) {
				t.Errorf("served %v", k.served)
			}
		})
	}
}

func TestAFileIsNeededForRejectedEvents(t *testing.T) {
	actortest.Wrong(t, new(kitchen).spec(), map[string]string{"reject_action: file": "reject_file", "max_retries: -1": "at least 0", "backlog_full_action: cry": "drop_oldest"})
}

func TestAFullBacklogDropsWhatTheOptionsSay(t *testing.T) {
	for action, want := range map[string][]string{
		"drop_newest": {"0", "1", "2", "3", "4"},
		"drop_oldest": {"0", "6", "7", "8", "9"},
	} {
		t.Run(action, func(t *testing.T) {
			k := &kitchen{}
			k.mu.Lock() // nobody is served
			feed := make(chan string)
			r := start(t, k, "batch_size: 1\nbacklog_size: 4\nbacklog_full_action: "+action, feed)
			for i := range 10 {
				feed <- strconv.Itoa(i)
				for i == 0 && r.Status("Waiter").Waiting > 0 || r.Status("Lines").Meter.Emitted.Load() < int64(i+1) {
					runtime.Gosched()
				}
			}
			close(feed)
			k.mu.Unlock()
			r.Finish()
			if !slices.Equal(k.served, want) {
				t.Errorf("served %v", k.served)
			}
			if got := r.Status("Waiter").Meter.Dropped.Load(); got != 5 {
				t.Errorf("%d events counted as dropped", got)
			}
		})
	}
}
