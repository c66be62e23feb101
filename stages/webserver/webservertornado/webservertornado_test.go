package webservertornado_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/webserver/webservertornado"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a program with the module, an input and an output.
type served struct {
	*actortest.Running
	t    *testing.T
	url  string
	http http.Client
	feed chan string
}

func serve(t *testing.T, options string) *served {
	t.Helper()
	feed := make(chan string)
	text := "- WebserverTornado:\n    port: 0\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n- Lines:\n    receivers:\n      - TestCatch:\n          filter: $(data) != 'no'\n- TestCatch\n"
	s := &served{t: t, feed: feed, Running: actortest.Start(t, text, webservertornado.Spec, actortest.Lines(feed))}
	s.url = "http://" + s.Addr()
	s.http.Transport = &http.Transport{DisableKeepAlives: true}
	return s
}

// get makes a request; headers are pairs of name and value.
func (s *served) get(path string, headers ...string) (int, string, http.Header) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

// read makes a request whose answer is JSON.
func (s *served) read(path string, into any) {
	s.t.Helper()
	status, text, _ := s.get(path)
	if err := json.Unmarshal([]byte(text), into); err != nil || status != http.StatusOK {
		s.t.Fatalf("%s: %d %v %s", path, status, err, text)
	}
}

// send sends lines through the program.
func (s *served) send(lines ...string) {
	for _, l := range lines {
		s.feed <- l
	}
}

func TestHealthAndReadiness(t *testing.T) {
	s := serve(t, "access_log: True")
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text, h := s.get(path); status != http.StatusOK || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "'self'") {
			t.Errorf("%s: %d %s %v", path, status, text, h)
		}
	}
	s.Stop()
	if !strings.Contains(s.Log(), "path=/readyz status=200") {
		t.Error(s.Log())
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	s := serve(t, "base_path: /gp/")
	s.send("yes", "no", "yes")
	s.Wait(2)
	_, text, _ := s.get("/gp/metrics")
	for _, line := range []string{
		`gambolputty_events_received_total{class="Lines",module="Lines",role="input"} 3`,
		`gambolputty_events_received_total{class="TestCatch",module="TestCatch",role="output"} 2`,
		`gambolputty_events_unrouted_total{class="Lines",module="Lines",role="input"} 1`,
		`gambolputty_edge_events_total{from="Lines",to="TestCatch"} 2`,
		`gambolputty_handle_seconds_count{class="TestCatch",module="TestCatch",role="output"} 2`,
		`gambolputty_module_up{class="TestCatch",module="TestCatch",role="output"} 1`,
		`gambolputty_event_age_seconds_count{class="TestCatch",module="TestCatch",role="output"} 2`,
		`gambolputty_module_paused{class="Lines",module="Lines",role="input"} 0`,
		"gambolputty_build_info{", "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", err, problems)
	}
	if status, _, _ := s.get("/metrics"); status != http.StatusNotFound {
		t.Errorf("beside base_path the status is %d", status)
	}
	s.Stop()
}

func TestWhatGoesInComesOut(t *testing.T) {
	s := serve(t, "")
	for range 1000 {
		s.feed <- "yes"
	}
	s.Wait(1000)
	for _, module := range []string{`{class="Lines",module="Lines",role="input"}`, `{class="TestCatch",module="TestCatch",role="output"}`} {
		if _, text, _ := s.get("/metrics"); !strings.Contains(text, "\ngambolputty_events_received_total"+module+" 1000\n") {
			t.Errorf("%s\n%s", module, text)
		}
	}
	s.Stop()
}

