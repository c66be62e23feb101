package webservertornado_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"gambolputty/config"
	"gambolputty/stages/internal/wire/wiretest"
)

func TestAReloadTellsHowItEnded(t *testing.T) {
	f := serveFull(t, guarded)
	token := []string{"Authorization", "Bearer boss"}
	ask := func(method, path, body string, headers ...string) (int, string) {
		t.Helper()
		status, text, _ := f.ask(method, path, body, append(headers, token...)...)
		return status, text
	}
	if status, text := ask("POST", "/api/v1/reload", ""); status != http.StatusOK || !strings.Contains(text, `"added":["new"]`) || !strings.Contains(text, "added new; 1 modules go on") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("POST", "/rest/server/restart", ""); status != http.StatusAccepted || !strings.Contains(text, `"restart":true`) {
		t.Errorf("%d %s", status, text)
	}
	wiretest.Until(t, "the second reload", func() bool { return f.program.loads.Load() == 2 })
	for _, path := range []string{"/rest/server/restart", "/actions/restart"} {
		if status, text := ask("GET", path, ""); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	f.program.refusal = errors.New("the port is taken")
	if status, text := ask("POST", "/api/v1/reload", ""); status != http.StatusConflict || !strings.Contains(text, "the port is taken") {
		t.Errorf("%d %s", status, text)
	}
	_, f.program.invalid = f.program.loader.LoadText("x.yml", []byte("- Nothing\n"))
	for _, path := range []string{"/api/v1/reload", "/rest/server/restart"} {
		if status, text := ask("POST", path, ""); status != http.StatusUnprocessableEntity || !strings.Contains(text, `"code":"E011"`) || !strings.Contains(text, `"error":"the configuration has an error"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, text := ask("GET", "/rest/server/info", ""); !strings.Contains(text, `"last_reload":{"ok":false,"text":"the port is taken","time":1}`) {
		t.Error(text)
	}
	if _, text := ask("GET", "/metrics", ""); !strings.Contains(text, `gambolputty_config_reloads_total{result="success"} 2`) || !strings.Contains(text, `gambolputty_config_reloads_total{result="failure"} 3`) {
		t.Error(text)
	}
	f.Stop()
}

func TestAConfigurationIsWrittenByThoseWhoHaveSeenTheFormerOne(t *testing.T) {
	f := serveFull(t, guarded)
	put := func(text, match string) (int, string) {
		t.Helper()
		status, answer, _ := f.ask("PUT", "/api/v1/config", text, "Authorization", "Bearer boss", "If-Match", match)
		return status, answer
	}
	former := f.program.plan.Texts[0].Text
	hash := `"` + f.program.plan.Hash() + `"`
	masked := f.program.loader.Mask(former)
	if !strings.Contains(masked, "***") {
		t.Fatal("nothing is masked in " + masked)
	}
	if status, text := put(masked+"# more\n", hash); status != http.StatusOK || len(f.program.written) != 1 || f.program.written[0] != former+"# more\n" {
		t.Errorf("%d %s, written %q", status, text, f.program.written)
	}
	for name, c := range map[string]struct {
		text, match string
		status      int
		want        string
	}{
		"nobody knows what was seen": {masked, "", http.StatusPreconditionRequired, "If-Match"},
		"another one was seen":       {masked, `"0123"`, http.StatusConflict, "has changed"},
		"a secret of another line":   {masked + "- StdIn: {password: '***'}\n", hash, http.StatusUnprocessableEntity, "line "},
	} {
		if status, text := put(c.text, c.match); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	open := serveFull(t, "interface: 127.0.0.1")
	if status, text, _ := open.ask("PUT", "/api/v1/config", "- StdIn\n", "If-Match", open.program.plan.Hash()); status != http.StatusForbidden || !strings.Contains(text, "logged in") {
		t.Errorf("%d %s", status, text)
	}
	open.Stop()
	_, f.program.invalid = f.program.loader.LoadText("x.yml", []byte("- Nothing\n"))
	if status, text := put(masked, hash); status != http.StatusUnprocessableEntity || !strings.Contains(text, `"line":1`) {
		t.Errorf("%d %s", status, text)
	}
	f.program.plan = &config.Plan{Texts: []config.Text{{Name: "a"}, {Name: "b"}}}
	if status, text := put("x", f.program.plan.Hash()); status != http.StatusConflict || !strings.Contains(text, "several files") {
		t.Errorf("%d %s", status, text)
	}
	f.Stop()
}
