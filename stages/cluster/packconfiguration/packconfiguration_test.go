package packconfiguration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a program whose modules change by word. It reads them as the real one does.
type fake struct {
	mu      sync.Mutex
	own     string // the file, and what is read at the next look
	next    string
	older   bool   // it does not know the module Later
	head    string // stands before own, and is not shared
	plan    *config.Plan
	shared  []config.Shared
	instead *config.Instead
	taken   [][]config.Shared
	fails   error
}

// sink is a module that can be given to others.
var sink = actor.DefineSink(actor.Info{Name: "Sink", Role: actor.Output}, struct {
	A string `opt:"a"`
}{}, func(actor.Env, struct {
	A string `opt:"a"`
}) (actor.Sink, error) {
	return nil, errors.New("it never runs")
})

// code is a module that runs code.
var code = actor.DefineSink(actor.Info{Name: "ExecPython", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) {
	return nil, errors.New("it never runs")
})

// later is a module that a follower of an older version does not know.
var later = actor.DefineSink(actor.Info{Name: "Later", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) {
	return nil, errors.New("it never runs")
})

func (f *fake) Plan() *config.Plan { f.mu.Lock(); defer f.mu.Unlock(); return f.plan }

func (f *fake) Refresh() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != "" && f.next != f.own {
		f.own = f.next
		f.read()
	}
}

// become changes the file of the program and reads it, as after SIGHUP.
func (f *fake) become(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.own, f.next = text, ""
	f.read()
}

// write changes the file, which the program has to notice.
func (f *fake) write(text string) { f.mu.Lock(); defer f.mu.Unlock(); f.next = text }

// fail lets the next modules not be taken.
func (f *fake) fail(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.fails = err }

// read is what a reload does. The mutex is held.
func (f *fake) read() error {
	specs := []actor.Spec{sink, code, pack.Spec, Spec}
	if !f.older {
		specs = append(specs, later)
	}
	plan, report := config.Loader{Specs: specs, Shared: f.shared, SharedBy: Spec.Name, Instead: f.instead}.LoadText("fake.yml", []byte(f.head+f.own))
	if !report.OK(false) {
		return &config.InvalidError{Report: report}
	}
	f.plan = plan
	if !plan.Replaced {
		f.instead = nil
	}
	return nil
}

func (f *fake) Take(ctx context.Context, list []config.Shared, instead *config.Instead) (actor.Change, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return actor.Change{}, err
	}
	f.taken = append(f.taken, list)
	if f.fails != nil {
		return actor.Change{}, f.fails
	}
	shared, former := f.shared, f.instead
	f.shared, f.instead = list, instead
	err := f.read()
	if err != nil {
		f.shared, f.instead = shared, former
	}
	return actor.Change{}, err
}

func (f *fake) Try(list []config.Shared) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fails
}

// runs are the ids of the modules that run, without Pack and PackConfiguration, with their option.
func (f *fake) runs() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, m := range f.plan.Modules[2:] {
		id := m.ID
		if o, ok := m.Opts.(*struct {
			A string `opt:"a"`
		}); ok && o.A != "" {
			id += "=" + o.A
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// got are the ids of what was taken last, and how often something was.
func (f *fake) got() (ids string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.taken) == 0 {
		return "", 0
	}
	for _, s := range f.taken[len(f.taken)-1] {
		ids += s.ID + " "
	}
	return strings.TrimSpace(ids), len(f.taken)
}

// member is a node with a fake program.
type member struct {
	*node
	*fake
	*actortest.Running
}

func start(t *testing.T, text, role, host string, port int, options string) *member {
	t.Helper()
	return startAs(t, role, text, role, host, port, options)
}

// startAs starts a node with a name.
func startAs(t *testing.T, name, text, role, host string, port int, options string) *member {
	t.Helper()
	return startFailing(t, nil, name, text, role, host, port, options)
}

// startFailing starts a node whose program takes no modules, unless fails is nil.
func startFailing(t *testing.T, fails error, name, text, role, host string, port int, options string) *member {
	t.Helper()
	f := &fake{fails: fails, head: fmt.Sprintf("- Pack: {name: test, secret: a secret of many letters, join: [x]}\n- PackConfiguration: {interval: 1%s}\n", options)}
	f.become(text)
	if f.plan == nil {
		t.Fatal("the modules are wrong")
	}
	var made *node
	o := *Spec.Options().(*Options)
	spec := actor.DefineService(Spec.Info, o, func(env actor.Env, o Options) (actor.Service, error) {
		s, err := New(env, o)
		if !env.CheckOnly {
			made = s.(*node)
		}
		return s, err
	})
	if !strings.Contains(options, "cache_file") {
		options += ", cache_file: " + filepath.Join(t.TempDir(), "cache")
	}
	net, dead := host[:strings.LastIndex(host, ".")], 1
	if strings.HasPrefix(role, "auto") {
		dead = 4 // or a busy machine takes the role from a leader that a test counts on
	}
	r := actortest.StartOffering(t, []any{Program(f)}, fmt.Sprintf("- Pack: {name: test, secret: a secret of many letters, node_name: %s, interface: %s, port: %d, join: [%s.2, %s.3, %s.4], interval: 100ms, dead_after: %d, pack: %s}\n- PackConfiguration: {interval: 100ms%s}\n- Lines\n- TestCatch\n",
		name, host, port, net, net, net, dead, role, options), pack.Spec, spec, actortest.Lines(make(chan string)))
	r.Logged("node")
	return &member{made, f, r}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain for %s", what)
		}
	}
}

