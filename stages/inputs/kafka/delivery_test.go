package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/kafka"
	"gambolputty/stages/internal/kafkatest"
)

// held is an output that waits for permission before each batch, and tells what it has.
type held struct {
	allowed chan struct{}
	got     chan []string
}

func newHeld() *held { return &held{make(chan struct{}), make(chan []string, 1000)} }

func (h *held) Write(ctx context.Context, b *actor.Batch) error {
	select {
	case <-h.allowed:
	case <-ctx.Done():
		return errors.New("not delivered")
	}
	var list []*event.Event
	for e := range b.View() {
		list = append(list, e)
	}
	h.got <- actortest.Texts(list)
	return nil
}

func (h *held) spec() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Held", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return h, nil })
}

// behind starts an input with an output that is held, whose inbox is small.
func behind(t *testing.T, h *held, f *kafkatest.Tool, global, options string) *actortest.Running {
	t.Helper()
	text := "- Global: {" + global + "}\n- Kafka:\n    brokers: " + f.List() + "\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n- Held: {queue_size: 1}\n"
	return actortest.Start(t, text, kafka.Spec, h.spec())
}

// KAFKA-IN-4: a crash before the delivery.
func TestWhatWasNotDeliveredComesAgain(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Produce("a", 0, numbered(0, 5000)...)
	h := newHeld()
	in := behind(t, h, f.Tool, "shutdown_timeout: 0.2", "topics: a\ngroup_id: g\nauto_offset_reset: earliest\nauto_commit_interval_ms: 20")
	var delivered []string
	for range 3 {
		h.allowed <- struct{}{}
		delivered = append(delivered, <-h.got...)
	}
	in.StopHard()
	offset := f.Committed("g", "a", 0)
	if offset <= 0 || offset > int64(len(delivered)) {
		t.Fatalf("offset %d is committed after %d deliveries", offset, len(delivered))
	}
	again := start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: latest")
	again.Wait(5000 - int(offset))
	actortest.Same(t, actortest.Texts(again.Stop()), numbered(int(offset), 5000))
}

// KAFKA-IN-4: what is under way at the end is waited for and committed.
func TestTheLastOffsetsAreCommittedAfterTheEndOfReading(t *testing.T) {
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		f := kafkatest.NewFake(t)
		f.Produce("a", 0, numbered(0, 100)...)
		h := newHeld()
		in := behind(t, h, f.Tool, "", "topics: a\ngroup_id: g\nauto_offset_reset: earliest\npartition_assignment_strategy: "+strategy)
		h.allowed <- struct{}{}
		n := len(<-h.got)
		ended := make(chan []*event.Event)
		go func() { ended <- in.Stop() }()
		close(h.allowed)
		<-ended
		for len(h.got) > 0 {
			n += len(<-h.got)
		}
		if got := f.Committed("g", "a", 0); n == 0 || got != int64(n) {
			t.Errorf("%s: offset %d is committed after %d deliveries", strategy, got, n)
		}
	}
}

// KAFKA-IN-4.
func TestNothingIsCommittedWhereThatIsWritten(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Produce("a", 0, numbered(0, 10)...)
	for _, name := range []string{"auto_commit_enable", "enable_auto_commit"} {
		in := start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: earliest\nauto_commit_interval_ms: 20\n"+name+": False")
		in.Wait(10)
		actortest.Same(t, actortest.Texts(in.Stop()), numbered(0, 10))
		if got := f.Committed("g", "a", 0); got != -1 {
			t.Errorf("offset %d is committed", got)
		}
	}
}

// KAFKA-IN-5.
func TestTwoMembersShareAndHandOver(t *testing.T) {
	for _, strategy := range []string{"sticky", "range", "roundrobin", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			f := kafkatest.NewFake(t, kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
			options := "topics: b\ngroup_id: g\nauto_offset_reset: earliest\nsession_timeout_ms: 6000\npartition_assignment_strategy: " + strategy
			one := start(t, f.Tool, options)
			produce := func(from int) {
				for p := range int32(3) {
					f.Produce("b", p, numbered(int(p)*1000+from, int(p)*1000+from+100)...)
				}
			}
			produce(0)
			one.Wait(300)
			two := start(t, f.Tool, options)
			kafkatest.Until(t, "the second one has partitions", func() bool {
				return f.Members("g") == "2 Stable"
			})
			produce(100)
			kafkatest.Until(t, "all came", func() bool { return len(one.Wait(0))+len(two.Wait(0)) >= 600 })
			first := one.Stop()
			produce(200)
			kafkatest.Until(t, "all came to the one that is left", func() bool { return len(first)+len(two.Wait(0)) >= 900 })
			seen := map[string]int{}
			for _, text := range append(actortest.Texts(first), actortest.Texts(two.Stop())...) {
				seen[text]++
			}
			for p := range 3 {
				for _, text := range numbered(p*1000, p*1000+300) {
					if seen[text] != 1 {
						t.Errorf("%s came %d times", text, seen[text])
					}
				}
				if got := f.Committed("g", "b", int32(p)); got != 300 {
					t.Errorf("offset %d is committed in partition %d", got, p)
				}
			}
		})
	}
}

func TestAHeldOutputMovesNoPartitions(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Produce("a", 0, numbered(0, 20000)...)
	h := newHeld()
	in := behind(t, h, f.Tool, "", "topics: a\ngroup_id: g\nauto_offset_reset: earliest\nsession_timeout_ms: 6000")
	heartbeats := make(chan struct{}, 100)
	f.ControlKey(12, func(kmsg.Request) (kmsg.Response, error, bool) {
		f.KeepControl()
		heartbeats <- struct{}{}
		return nil, nil, false
	})
	for range 6 { // more than the session lasts without them
		<-heartbeats
	}
	if n := strings.Count(in.Log(), "partitions assigned"); n != 1 {
		t.Errorf("partitions were assigned %d times:\n%s", n, in.Log())
	}
	close(h.allowed)
	total := 0
	for total < 20000 {
		total += len(<-h.got)
	}
	in.Stop()
	if got := f.Committed("g", "a", 0); got != 20000 || total != 20000 {
		t.Errorf("%d came, offset %d", total, got)
	}
}
