package pack_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/config"
	"gambolputty/stages/cluster/internal/ether"
	"gambolputty/stages/cluster/pack"
	"gambolputty/stages/cluster/packconfiguration"
)

// sinks are modules that can be given to others; the newer program has one more.
var (
	older = []actor.Spec{sinkOf("Sink"), taker}
	newer = []actor.Spec{sinkOf("Sink"), sinkOf("NewSink"), taker}
	// taker is the module because of which those of the leader are taken.
	taker = actor.DefineService(actor.Info{Name: "Taker", Role: actor.StandAlone}, struct{}{}, func(actor.Env, struct{}) (actor.Service, error) {
		return nil, errors.New("it never runs")
	})
)

func sinkOf(name string) actor.Spec {
	return actor.DefineSink(actor.Info{Name: name, Role: actor.Output}, struct {
		A string `opt:"a"`
	}{}, func(actor.Env, struct {
		A string `opt:"a"`
	}) (actor.Sink, error) {
		return nil, fmt.Errorf("%s never runs", name)
	})
}

// machine is a program that is part of a pack. It reads what it gets as a real one does.
type machine struct {
	*pack.Pack
	*actortest.Running
	name, host string
	specs      []actor.Spec

	mu    sync.Mutex
	text  string
	plan  *config.Plan
	taken []config.Shared
}

// Plan is what runs.
func (m *machine) Plan() *config.Plan { m.mu.Lock(); defer m.mu.Unlock(); return m.plan }

// Refresh finds nothing new.
func (m *machine) Refresh() {}

func (m *machine) load(list []config.Shared) (*config.Plan, error) {
	plan, report := config.Loader{Specs: m.specs, Shared: list, SharedBy: "Taker"}.LoadText("machine.yml", []byte("- Taker\n"+m.text))
	if !report.OK(false) {
		return nil, &config.InvalidError{Report: report}
	}
	return plan, nil
}

// Try reads modules.
func (m *machine) Try(list []config.Shared) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.load(list)
	return err
}

// Take puts modules into effect.
func (m *machine) Take(ctx context.Context, list []config.Shared, _ *config.Instead) (actor.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return actor.Change{}, err
	}
	plan, err := m.load(list)
	if err != nil {
		return actor.Change{}, err
	}
	m.plan, m.taken = plan, list
	return actor.Change{}, nil
}

// become changes the file of the program.
func (m *machine) become(t *testing.T, text string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	former := m.text
	m.text = text
	plan, err := m.load(nil)
	if err != nil {
		m.text = former
		t.Fatal(err)
	}
	m.plan = plan
}

// runs are the ids of the modules that run.
func (m *machine) runs() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, mod := range m.plan.Modules {
		if mod.ID != "Taker" {
			ids = append(ids, mod.ID)
		}
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ")
}

// storm is a pack in bad weather.
type storm struct {
	*testing.T
	*ether.Ether
	keys pack.Keyring
	dir  string
	all  []*machine

	mu      sync.Mutex
	leaders map[int64]string // by their terms
	most    int              // nodes that claimed the role at one time
	done    chan struct{}
}

// start starts a node, or one that was stopped again.
func (s *storm) start(name, role, more string, lab pack.Lab, specs []actor.Spec) *machine {
	s.Helper()
	m := &machine{name: name, host: fmt.Sprintf("10.0.0.%d", name[0]-'a'+2), specs: specs, text: "- Sink: {id: first}\n"}
	m.become(s.T, m.text)
	lab.Net, lab.Keys = s.Ether, &s.keys
	conf := fmt.Sprintf("- Pack: {name: test, node_name: %s, interface: %s, port: 5252, join: [10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6], pack: %s%s}\n", name, m.host, role, more)
	if !strings.Contains(more, "secret") {
		conf = strings.Replace(conf, "name: test", "name: test, secret: a secret of many letters", 1)
	}
	conf += fmt.Sprintf("- PackConfiguration: {interval: 2, ignore_modules: [Taker], cache_file: %s}\n- Lines\n- TestCatch\n", filepath.Join(s.dir, name+".pack"))
	ready := make(chan *pack.Pack, 1)
	m.Running = actortest.StartOffering(s.T, []any{packconfiguration.Program(m)}, conf, lab.Spec(func(p *pack.Pack) { ready <- p }), packconfiguration.Spec, actortest.Lines(make(chan string)))
	m.Pack = <-ready
	m.Running.Logged("node")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, m)
	return m
}