// view is what the pages show.
func (m *member) view() View { return m.node.View().(View) }

// is waits for the state of a follower as its leader shows it.
func (m *member) is(t *testing.T, node string, s State) Report {
	t.Helper()
	var r Report
	until(t, node+" to be "+string(s), func() bool {
		for _, r = range m.view().Nodes {
			if r.Node == node && r.State == s {
				return true
			}
		}
		return false
	})
	return r
}

func port(n int) int { return 18_000 + os.Getpid()%100*15 + n }

func TestARevisionIsGivenAndReported(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n- Sink: {id: y}\n- Sink: {id: z}\n", "leader", "127.0.70.2", port(0), ", ignore_modules: [z]")
	f := start(t, "- Sink: {id: own}\n", "follower", "127.0.70.3", port(0), ", ignore_modules: [y]")
	leader.is(t, "follower", InSync)
	if ids, n := f.got(); ids != "x" || n != 1 {
		t.Errorf("took %q, %d times", ids, n)
	}
	first := f.view()
	if first.State != InSync || first.N != 1 || first.Term == 0 || leader.view().State != Leading {
		t.Errorf("%+v %+v", first, leader.view())
	}

	leader.write("- Sink: {id: x, a: new}\n- Sink: {id: w}\n")
	until(t, "the second revision", func() bool { return f.view().N == 2 && f.view().State == InSync })
	if ids, n := f.got(); ids != "x w" || n != 2 {
		t.Errorf("took %q, %d times", ids, n)
	}

	f.fail(&config.InvalidError{Report: &config.Report{Problems: []config.Problem{{File: "pack:v", Severity: "error", Code: "E013", Message: "no such option"}}}})
	leader.become("- Sink: {id: v}\n")
	if r := leader.is(t, "follower", Rejected); !strings.Contains(r.Error, "pack:v: error[E013]: no such option") {
		t.Errorf("%+v", r)
	}
	f.fail(errors.New("the port is taken"))
	leader.become("- Sink: {id: u}\n")
	if r := leader.is(t, "follower", RolledBack); r.Error != "the port is taken" {
		t.Errorf("%+v", r)
	}
	f.Stop()
	leader.is(t, "follower", Unreachable)
}