func TestTheAnswersOfTheFormerProgram(t *testing.T) {
	s := serve(t, "")
	s.send("yes", "yes")
	s.Wait(2)
	var info struct {
		Hostname      string
		CPUs          int `json:"cpu_count"`
		Configuration []map[string]map[string]any
	}
	for _, path := range []string{"/rest/server/info", "/actions/get_server_info"} {
		s.read(path, &info)
		if host, _ := os.Hostname(); info.Hostname != host || info.CPUs == 0 || info.Configuration[0]["WebserverTornado"]["port"] != 0.0 {
			t.Errorf("%+v", info)
		}
	}
	var statistics struct {
		Received int
		Queues   map[string]int
	}
	s.read("/rest/server/statistics", &statistics)
	if _, known := statistics.Queues["TestCatch"]; statistics.Received != 2 || !known {
		t.Errorf("%+v", statistics)
	}
	_, text, _ := s.get("/rest/server/configuration")
	if !strings.HasPrefix(text, `{"WebserverTornado":{"id":"WebserverTornado","class":"WebserverTornado","type":"stand_alone","configuration":{`) ||
		!strings.Contains(text, `"receivers":[{"TestCatch":{"filter":"$(data) != 'no'"}}]`) || !json.Valid([]byte(text)) {
		t.Error(text)
	}
	s.Stop()
}

func TestModulesAndTheirEdges(t *testing.T) {
	s := serve(t, "")
	s.send("yes")
	s.Wait(1)
	var one struct {
		ID       string
		Counters map[string]int
		Options  map[string]any
	}
	s.read("/api/v1/modules/Lines", &one)
	if one.ID != "Lines" || one.Counters["received"] != 1 {
		t.Errorf("%+v", one)
	}
	var list []any
	if s.read("/api/v1/modules", &list); len(list) != 3 {
		t.Errorf("%d modules", len(list))
	}
	var drawing struct {
		Nodes []any
		Edges []map[string]any
	}
	if s.read("/api/v1/topology", &drawing); len(drawing.Nodes) != 3 || fmt.Sprint(drawing.Edges) != "[map[events:1 filter:$(data) != 'no' from:Lines to:TestCatch]]" {
		t.Errorf("%+v", drawing)
	}
	if status, text, h := s.get("/api/v1/modules/TestCath"); status != http.StatusNotFound || !strings.Contains(text, `did you mean \"TestCatch\"?`) || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", status, text, h)
	}
	if status, _, _ := s.get("/nowhere"); status != http.StatusNotFound {
		t.Error(status)
	}
	s.Stop()
}

