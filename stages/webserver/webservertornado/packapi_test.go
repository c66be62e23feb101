package webservertornado_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
	"gambolputty/stages/cluster/packconfiguration"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/webserver/webservertornado"
)

func TestThePackIsShownWhateverItsID(t *testing.T) {
	for _, head := range []string{"", "- Pack: {id: herd, name: test, secret: a secret of many letters, node_name: me, interface: 127.0.60.2, port: 0, join: [127.0.60.2], interval: 100ms}\n"} {
		r := actortest.Start(t, head+"- WebserverTornado: {port: 0}\n- Lines\n- TestCatch\n", webservertornado.Spec, pack.Spec, actortest.Lines(make(chan string)))
		address := ""
		for _, part := range strings.Fields(r.Log()) {
			if strings.HasPrefix(part, "address=127.0.0.1:") {
				address = strings.TrimPrefix(part, "address=")
			}
		}
		want := map[string]string{"/api/v1/pack": `"pack":null`, "/metrics": "gambolputty_build_info", "/api/v1/me": `"pack":false`}
		if head != "" {
			want = map[string]string{"/api/v1/pack": `"state":"leading"`, "/metrics": `gambolputty_pack_members{pack="test",state="alive"} 1`, "/api/v1/me": `"pack":true`}
		}
		for path, text := range want {
			// It takes a moment until a leader knows that it leads.
			for try := 0; ; try++ {
				got := body(t, fmt.Sprint("http://", address, path))
				if strings.Contains(got, text) {
					break
				}
				if try > 5000 {
					t.Fatalf("%s answers %s", path, got)
				}
			}
		}
		r.Stop()
	}
}

// packProgram is one whose configuration can be shared.
type packProgram struct {
	webservertornado.Program
	plan *config.Plan
}

func (p packProgram) Plan() *config.Plan      { return p.plan }
func (p packProgram) Loader() config.Loader   { return config.Loader{Specs: []actor.Spec{secretive}} }
func (packProgram) Refresh()                  {}
func (packProgram) Try([]config.Shared) error { return nil }
func (packProgram) Take(context.Context, []config.Shared, *config.Instead) (actor.Change, error) {
	return actor.Change{}, nil
}

// secretive is a module with a secret.
var secretive = actor.DefineSink(actor.Info{Name: "Secretive", Role: actor.Output}, struct {
	Password string `opt:"password"`
}{}, func(actor.Env, struct {
	Password string `opt:"password"`
}) (actor.Sink, error) {
	return nil, errors.New("it never runs")
})

// node starts a node of a pack with a web server and returns how to ask it.
func node(t *testing.T, role, options, own string) (ask func(method, path, body string) (int, string)) {
	t.Helper()
	plan, _ := config.Loader{Specs: []actor.Spec{secretive}}.LoadText("x", []byte(own))
	r := actortest.StartOffering(t, []any{packProgram{plan: plan}}, "- Pack: {name: test, secret: a secret of many letters, node_name: me, interface: 127.0.60.3, port: 0, join: [127.0.60.3], interval: 100ms, pack: "+role+"}\n"+
		"- PackConfiguration: {interval: 100ms, cache_file: "+filepath.Join(t.TempDir(), "c")+options+"}\n- WebserverTornado: {port: 0}\n- Lines\n- TestCatch\n",
		webservertornado.Spec, pack.Spec, packconfiguration.Spec, actortest.Lines(make(chan string)))
	address := ""
	for _, part := range strings.Fields(r.Log()) {
		if strings.HasPrefix(part, "address=127.0.0.1:") {
			address = strings.TrimPrefix(part, "address=")
		}
	}
	return func(method, path, text string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "gambolputty")
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(answer)
	}
}

func TestAFollowerThatWaitsForItsConfigurationIsDegraded(t *testing.T) {
	ask := node(t, "follower", "", "- Secretive\n")
	if status, text := ask("GET", "/healthz", ""); status != http.StatusOK || !strings.Contains(text, "degraded\nwaiting_for_configuration") {
		t.Errorf("%d %s", status, text)
	}
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/api/v1/pack/rollback", "{}", "nobody leads the pack"},
		{"POST", "/api/v1/pack/approve", `{"hash": "x"}`, "no revision with this hash"},
		{"GET", "/api/v1/pack/diff?revision=0", "", "must be a number from 1 on"},
	} {
		if status, text := ask(c.method, c.path, c.body); status < 400 || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", c.path, status, text)
		}
	}
}