func TestWhatAFollowerTakes(t *testing.T) {
	for name, c := range map[string]struct{ options, text, ids, reason string }{
		"code":             {"", "- Sink\n- ExecPython\n", "", "ExecPython is not in allow_modules"},
		"allowed code":     {", allow_modules: [ExecPython, Sink]", "- Sink\n- ExecPython\n", "Sink ExecPython", ""},
		"ignored code":     {", ignore_modules: [ExecPython]", "- Sink\n- ExecPython\n", "Sink", ""},
		"some classes":     {", allow_modules: [ExecPython]", "- Sink\n- ExecPython\n", "ExecPython", ""},
		"no class":         {", allow_modules: []", "- Sink\n", "", ""},
		"null is no limit": {", allow_modules: null", "- Sink\n", "Sink", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := *Spec.Options().(*Options)
			_, report := config.Loader{Specs: []actor.Spec{pack.Spec, Spec}}.LoadText("x", []byte("- Pack: {name: x, secret: 0123456789abcdef, join: [x]}\n- PackConfiguration: {interval: 1"+c.options+"}\n"))
			if !report.OK(false) {
				t.Fatal(report.Text())
			}
			plan, _ := config.Loader{Specs: []actor.Spec{pack.Spec, Spec}}.LoadText("x", []byte("- Pack: {name: x, secret: 0123456789abcdef, join: [x]}\n- PackConfiguration: {interval: 1"+c.options+"}\n"))
			o = *plan.Modules[1].Opts.(*Options)
			f := fake{head: "- Pack: {name: x, secret: 0123456789abcdef, join: [x]}\n- PackConfiguration\n"}
			f.become(c.text)
			list, err := f.Plan().Share(func(_, class string) bool { return strings.HasPrefix(class, "Pack") })
			if err != nil {
				t.Fatal(err)
			}
			m := start(t, "- Sink\n", "follower", "127.0.71.3", port(1), c.options)
			taken, err := m.filter(list)
			if c.reason != "" {
				if err == nil || !strings.Contains(err.Error(), c.reason) {
					t.Errorf("got %v", err)
				}
				return
			}
			var ids []string
			for _, s := range taken {
				ids = append(ids, s.ID)
			}
			if err != nil || strings.Join(ids, " ") != c.ids {
				t.Errorf("took %v %v (%+v)", ids, err, o.Allow)
			}
		})
	}
}

func TestOldRevisionsAndThoseOfOthersAreIgnored(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.72.2", port(2), "")
	f := start(t, "- Sink\n", "follower", "127.0.72.3", port(2), "")
	leader.is(t, "follower", InSync)
	good := f.view()
	send := func(from *member, term, n int64, hash string, ids ...string) error {
		r := revision{Pack: "test", Leader: "leader", Term: term, N: n, Modules: []config.Shared{}}
		for _, id := range ids {
			r.Modules = append(r.Modules, config.Shared{ID: id, Class: "Sink", Text: "- Sink\n"})
		}
		if r.Hash = hash; hash == "" {
			r.Hash = config.HashShared(r.Modules)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return from.pack.Send(t.Context(), "follower", actionRevision, text)
	}
	for name, err := range map[string]error{
		"an older one":      send(leader, good.Term, 0, "", "old"),
		"the same":          send(leader, good.Term, good.N, "", "same"),
		"of an older term":  send(leader, good.Term-1, 100, "", "term"),
		"not of the leader": send(f, good.Term+1, 1, "", "self"),
		"with a wrong hash": send(leader, good.Term+1, 1, "wrong", "hash"),
	} {
		if refused := name == "not of the leader" || name == "with a wrong hash"; refused != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := send(leader, good.Term, 7, "", "new"); err != nil {
		t.Fatal(err)
	}
	until(t, "the new one", func() bool { ids, n := f.got(); return ids == "new" && n == 2 })
}

func TestOnlyReported(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.73.2", port(3), "")
	f := start(t, "- Sink\n", "follower", "127.0.73.3", port(3), ", mode: report")
	leader.is(t, "follower", Pending)
	until(t, "the difference", func() bool { return strings.Contains(f.Log(), `difference="added x"`) })
	if _, n := f.got(); n != 0 {
		t.Error("it was used")
	}
}

func TestApproval(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.74.2", port(4), "")
	f := start(t, "- Sink\n", "follower", "127.0.74.3", port(4), ", approve: manual")
	leader.is(t, "follower", Pending)
	until(t, "something to approve", func() bool { return f.view().Waiting != nil })
	if err := f.Approve(t.Context(), Who{User: "brian"}, "another"); err == nil {
		t.Error("a hash that nobody knows was approved")
	}
	if _, n := f.got(); n != 0 {
		t.Error("it was used")
	}
	if err := f.Approve(t.Context(), Who{User: "brian"}, f.view().Waiting.Hash); err != nil {
		t.Fatal(err)
	}
	leader.is(t, "follower", InSync)
	if ids, _ := f.got(); ids != "x" || f.view().Waiting != nil {
		t.Errorf("took %q", ids)
	}
}

func TestTheKeptRevision(t *testing.T) {
	list := []config.Shared{{ID: "x", Class: "Sink", Text: "- Sink: {id: x}\n"}}
	text := func(r revision) string {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for i, c := range []struct{ name, text, ids, log string }{
		{"good", text(revision{Pack: "test", Term: 5, N: 2, Hash: config.HashShared(list), Modules: list}), "x", "the kept revision is used"},
		{"of another pack", text(revision{Pack: "other", Term: 5, N: 2, Hash: config.HashShared(list), Modules: list}), "", "is of another pack"},
		{"damaged", "spam", "", "cannot be read"},
		{"changed", text(revision{Pack: "test", Term: 5, N: 2, Hash: "x", Modules: list}), "", "another hash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cache")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			f := start(t, "- Sink\n", "follower", "127.0.75.3", port(5+i), ", cache_file: "+path)
			until(t, "the log", func() bool { return strings.Contains(f.Log(), c.log) })
			if c.ids == "" {
				if _, n := f.got(); n != 0 || f.view().State != Waiting {
					t.Error("it was used")
				}
				return
			}
			until(t, "its use", func() bool { ids, _ := f.got(); return ids == c.ids && f.view().State == InSync })
		})
	}
}

func TestAFileThatCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "not", "there")
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.76.2", port(10), "")
	f := start(t, "- Sink\n", "follower", "127.0.76.3", port(10), ", cache_file: "+path)
	leader.is(t, "follower", InSync)
	until(t, "the warning", func() bool { return strings.Contains(f.Log(), "could not be kept") })
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	until(t, "the file", func() bool { info, err := os.Stat(path); return err == nil && info.Mode().Perm() == 0o600 })
}