// elective starts a node that takes part in the election.
func (s *storm) elective(name string, lab pack.Lab) *machine {
	s.Helper()
	return s.start(name, "auto", ", voters: 5, data_dir: "+filepath.Join(s.dir, name), lab, newer)
}

// watch looks all the time whether two nodes hold the role in one term.
func (s *storm) watch() {
	for {
		select {
		case <-s.done:
			return
		case <-time.After(5 * time.Millisecond):
		}
		s.mu.Lock()
		at := 0
		for _, m := range s.all {
			if m.View().Role != "auto" {
				continue
			}
			name, term := m.Leader()
			s.holds(m, m.Claim())
			if name == m.name {
				at++
				s.holds(m, term)
			}
		}
		s.most = max(s.most, at)
		s.mu.Unlock()
	}
}

// holds notes that a node holds the role in a term.
func (s *storm) holds(m *machine, term int64) {
	if term == 0 {
		return
	}
	if other := s.leaders[term]; other != "" && other != m.name {
		s.Errorf("%s and %s both lead in term %d", other, m.name, term)
	}
	s.leaders[term] = m.name
}

// until waits for what must happen within some minutes, which take no time.
func (s *storm) until(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(10 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for _, m := range s.all {
				s.Logf("%s runs %q\n%s", m.name, m.runs(), tail(m.Log()))
			}
			s.Fatalf("in vain for %s", what)
		}
	}
}

// tail are the last lines of a log that do not come from the library.
func tail(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool {
		return strings.Contains(l, "memberlist: ") || strings.Contains(l, "clock of another")
	})
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// agreed waits until nodes follow one of them.
func (s *storm) agreed(nodes ...*machine) (leader *machine) {
	s.Helper()
	s.until("one leader", func() bool {
		name, term := nodes[0].Leader()
		i := slices.IndexFunc(nodes, func(m *machine) bool { return m.name == name })
		if i < 0 || slices.ContainsFunc(nodes, func(m *machine) bool { l, at := m.Leader(); return l != name || at != term }) {
			return false
		}
		leader = nodes[i]
		return true
	})
	return leader
}

// shared waits until nodes run the same modules.
func (s *storm) shared(ids string, nodes ...*machine) {
	s.Helper()
	s.until("all to run "+ids, func() bool {
		return !slices.ContainsFunc(nodes, func(m *machine) bool { return m.runs() != ids })
	})
}

func hosts(nodes []*machine) (list []string) {
	for _, m := range nodes {
		list = append(list, m.host)
	}
	return list
}

func but(all []*machine, some ...*machine) []*machine {
	return slices.DeleteFunc(slices.Clone(all), func(m *machine) bool { return slices.Contains(some, m) })
}

// Five nodes elect a leader in a network that does all that networks do. The clocks of two are
// hours off. Watched is that no term has two leaders, that nobody leads without a majority, and
// that all agree in the end, on the leader and on what runs.
func TestFiveNodesInAStorm(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { inAStorm(t, seed, storms) })
	}
}

// The network falls apart in another way every few seconds, and loses packets all the time, so
// that there are many elections.
func TestNoTermHasTwoLeaders(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { inAStorm(t, seed, quarrels) })
	}
}

func inAStorm(t *testing.T, seed uint64, test func(*storm)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &storm{T: t, Ether: ether.New(seed), dir: t.TempDir(), leaders: map[int64]string{}, done: make(chan struct{})}
		defer func() {
			close(s.done)
			for _, m := range s.all {
				m.Stop()
			}
			time.Sleep(time.Minute) // until nobody waits for an answer any more
		}()
		test(s)
		s.mu.Lock()
		defer s.mu.Unlock()
		t.Logf("%d terms with a leader, at most %d nodes at a time that held themselves for it, %d packets lost, %s", len(s.leaders), s.most, s.Lost(), time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
	})
}

func quarrels(s *storm) {
	dice := rand.New(rand.NewPCG(7, 7))
	for i := range 5 {
		name := string(rune('a' + i))
		s.start(name, "auto", ", dead_after: 3, interval: 1, voters: 5, data_dir: "+filepath.Join(s.dir, name), pack.Lab{Skew: time.Duration(i) * time.Hour}, newer)
	}
	five := slices.Clone(s.all)
	go s.watch()
	s.agreed(five...)
	s.Change(ether.Weather{Loss: 0.3, Breaks: 0.02})
	for range 25 {
		dice.Shuffle(len(five), func(i, k int) { five[i], five[k] = five[k], five[i] })
		s.Split(hosts(five[:dice.IntN(3)])...)
		time.Sleep(time.Duration(2+dice.IntN(10)) * time.Second)
	}
	s.Split()
	s.Change(ether.Weather{})
	s.agreed(five...).become(s.T, "- Sink: {id: last}\n")
	s.until("all to run the same", func() bool {
		leader := s.agreed(five...)
		leader.become(s.T, "- Sink: {id: last}\n") // another one may lead by now
		return !slices.ContainsFunc(but(five, leader), func(m *machine) bool { return m.runs() != "first last" && m.runs() != "last" })
	})
}