func TestARevisionIsComparedWithSecretsMaskedAndApproved(t *testing.T) {
	ask := node(t, "leader", ", approve: manual", "- Secretive: {password: naughty}\n")
	var waiting struct {
		Configuration struct {
			Waiting *struct{ Hash string }
		}
	}
	for end := time.Now().Add(20 * time.Second); waiting.Configuration.Waiting == nil; time.Sleep(5 * time.Millisecond) {
		if _, text := ask("GET", "/api/v1/pack", ""); json.Unmarshal([]byte(text), &waiting) != nil || time.Now().After(end) {
			t.Fatal(text)
		}
	}
	status, text := ask("GET", "/api/v1/pack/diff", "")
	if status != http.StatusOK || strings.Contains(text, "naughty") || !strings.Contains(text, `+- Secretive: {password: '***'}`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("POST", "/api/v1/pack/approve", `{"hash": "`+waiting.Configuration.Waiting.Hash+`"}`); status != http.StatusAccepted {
		t.Errorf("%d %s", status, text)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, text := ask("GET", "/api/v1/pack/history", "")
		if strings.Contains(text, `"stage":"given"`) && strings.Contains(text, `"action":"approve"`) && strings.Contains(text, `"user":"anybody","address":"127.0.0.1","via":"cli"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatal(text)
		}
	}
	if status, text := ask("POST", "/api/v1/pack/rollback", `{"n": 7}`); status != http.StatusConflict || !strings.Contains(text, "not in the history") {
		t.Errorf("%d %s", status, text)
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err := fmt.Fprint(&b, resp.Status); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	for {
		n, err := resp.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}

// An input that waits until its node leads is neither a failure nor a reason not to be ready.
func TestAnInputThatWaitsToLeadIsWell(t *testing.T) {
	feed := make(chan string)
	s := &served{t: t, feed: feed, Running: actortest.Start(t, "- Pack: {name: test, secret: a secret of many letters, node_name: me, interface: 127.0.60.3, port: 0, join: [127.0.60.3], pack: follower}\n"+
		"- WebserverTornado: {port: 0}\n- Lines: {run_on: leader}\n- TestCatch\n", webservertornado.Spec, pack.Spec, actortest.Lines(feed))}
	for _, part := range strings.Fields(s.Log()) {
		if strings.HasPrefix(part, "address=127.0.0.1:") {
			s.url = "http://" + strings.TrimPrefix(part, "address=")
		}
	}
	s.http.Transport = &http.Transport{DisableKeepAlives: true}
	for path, want := range map[string]string{
		"/healthz":              "ok\nLines: waiting for leadership\n",
		"/readyz":               "ready\n",
		"/api/v1/modules/Lines": `"standby":"waiting for leadership"`,
		"/api/v1/modules":       `"paused":true`,
		"/metrics":              `gambolputty_module_paused{class="Lines",module="Lines",role="input"} 0`,
	} {
		if status, text, _ := s.get(path); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s answers %d %s", path, status, text)
		}
	}
	wiretest.Until(t, "the state", func() bool {
		_, text, _ := s.get("/api/v1/statistics")
		return strings.Contains(text, `"state":"standby"`)
	})
	s.Stop()
}

func TestThePackIsCounted(t *testing.T) {
	r := actortest.Start(t, "- Pack: {name: test, secret: a secret of many letters, node_name: me, interface: 127.0.60.4, port: 0, join: [127.0.60.4]}\n- WebserverTornado: {port: 0}\n- Lines\n- TestCatch\n",
		webservertornado.Spec, pack.Spec, actortest.Lines(make(chan string)))
	defer r.Stop()
	at, pages := addresses(r.Log(), "127.0.60.4:"), addresses(r.Log(), "127.0.0.1:")
	u, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.Write([]byte("what no node of a pack says")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`gambolputty_pack_members{pack="test",state="alive"} 1`, `gambolputty_pack_leader{pack="test"} 1`, `gambolputty_pack_term{pack="test"} `,
		`gambolputty_pack_failed_probes_total{pack="test"} 0`, `gambolputty_pack_foreign_total{pack="test"} 1`,
	} {
		wiretest.Until(t, want, func() bool { return strings.Contains(body(t, "http://"+pages+"/metrics"), want) })
	}
}

// addresses is the address that was logged and begins so.
func addresses(log, begins string) string {
	for _, part := range strings.Fields(log) {
		if strings.HasPrefix(part, "address="+begins) {
			return strings.TrimPrefix(part, "address=")
		}
	}
	return ""
}