func TestARestartedLeaderWithAnOlderClock(t *testing.T) {
	f := start(t, "- Sink\n", "follower", "127.0.77.3", port(11), "")
	ahead := revision{Pack: "test", Term: time.Now().Add(time.Hour).UnixMilli(), N: 9, Modules: []config.Shared{}}
	ahead.Hash = config.HashShared(ahead.Modules)
	select {
	case f.incoming <- ahead:
	case <-time.After(10 * time.Second):
		t.Fatal("it is not taken")
	}
	until(t, "it to be taken", func() bool { return f.view().N == 9 })
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.77.2", port(11), "")
	leader.is(t, "follower", InSync)
	if ids, _ := f.got(); ids != "x" {
		t.Errorf("took %q", ids)
	}
}

func TestDifferences(t *testing.T) {
	mods := func(list ...string) (all []config.Shared) {
		for _, s := range list {
			id, text, _ := strings.Cut(s, "=")
			all = append(all, config.Shared{ID: id, Text: text})
		}
		return all
	}
	for _, c := range []struct {
		before, after []config.Shared
		want          string
	}{
		{nil, mods("a", "b"), "added a, b"},
		{mods("a=1", "b", "c"), mods("d", "a=2", "b"), "added d; changed a; removed c"},
		{mods("a", "b"), mods("b", "a"), "the order has changed"},
		{mods("a"), mods("a"), "nothing has changed"},
	} {
		if got := difference(c.before, c.after); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestWithoutAProgramThatCanBeChanged(t *testing.T) {
	r := actortest.Start(t, "- Pack: {name: test, secret: a secret of many letters, node_name: x, interface: 127.0.78.2, port: 0, join: [127.0.78.2]}\n- PackConfiguration\n- Lines\n- TestCatch\n",
		pack.Spec, Spec, actortest.Lines(make(chan string)))
	if err := r.Err(); !errors.Is(err, actor.ErrStart) {
		t.Errorf("got %v", err)
	}
}

func TestThePackMustBeThere(t *testing.T) {
	for text, want := range map[string]string{
		"- PackConfiguration\n- Sink\n":             "E033",
		"- Sink: {id: Pack}\n- PackConfiguration\n": "E034",
		"- Pack: {name: x, secret: 0123456789abcdef, join: [x]}\n- PackConfiguration\n- PackConfiguration: {id: other}\n- Sink\n": "E038",
	} {
		_, report := config.Loader{Specs: []actor.Spec{pack.Spec, Spec, sink}}.LoadText("x", []byte(text))
		if !slices.ContainsFunc(report.Problems, func(p config.Problem) bool { return string(p.Code) == want }) {
			t.Errorf("got %s", report.Text())
		}
	}
}
