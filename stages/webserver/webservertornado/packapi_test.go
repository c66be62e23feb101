package webservertornado_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/cluster/pack"
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
		"/metrics":              `gambolputty_module_paused{class="Lines",module="Lines",role="input"} 1`,
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
