package webgui_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/config"
	"gambolputty/stages/webserver/webgui"
	"gambolputty/stages/webserver/webservertornado"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get asks until the page is there, as it comes when all modules have started.
func get(t *testing.T, r *actortest.Running, path string) (string, http.Header) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		res, err := client.Get("http://" + r.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusOK {
			return string(text), res.Header
		}
		if time.Now().After(late) {
			t.Fatalf("%s: %s", path, res.Status)
		}
	}
}

func start(t *testing.T, options string) *actortest.Running {
	t.Helper()
	feed := make(chan string)
	return actortest.Start(t, "- WebGui:\n    title: <Judea>\n    "+options+"\n- WebserverTornado: {port: 0}\n- Lines\n- TestCatch\n", webgui.Spec, webservertornado.Spec, actortest.Lines(feed))
}

// assets are the names of all scripts, styles and pictures.
func assets(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("assets/*")
	if err != nil || len(found) < 10 {
		t.Fatal(found, err)
	}
	var names []string
	for _, f := range found {
		if !strings.HasSuffix(f, ".html") {
			names = append(names, filepath.Base(f))
		}
	}
	return names
}

func TestThePagesLoadNothingFromElsewhere(t *testing.T) {
	r := start(t, "")
	page, h := get(t, r, "/")
	if !strings.Contains(page, "<title>&lt;Judea&gt;</title>") || !strings.HasPrefix(h.Get("Content-Type"), "text/html") || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v\n%s", h, page)
	}
	kinds := map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
	elsewhere := regexp.MustCompile(`(?:src|href|url|import|from|fetch)\s*[=(]?\s*["'(]?(?:https?:)?//`)
	dangerous := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\(["'\x60]`)
	for _, name := range assets(t) {
		text, h := get(t, r, "/assets/"+name)
		if want := kinds[filepath.Ext(name)]; want == "" || !strings.HasPrefix(h.Get("Content-Type"), want) || h.Get("ETag") == "" {
			t.Errorf("%s: %v", name, h)
		}
		if found := elsewhere.FindString(text); found != "" {
			t.Errorf("%s: %s", name, found)
		}
		if found := dangerous.FindString(text); found != "" {
			t.Errorf("%s: what an event holds could become part of the page: %s", name, found)
		}
	}
	for _, text := range []string{page, login(t, r)} {
		if found := elsewhere.FindString(text); found != "" {
			t.Error(found)
		}
		if found := regexp.MustCompile(`<script>|<style|\son\w+=|\sstyle=`).FindString(text); found != "" {
			t.Errorf("the content security policy forbids %s", found)
		}
	}
	r.Stop()
}

func login(t *testing.T, r *actortest.Running) string {
	t.Helper()
	text, _ := get(t, r, "/login?failed=1&next=%22%3E%3Cscript%3E")
	if strings.Contains(text, `"><script>`) || !strings.Contains(text, "no user with this password") {
		t.Error(text)
	}
	return text
}

func TestEveryImportIsThere(t *testing.T) {
	names := assets(t)
	for _, name := range names {
		text, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?s)import \{([^}]*)\} from "\./([\w.]+)"`).FindAllStringSubmatch(string(text), -1) {
			from, err := os.ReadFile("assets/" + m[2])
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for what := range strings.SplitSeq(m[1], ",") {
				what = strings.TrimSpace(what)
				if !regexp.MustCompile(`export (async )?(function|const) ` + what + `\b`).Match(from) {
					t.Errorf("%s imports %s, which %s does not have", name, what, m[2])
				}
				if n := len(regexp.MustCompile(`\b`+what+`\b`).FindAll(text, -1)); n < 2 {
					t.Errorf("%s imports %s and does not use it", name, what)
				}
			}
		}
	}
}

func TestEveryPageIsThereUnderItsPath(t *testing.T) {
	r := start(t, "")
	for _, path := range []string{"/", "/topology", "/modules/Lines", "/configuration", "/server_configuration", "/logs", "/tap", "/docs", "/docs/Lines", "/test"} {
		if page, _ := get(t, r, path); !strings.Contains(page, `id="page"`) {
			t.Errorf("%s: %s", path, page)
		}
	}
	for _, path := range []string{"/assets/index.html", "/assets/nothing.js", "/assets/", "/modules", "/nothing"} {
		res, err := http.Get("http://" + r.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	r.Stop()
}

func TestWhoComesWithoutALoginGetsThePageForIt(t *testing.T) {
	r := actortest.Start(t, "- WebGui\n- WebserverTornado: {port: 0, interface: 127.0.0.1, users: {brian: '${NO_SUCH_VARIABLE:-naughty}'}}\n- Lines\n- TestCatch\n",
		webgui.Spec, webservertornado.Spec, actortest.Lines(make(chan string)))
	if page, _ := get(t, r, "/login"); !strings.Contains(page, `name="password"`) {
		t.Error(page)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		header, value string
		status        int
		to            string
	}{
		{"Accept", "text/html", 303, "/login?next=%2Flogs%3Fa%3Db"},
		{"Accept", "application/json", 401, ""},
		{"Sec-Fetch-Mode", "cors", 401, ""},
	} {
		q, err := http.NewRequest("GET", "http://"+r.Addr()+"/logs?a=b", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set(c.header, c.value)
		res, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		// Only programs are asked in the way that makes browsers open a window of their own.
		if asked := res.Header.Get("WWW-Authenticate") != ""; res.StatusCode != c.status || res.Header.Get("Location") != c.to || asked != (c.value == "application/json") {
			t.Errorf("%s: %d %v", c.value, res.StatusCode, res.Header)
		}
	}
	r.Stop()
}

func TestThePageForTheLoginOffersWhatThereIs(t *testing.T) {
	for options, want := range map[string][2]bool{
		"users: {brian: '${NO_SUCH_VARIABLE:-naughty}'}":                                                                    {true, false},
		"oidc: {issuer: 'https://login.example/x', client_id: y}":                                                           {false, true},
		"users: {brian: '${NO_SUCH_VARIABLE:-naughty}'}, oidc: {issuer: 'https://login.example/x', client_id: gambolputty}": {true, true},
	} {
		r := actortest.Start(t, "- WebGui\n- WebserverTornado: {port: 0, interface: 127.0.0.1, "+options+"}\n- Lines\n- TestCatch\n", webgui.Spec, webservertornado.Spec, actortest.Lines(make(chan string)))
		page, _ := get(t, r, "/login?next=/logs")
		if got := [2]bool{strings.Contains(page, `name="password"`), strings.Contains(page, `href="/login/oidc?next=%2flogs">Log in with login.example</a>`)}; got != want {
			t.Errorf("%s: %v\n%s", options, got, page)
		}
		r.Stop()
	}
}

func TestPagesBehindAProxyKnowWhereTheyAre(t *testing.T) {
	r := actortest.Start(t, "- WebGui\n- WebserverTornado: {port: 0, base_path: /logs/gp/}\n- Lines\n- TestCatch\n",
		webgui.Spec, webservertornado.Spec, actortest.Lines(make(chan string)))
	page, _ := get(t, r, "/logs/gp/topology")
	if !strings.Contains(page, `data-base="/logs/gp"`) || !strings.Contains(page, `src="/logs/gp/assets/app.js"`) {
		t.Error(page)
	}
	if text, _ := get(t, r, "/logs/gp/assets/app.js"); !strings.Contains(text, "import") {
		t.Error(text)
	}
	if text, _ := get(t, r, "/logs/gp/api/v1/openapi.json"); !strings.Contains(text, `"url":"/logs/gp/"`) {
		t.Error(text)
	}
	r.Stop()
}

func TestTapAndActionsCanBeSwitchedOff(t *testing.T) {
	r := start(t, "tap: False\n    actions: False")
	me, _ := get(t, r, "/api/v1/me")
	for late := time.Now().Add(10 * time.Second); !strings.Contains(me, "Judea") && time.Now().Before(late); time.Sleep(5 * time.Millisecond) {
		me, _ = get(t, r, "/api/v1/me")
	}
	if !strings.Contains(me, `"tap":false`) || !strings.Contains(me, `"actions":false`) {
		t.Error(me)
	}
	for path, method := range map[string]string{"/api/v1/modules/Lines/pause": "POST", "/websockets/tap?module=Lines": "GET"} {
		q, err := http.NewRequest(method, "http://"+r.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	r.Stop()
}

func TestOwnFilesTakeThePlaceOfTheBuiltInOnes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"style.css", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("p {}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, "document_root: "+dir)
	if text, _ := get(t, r, "/assets/style.css"); text != "p {}" {
		t.Error(text)
	}
	if text, _ := get(t, r, "/assets/app.js"); !strings.Contains(text, "topology") {
		t.Error("the built-in script is not there")
	}
	res, err := http.Get("http://" + r.Addr() + "/assets/notes.txt")
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if res.Body.Close(); res.StatusCode != http.StatusNotFound {
		t.Errorf("what is no part of a page is shown: %s", res.Status)
	}
	r.Stop()
	for root, want := range map[string]bool{dir: true, "assets": false, "/no/such/folder": false} {
		if got := strings.Join(actortest.Warnings(t, webgui.Spec, "document_root: "+root), " "); strings.Contains(got, "W117") != want {
			t.Errorf("%s: %s", root, got)
		}
	}
}

func TestATemplateThatFailsIsTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("{{.Nothing}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "document_root: "+dir)
	get(t, r, "/login")
	res, err := http.Get("http://" + r.Addr() + "/logs")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusInternalServerError || !strings.Contains(string(text), "failed, the log says why") || strings.Contains(string(text), "Nothing") {
		t.Errorf("%v %s %s", err, res.Status, text)
	}
	r.Stop()
	if !strings.Contains(r.Log(), "make the page index.html") {
		t.Error(r.Log())
	}
}

func TestOneWebServerHasThePagesOnce(t *testing.T) {
	l := config.Loader{Specs: []actor.Spec{webgui.Spec, webservertornado.Spec, actortest.Lines(nil), actortest.Numbers(1)}}
	for text, want := range map[string]bool{
		"- WebserverTornado\n- WebGui\n- WebGui: {id: other}\n- Lines: {receivers: []}\n":                                                                true,
		"- WebserverTornado\n- WebserverTornado: {id: b, port: 5101}\n- WebGui\n- WebGui: {id: other, tornado_webserver: b}\n- Lines: {receivers: []}\n": false,
	} {
		if _, report := l.LoadText("x.yml", []byte(text)); strings.Contains(report.Text(), "E037") != want {
			t.Errorf("%s%s", text, report.Text())
		}
	}
}

func TestAWebServerIsNeeded(t *testing.T) {
	actortest.Wrong(t, webgui.Spec, map[string]string{"title: x": "WebserverTornado"})
}
