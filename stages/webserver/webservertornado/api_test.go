package webservertornado_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

type api struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Summary     string
		Description string
	}
}

// every calls f for every route that the server describes, with ids of modules filled in.
func (s *served) every(f func(method, path, role string)) {
	s.t.Helper()
	_, text, _ := s.ask("GET", "/api/v1/openapi.json", "", "Authorization", "Bearer boss")
	var doc api
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Paths) < 25 || doc.OpenAPI != "3.1.0" {
		s.t.Fatalf("%v %s", err, text)
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			_, role, _ := strings.Cut(strings.TrimSuffix(o.Description, "."), "role ")
			f(strings.ToUpper(method), strings.NewReplacer("{id}", "Lines", "{name}", "Lines", "{command}", "pause").Replace(path), role)
		}
	}
}

func TestEveryRouteIsDescribedAndEveryDescriptionIsARoute(t *testing.T) {
	f := serveFull(t, guarded)
	f.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	n := 0
	f.every(func(method, path, _ string) {
		n++
		// A described path that is none would be one of the files, of which there are none.
		if status, text, _ := f.ask(method, path, "", "Authorization", "Bearer boss"); status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
			t.Errorf("%s %s is described and is %d %s", method, path, status, text)
		}
		if path == "/api/v1/stop" {
			<-f.program.stopped
			f.program.stopped = make(chan struct{})
		}
	})
	if n < 28 {
		t.Errorf("only %d routes", n)
	}
	f.Stop()
}

func TestErrorsHaveTheirForm(t *testing.T) {
	f := serveFull(t, "")
	for _, c := range []struct {
		method, path string
		status       int
		json         bool
		allow        string
	}{
		{"GET", "/api/v1/nothing", 404, true, ""}, {"GET", "/nothing", 404, false, ""}, {"DELETE", "/api/v1/modules", 405, true, "GET, HEAD"},
		{"POST", "/rest/server/info", 405, true, "GET, HEAD"}, {"OPTIONS", "/api/v1/config/validate", 204, false, "POST"}, {"HEAD", "/api/v1/modules", 200, false, ""},
	} {
		status, text, h := f.ask(c.method, c.path, "")
		if status != c.status || c.json != json.Valid([]byte(text)) || h.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %s %v", c.method, c.path, status, text, h)
		}
	}
	f.Stop()
}

func TestTheConfigurationIsShownWithoutSecretsAndChecked(t *testing.T) {
	f := serveFull(t, "interface: 127.0.0.1\ntokens: ['${NO_SUCH_VARIABLE:-guest}']")
	var c struct {
		Text, Hash string
		Changed    bool
		Files      []map[string]any
	}
	_, text, h := f.ask("GET", "/api/v1/config", "", "Authorization", "Bearer guest")
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "guest") || !strings.Contains(c.Text, "tokens: ['***']") || len(c.Hash) != 64 || h.Get("ETag") != `"`+c.Hash+`"` || !c.Changed || c.Files[0]["gone"] != true {
		t.Errorf("%s %v", text, h)
	}
	t.Setenv("GP_SECRET_VALUE", "swordfish")
	var problems []map[string]any
	_, text, _ = f.ask("POST", "/api/v1/config/validate", "- Lines\n- TestCach\n- Include: /etc/passwd\n- WebserverTornado: {port: '${GP_SECRET_VALUE}'}\n", "Authorization", "Bearer guest")
	if err := json.Unmarshal([]byte(text), &problems); err != nil || len(problems) < 3 || problems[0]["code"] != "E011" || problems[0]["line"] != 2.0 {
		t.Errorf("%v %s", err, text)
	}
	if strings.Contains(text, "swordfish") || strings.Contains(text, "root:") || !strings.Contains(text, "other files are not read here") {
		t.Error(text)
	}
	f.Stop()
}

func TestFiltersAndPatternsAreTried(t *testing.T) {
	f := serveFull(t, "")
	for _, c := range []struct{ path, body, want string }{
		{"filter", `{"filter": "$(a.b) == 'x' and $(n) > 4", "event": {"a": {"b": "x"}, "n": 5}}`, `"result":true`},
		{"filter", `{"filter": "$(a) == 1", "event": {"a": 2}}`, `"result":false`},
		{"filter", `{"filter": "$(a) == 1", "event": {"a": "1"}}`, `text is compared with a number`},
		{"filter", `{"filter": "$(a", "event": {}}`, `"code":"E029"`},
		{"filter", `{"filter": "1 == 1", "event": 5}`, `"status":400`},
		{"regex", `{"pattern": "(?P<user>\\w+)@", "text": "to brian@judea"}`, `{"from":3,"name":"user","number":1,"text":"brian","to":8}`},
		{"regex", `{"pattern": "x", "text": "y"}`, `"match":false`},
		{"regex", `{"pattern": "(", "text": "y"}`, `bad regular expression`},
	} {
		if _, text, _ := f.ask("POST", "/api/v1/"+c.path+"/test", c.body); !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.body, text)
		}
	}
	if _, text, _ := f.ask("POST", "/api/v1/config/test", `{"config": "- Lines\n- TestCatch\n", "lines": ["x"]}`); !strings.Contains(text, `"receiver":"TestCatch"`) {
		t.Error(text)
	}
	if _, text, _ := f.ask("POST", "/api/v1/config/test", `{"config": "- Nothing\n", "lines": []}`); !strings.Contains(text, `E011`) {
		t.Error(text)
	}
	f.Stop()
}

func TestHistoryLogsAndKindsOfModules(t *testing.T) {
	f := serveFull(t, "", "one", "two", "three password=x http://u:p@h/")
	for path, want := range map[string]string{
		"/api/v1/logs?limit=1&module=Lines":       `"log_message":"three password=x http://***@h/","level":"INFO","module":"Lines"`,
		"/api/v1/logs?level=error":                "[]",
		"/api/v1/history":                         `"interval":1`,
		"/api/v1/modules/Lines/history":           `"in":[`,
		"/api/v1/classes":                         `"name":"WebserverTornado"`,
		"/api/v1/classes/plugin.WebserverTornado": `"options":[{"name":"port"`,
		"/api/v1/statistics":                      `"event_types":{`,
		"/rest/server/info":                       `"config_hash":"`,
	} {
		if status, text, _ := f.ask("GET", path, ""); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for path, want := range map[string]int{"/api/v1/logs?level=loud": 400, "/api/v1/logs?limit=0": 400, "/api/v1/modules/Nobody/history": 404, "/api/v1/classes/Nothing": 404} {
		if status, text, _ := f.ask("GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	f.Stop()
}

func TestTextsAreCompressedForThoseWhoTakeThat(t *testing.T) {
	f := serveFull(t, "")
	_, plain, _ := f.ask("GET", "/rest/server/configuration", "")
	status, text, h := f.ask("GET", "/rest/server/configuration", "", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != plain || status != http.StatusOK || h.Get("Content-Encoding") != "gzip" || h.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%v %d %v %s", err, status, h, got)
	}
	for _, path := range []string{"/api/v1/me", "/api/v1/nothing"} {
		if _, text, h := f.ask("GET", path, "", "Accept-Encoding", "gzip"); h.Get("Content-Encoding") != "" || !json.Valid([]byte(text)) {
			t.Errorf("%s: %v", path, h)
		}
	}
	if _, text, _ := f.ask("GET", "/metrics", ""); !strings.Contains(text, `gambolputty_config_hash_info{hash="`+f.program.plan.Hash()) {
		t.Error(text)
	}
	f.Stop()
}
