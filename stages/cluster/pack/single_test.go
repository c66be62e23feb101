package pack_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/cluster/internal/ether"
	"gambolputty/stages/cluster/pack"
)

// ledger notes where an input runs.
type ledger struct {
	mu     sync.Mutex
	now    []string
	ever   []string
	most   int
	events map[string]int
}

func (l *ledger) begin(node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.ever = append(l.now, node), append(l.ever, node)
	l.most = max(l.most, len(l.now))
}

func (l *ledger) end(node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.now, node)
	l.now = slices.Delete(l.now, i, i+1)
}

func (l *ledger) running() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprint(l.now)
}

// counter is an input that counts.
func (l *ledger) counter(node string) actor.Spec {
	return actor.DefineSource(actor.Info{Name: "Counter", Role: actor.Input}, struct{}{}, func(actor.Env, struct{}) (actor.Source, error) {
		return counting{l, node}, nil
	})
}

type counting struct {
	*ledger
	node string
}

// Run sends an event now and then.
func (c counting) Run(ctx context.Context, out *actor.Outlet) error {
	c.begin(c.node)
	defer c.end(c.node)
	for {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
		b := out.Batch("")
		b.New()
		if err := out.Emit(b, nil); err != nil {
			return err
		}
		c.mu.Lock()
		c.events[c.node]++
		c.mu.Unlock()
	}
}

// An input with run_on: leader runs on one of three nodes; when that one is cut off it stops
// there, and goes on elsewhere.
func TestAModuleThatRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, l := ether.New(1), &ledger{events: map[string]int{}}
		dir, keys := t.TempDir(), &pack.Keyring{}
		type node struct {
			*pack.Pack
			*actortest.Running
			host string
		}
		var all []*node
		start := func(i int) *node {
			name := string(rune('a' + i))
			n := &node{host: fmt.Sprintf("10.0.0.%d", i+2)}
			n.Running = actortest.Start(t, fmt.Sprintf(`- Pack: {name: test, secret: a secret of many letters, node_name: %s, interface: %s, join: [10.0.0.2, 10.0.0.3, 10.0.0.4], pack: auto, voters: 3, data_dir: %s}
- Counter: {run_on: leader}
- TestCatch
`, name, n.host, filepath.Join(dir, name)), pack.Lab{Net: net, Keys: keys}.Spec(func(p *pack.Pack) { n.Pack = p }), l.counter(name))
			if s := n.Status("Counter"); !s.Standby {
				t.Errorf("%s does not wait: %+v", name, s)
			}
			return n
		}
		for i := range 3 {
			all = append(all, start(i))
		}
		until := func(what string, ok func() bool) {
			t.Helper()
			for end := time.Now().Add(10 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("in vain for %s; it runs on %s", what, l.running())
				}
			}
		}
		// here is the node on which the input runs.
		here := func(nodes ...*node) (on *node) {
			t.Helper()
			until("the input to run", func() bool {
				for _, n := range nodes {
					if n.Leads() && l.running() == fmt.Sprintf("[%s]", n.Name()) && !n.Status("Counter").Standby {
						on = n
						return true
					}
				}
				return false
			})
			return on
		}
		first := here(all...)
		time.Sleep(10 * time.Second)
		net.Split(first.host)
		rest := slices.DeleteFunc(slices.Clone(all), func(n *node) bool { return n == first })
		here(rest...)
		if !first.Status("Counter").Standby {
			t.Error("it still runs where nobody leads")
		}
		net.Split()
		time.Sleep(time.Minute)
		here(all...)

		second := here(all...)
		second.Stop() // which hands the role on
		i := slices.Index(all, second)
		all = slices.Delete(all, i, i+1)
		third := here(all...)
		if third == second {
			t.Error("it runs where nothing runs")
		}
		for _, n := range all {
			n.Stop()
		}
		time.Sleep(time.Minute)
		if l.most != 1 || len(l.now) != 0 || len(l.ever) < 3 {
			t.Errorf("at most %d at a time, now %v, in this order %v", l.most, l.now, l.ever)
		}
		for name, n := range l.events {
			t.Logf("%s has read %d events", name, n)
		}
	})
}