func storms(s *storm) {
	skews := []time.Duration{0, 7 * time.Hour, 0, -5 * time.Hour, 0}
	for i, skew := range skews {
		s.elective(string(rune('a'+i)), pack.Lab{Skew: skew})
	}
	five := slices.Clone(s.all)
	go s.watch()
	first := s.agreed(five...)
	first.become(s.T, "- Sink: {id: second}\n")
	s.shared("first second", but(five, first)...)

	s.Log("30 % of all packets are lost, both ways, and some streams break")
	s.Change(ether.Weather{Loss: 0.3, Breaks: 0.01})
	s.agreed(five...)
	time.Sleep(2 * time.Minute)
	s.agreed(five...)
	s.Change(ether.Weather{Loss: 0.05})

	s.Log("the leader and another node are cut off")
	leader := s.agreed(five...)
	minority := append([]*machine{leader}, but(five, leader)[0])
	majority := but(five, minority...)
	s.Split(hosts(minority)...)
	next := s.agreed(majority...)
	s.until("no leader without a majority", func() bool {
		return !slices.ContainsFunc(minority, func(m *machine) bool { l, _ := m.Leader(); return l != "" })
	})
	next.become(s.T, "- Sink: {id: third}\n")
	s.until("the majority to run it", func() bool {
		return !slices.ContainsFunc(but(majority, next), func(m *machine) bool { return !strings.Contains(m.runs(), "third") })
	})
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, m := range minority {
			if l, _ := m.Leader(); l != "" {
				s.Fatalf("%s follows %s without a majority", m.name, l)
			}
		}
	}
	for _, m := range minority {
		if strings.Contains(m.runs(), "third") {
			s.Errorf("%s has got what was given on the other side", m.name)
		}
	}

	s.Log("the network is whole again")
	s.Split()
	leader = s.agreed(five...)
	s.until("the minority to run what the others do", func() bool {
		return !slices.ContainsFunc(but(minority, leader), func(m *machine) bool { return !strings.Contains(m.runs(), "third") })
	})

	s.Log("the leader is killed")
	s.Split(leader.host)
	rest := but(five, leader)
	another := s.agreed(rest...)
	if another == leader {
		s.Errorf("%s leads from the grave", leader.name)
	}
	s.Split()
	s.agreed(five...)

	s.Log("nodes that do not belong here")
	thief := s.start("g", "follower", ", secret: the secret of somebody else", pack.Lab{}, newer)
	old := s.start("h", "follower", "", pack.Lab{Protocol: [2]int{7, 8}}, newer)
	follower := s.start("i", "follower", "", pack.Lab{Skew: 30 * time.Hour}, older)
	s.until("the follower to follow", func() bool { l, _ := follower.Leader(); return l != "" })
	leader = s.agreed(append(slices.Clone(five), follower)...)
	for _, m := range []*machine{thief, old} {
		if l, _ := m.Leader(); l != "" || slices.ContainsFunc(leader.Members(), func(o pack.Member) bool { return o.Name == m.name }) {
			s.Errorf("%s was let in", m.name)
		}
	}

	s.Log("a revision that one of them does not know")
	leader.become(s.T, "- NewSink: {id: fourth}\n")
	s.until("the others to run it", func() bool {
		return !slices.ContainsFunc(but(five, leader), func(m *machine) bool { return !strings.Contains(m.runs(), "fourth") })
	})
	s.until("the follower to refuse it", func() bool { return strings.Contains(follower.Log(), "the revision is rejected") })
	if strings.Contains(follower.runs(), "fourth") {
		s.Error("what is not valid was put into effect")
	}
	leader.become(s.T, "- Sink: {id: fifth}\n")
	s.until("all to run the next one", func() bool {
		return !slices.ContainsFunc(append(but(five, leader), follower), func(m *machine) bool { return !strings.Contains(m.runs(), "fifth") })
	})
}