func TestWhoMaySeeWhat(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("naughty"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, "interface: 127.0.0.1\nmetrics_auth: True\npprof: True\nusers: {brian: '"+string(hash)+"', reg: '${NO_SUCH_VARIABLE:-judea}'}\nroles: {reg: viewer}\ntokens: ['', '${NO_SUCH_VARIABLE:-t0ken}']")
	for name, c := range map[string]struct {
		path, user, password, token string
		status                      int
	}{
		"anybody may ask for health":    {"/healthz", "", "", "", 200},
		"and nothing else":              {"/rest/server/info", "", "", "", 401},
		"metrics too":                   {"/metrics", "", "", "", 401},
		"a user":                        {"/rest/server/info", "brian", "naughty", "", 200},
		"a user again":                  {"/debug/pprof/cmdline", "brian", "naughty", "", 200},
		"a user who may look":           {"/rest/server/info", "reg", "judea", "", 200},
		"but not everywhere":            {"/debug/pprof/cmdline", "reg", "judea", "", 403},
		"a token":                       {"/metrics", "", "", "t0ken", 200},
		"a token is no admin":           {"/debug/pprof/cmdline", "", "", "t0ken", 403},
		"a wrong password":              {"/metrics", "brian", "messiah", "", 401},
		"a hash is no password":         {"/metrics", "brian", string(hash), "", 401},
		"nobody":                        {"/metrics", "pilate", "", "", 401},
		"the empty token stands for no": {"/metrics", "", "", " ", 401},
	} {
		r, err := http.NewRequest(http.MethodGet, s.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.user != "" {
			r.SetBasicAuth(c.user, c.password)
		}
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(c.token))
		}
		res, err := s.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	for range 6 {
		s.get("/metrics", "Authorization", "Bearer guess")
	}
	if status, _, h := s.get("/metrics", "Authorization", "Bearer t0ken"); status != http.StatusTooManyRequests || h.Get("Retry-After") == "" {
		t.Errorf("after many guesses the status is %d", status)
	}
	if status, _, _ := s.get("/healthz"); status != http.StatusOK {
		t.Error("health is open to all")
	}
	s.Stop()
	if log := s.Log(); strings.Contains(log, "messiah") || strings.Contains(log, "guess\"") || !strings.Contains(log, "wrong login") {
		t.Error(log)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	s := serve(t, "interface: 127.0.0.1\nusers: {brian: '${NO_SUCH_VARIABLE:-naughty}'}\ntokens: ['${NO_SUCH_VARIABLE:-t0ken}']")
	for _, path := range []string{"/rest/server/info", "/rest/server/configuration", "/api/v1/modules/WebserverTornado"} {
		status, text, _ := s.get(path, "Authorization", "Bearer t0ken")
		if status != http.StatusOK || strings.Contains(text, "naughty") || strings.Contains(text, "t0ken") || strings.Contains(text, `"***"`) == (path == "/rest/server/info") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	s.Stop()
}

func TestFilesOfTheDocumentRoot(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"index.html": "<h1>hello</h1>", "css/own.css": "p {}"} {
		path := filepath.Join(dir, "docroot", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("spam"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "docroot", "link")); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "document_root: "+filepath.Join(dir, "docroot"))
	for path, want := range map[string]string{"/": "<h1>hello</h1>", "/css/own.css": "p {}", "/css": "", "/..%2fsecret": "", "/link": "", "/%2e%2e/secret": "", "/nothing": ""} {
		status, text, _ := s.get(path)
		if want != "" && text != want || want == "" && status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	s.Stop()
}

func TestTLSAndARenewedCertificate(t *testing.T) {
	own, next := tlstest.New(t), tlstest.New(t)
	s := serve(t, "tls: True\ncert: "+own.Cert+"\nkey: "+own.Key+"\nclient_ca: "+own.Cert+"\ninterface: 127.0.0.1")
	s.url = strings.Replace(s.url, "http", "https", 1)
	dial := func(root tlstest.Certificate, pairs ...tls.Certificate) error {
		s.http.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: root.Pool, Certificates: pairs}}
		res, err := s.http.Get(s.url + "/rest/server/info")
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	}
	if err := dial(own, own.Pair); err != nil {
		t.Error(err)
	}
	if err := dial(own); err == nil {
		t.Error("a client without a certificate is served")
	}
	for from, to := range map[string]string{next.Cert: own.Cert, next.Key: own.Key} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := dial(next, own.Pair); err != nil {
		t.Errorf("after the certificate was renewed: %v", err)
	}
	s.Stop()
}

func TestAPortThatIsTakenEndsTheStart(t *testing.T) {
	s := serve(t, "")
	port := s.Addr()[strings.LastIndexByte(s.Addr(), ':')+1:]
	feed := make(chan string)
	close(feed)
	r := actortest.Start(t, "- WebserverTornado:\n    port: "+port+"\n- Lines\n- TestCatch\n", webservertornado.Spec, actortest.Lines(feed))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), port) {
		t.Error(err)
	}
	s.Stop()
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, webservertornado.Spec, map[string]string{
		"tls: True": "cert", "client_ca: /x": "needs tls: True", "base_path: gp": "must begin with /", "roles: {x: admin}": "no such user or token",
		"users: {a: '${NO_SUCH_VARIABLE:-b}'}\nroles: {a: king}": "must be viewer or admin", "port: 70000": "65535", "users: {'a:b': '${NO_SUCH_VARIABLE:-c}'}": "a name holds no colon",
	})
	for options, want := range map[string]string{"interface: 0.0.0.0": "W116", "statistic_module_id: SimpleStats": "W105", "application_settings: {a: b}": "W105"} {
		if got := strings.Join(actortest.Warnings(t, webservertornado.Spec, options), " "); !strings.Contains(got, want) {
			t.Errorf("%s: %s", options, got)
		}
	}
}
