package webservertornado_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// guarded is a server with two users and three tokens.
const guarded = "interface: 127.0.0.1\npprof: True\nusers: {brian: '${NO_SUCH_VARIABLE:-naughty}', reg: '${NO_SUCH_VARIABLE:-judea}'}\nroles: {reg: viewer, token1: admin}\ntokens: ['${NO_SUCH_VARIABLE:-boss}', '${NO_SUCH_VARIABLE:-guest}']"

// ask makes any request; headers are pairs of name and value.
func (s *served) ask(method, path, body string, headers ...string) (int, string, http.Header) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
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

func TestNoRouteIsOpenByMistake(t *testing.T) {
	open := map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/login": true, "/logout": true}
	f := serveFull(t, guarded)
	var routes [][3]string
	f.every(func(method, path, role string) {
		routes = append(routes, [3]string{method, path, role})
		if open[path] != (role == "") {
			t.Errorf("%s %s asks for the role %q", method, path, role)
		}
	})
	for _, r := range routes {
		if method, path, role := r[0], r[1], r[2]; role != "" {
			if status, text, _ := f.ask(method, path, ""); status != http.StatusUnauthorized {
				t.Errorf("without a login %s %s is %d %s", method, path, status, text)
			}
			if role == "admin" {
				if status, text, _ := f.ask(method, path, "", "Authorization", "Bearer guest"); status != http.StatusForbidden {
					t.Errorf("for a viewer %s %s is %d %s", method, path, status, text)
				}
			}
		}
	}
	f.Stop()
	for i := range 3 { // the fifth wrong login in a minute is the last that is looked at
		f = serveFull(t, guarded)
		for _, r := range routes[i*len(routes)/3 : (i+1)*len(routes)/3] {
			if method, path, role := r[0], r[1], r[2]; role != "" {
				if status, _, _ := f.ask(method, path, "", "Authorization", "Bearer wrong"); status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
					t.Errorf("with a wrong token %s %s is %d", method, path, status)
				}
			}
		}
		f.Stop()
		if strings.Contains(f.Log(), "action: ") {
			t.Error(f.Log())
		}
	}
}

func TestActionsAreForAdminsWhoProveThemselves(t *testing.T) {
	f := serveFull(t, guarded)
	boss := []string{"Authorization", "Bearer boss"}
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
	}{
		{"POST", "/api/v1/modules/Lines/pause", "", boss, 202},
		{"POST", "/api/v1/modules/Lines/resume", "", boss, 202},
		{"POST", "/api/v1/modules/Lines/restart", "", boss, 202},
		{"POST", "/api/v1/modules/TestCatch/pause", "", boss, 409},
		{"POST", "/api/v1/modules/TestCatch/flush", "", boss, 409},
		{"POST", "/api/v1/modules/WebserverTornado/restart", "", boss, 409},
		{"POST", "/api/v1/modules/Lins/pause", "", boss, 404},
		{"POST", "/api/v1/modules/Lines/dance", "", boss, 404},
		{"GET", "/api/v1/modules/Lines/pause", "", boss, 405},
		{"GET", "/api/v1/stop", "", boss, 405},
		{"PUT", "/api/v1/loglevel", `{"module": "Lines", "level": "debug", "seconds": 60}`, boss, 200},
		{"PUT", "/api/v1/loglevel", `{"module": "Nobody", "level": "debug", "seconds": 60}`, boss, 404},
		{"PUT", "/api/v1/loglevel", `{"level": "loud", "seconds": 60}`, boss, 400},
		{"PUT", "/api/v1/loglevel", `{"level": "debug", "seconds": 1000000}`, boss, 400},
		{"PUT", "/api/v1/loglevel", `{"levl": "debug"}`, boss, 400},
		{"PUT", "/api/v1/loglevel", ``, boss, 400},
		// A browser sends these along whoever asks it to, so they are not enough.
		{"POST", "/api/v1/modules/Lines/pause", "", []string{"Authorization", "Basic YnJpYW46bmF1Z2h0eQ=="}, 403},
		{"POST", "/api/v1/modules/Lines/pause", "", append([]string{"Origin", "https://evil.example"}, boss...), 403},
		{"POST", "/api/v1/modules/Lines/pause", "", append([]string{"Sec-Fetch-Site", "cross-site"}, boss...), 403},
		{"POST", "/api/v1/filter/test", `{"filter": "1 == 1", "event": {}}`, []string{"Authorization", "Bearer guest"}, 200},
	} {
		if status, text, h := f.ask(c.method, c.path, c.body, c.headers...); status != c.status || !json.Valid([]byte(text)) || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s %s %v: %d %s", c.method, c.path, c.body, c.headers, status, text)
		}
	}
	if got := strings.Join(f.program.levels, ", "); got != "Lines debug 1m0s" {
		t.Error(got)
	}
	f.Stop()
	if log := f.Log(); !strings.Contains(log, `"action: pause" module=WebserverTornado`) && !strings.Contains(log, "action: pause") || !strings.Contains(log, "user=token1 peer=127.0.0.1") {
		t.Error(log)
	}
}

func TestASessionNeedsItsToken(t *testing.T) {
	f := serveFull(t, guarded)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f.http.Jar = jar
	f.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	login := func(user, password, next string) (int, http.Header) {
		form := url.Values{"user": {user}, "password": {password}, "next": {next}}
		status, _, h := f.ask("POST", "/login", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		return status, h
	}
	if status, h := login("brian", "wrong", "/logs"); status != http.StatusSeeOther || h.Get("Location") != "/login?failed=1&next=%2Flogs" || h.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", status, h)
	}
	for next, want := range map[string]string{"/logs?a=b": "/logs?a=b", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "": "/"} {
		status, h := login("brian", "naughty", next)
		if c := h.Get("Set-Cookie"); status != http.StatusSeeOther || h.Get("Location") != want || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") {
			t.Errorf("%s: %d %v", next, status, h)
		}
	}
	var me struct {
		User, Role, CSRF string
		Actions          bool
	}
	if f.read("/api/v1/me", &me); me.User != "brian" || me.Role != "admin" || !me.Actions || me.CSRF == "" {
		t.Errorf("%+v", me)
	}
	if status, _, _ := f.ask("POST", "/api/v1/modules/Lines/pause", "", "X-CSRF-Token", "guess"); status != http.StatusForbidden {
		t.Error(status)
	}
	if status, text, _ := f.ask("POST", "/api/v1/modules/Lines/pause", "", "X-CSRF-Token", me.CSRF); status != http.StatusAccepted {
		t.Error(status, text)
	}
	if status, _, _ := f.ask("POST", "/logout", "", "Sec-Fetch-Site", "same-origin"); status != http.StatusSeeOther {
		t.Error(status)
	}
	if status, _, _ := f.get("/api/v1/me"); status != http.StatusUnauthorized {
		t.Error(status)
	}
	if status, h := login("", "guest", ""); status != http.StatusSeeOther || h.Get("Set-Cookie") == "" {
		t.Errorf("a token: %d %v", status, h)
	}
	if f.read("/api/v1/me", &me); me.User != "token2" || me.Role != "viewer" || me.Actions {
		t.Errorf("%+v", me)
	}
	f.Stop()
}

func TestAnOpenServerAnswersToItsOwnNameOnly(t *testing.T) {
	f := serveFull(t, "")
	for host, want := range map[string]int{"localhost:5100": 200, "127.0.0.1": 200, "[::1]:5100": 200, "evil.example": 421, "evil.example:5100": 421} {
		if status, _, _ := f.ask("GET", "/api/v1/config", "", "Host", host); status != want {
			t.Errorf("%s: %d", host, status)
		}
	}
	if status, _, _ := f.ask("GET", "/healthz", "", "Host", "loghost.example"); status != http.StatusOK {
		t.Error(status)
	}
	f.Stop()
}

func TestWhatIsTooBigOrTooStrangeIsRefused(t *testing.T) {
	f := serveFull(t, "")
	big := strings.Repeat("x", 1<<20+1)
	if status, _, _ := f.ask("POST", "/api/v1/filter/test", `{"filter": "`+big+`"}`); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a big body: %d", status)
	}
	if status, _, _ := f.ask("POST", "/api/v1/config/validate", "# "+big+"\n- Lines\n- TestCatch\n"); status != http.StatusOK {
		t.Errorf("a big configuration: %d", status)
	}
	// The server does not wait for the rest, so a client may find the connection cut.
	if r, err := f.http.Post(f.url+"/api/v1/config/validate", "", strings.NewReader(strings.Repeat(big, 17))); err == nil {
		if r.Body.Close(); r.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a huge configuration: %d", r.StatusCode)
		}
	}
	q, err := http.NewRequest("GET", f.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-Big", strings.Repeat("x", 40<<10))
	if r, err := f.http.Do(q); err == nil {
		if r.Body.Close(); r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a big header: %d", r.StatusCode)
		}
	}
	for _, path := range []string{"/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../go.mod", "/api/v1/modules/..%2f..%2fx", "/api/v1/classes/%00", "//etc/passwd", "/.git/config"} {
		if status, text, _ := f.ask("GET", path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	f.Stop()
}

func TestASlowClientHoldsNothingUp(t *testing.T) {
	f := serveFull(t, "")
	slow, err := net.Dial("tcp", f.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprint(slow, "POST /api/v1/filter/test HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	half, err := net.Dial("tcp", f.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	fmt.Fprint(half, "GET /healthz HT")
	if status, _, _ := f.get("/healthz"); status != http.StatusOK {
		t.Error(status)
	}
	// A client that never reads gets what fits into the buffers of the system, and no event waits.
	c := f.open("/websockets/tap?module=Lines&rate=1000")
	f.tapsAreOpen(1)
	for range 2000 {
		f.send(strings.Repeat("x", 1000))
	}
	f.Wait(2000)
	c.CloseNow()
	slow.Close()
	half.Close()
	f.Stop()
}

func TestAWebSocketWithoutALoginIsRefused(t *testing.T) {
	f := serveFull(t, guarded)
	for path, h := range map[string]http.Header{"/websockets/statistics": nil, "/websockets/get_logs": {"Cookie": {"gambolputty=guess"}}, "/websockets/tap?module=Lines": {"Authorization": {"Bearer guest"}}} {
		_, r, err := f.dial(path, h)
		if err == nil || r.StatusCode != http.StatusUnauthorized && r.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", path, err)
		}
	}
	c, _, err := f.dial("/websockets/tap?module=Lines", http.Header{"Authorization": {"Bearer boss"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), websocket.MessageText, bytes.Repeat([]byte("x"), 8<<10)); err != nil {
		t.Fatal(err)
	}
	if bye := closed(t, c); bye.Code != websocket.StatusMessageTooBig {
		t.Error(bye)
	}
	f.Stop()
}
