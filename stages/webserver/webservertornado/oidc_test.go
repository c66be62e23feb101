package webservertornado_test

import (
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/webserver/webservertornado"
)

// withProvider is a server that sends people to a provider, and a browser.
func withProvider(t *testing.T, p *provider, more string) *served {
	t.Helper()
	s := serve(t, "interface: 127.0.0.1\nbase_path: /gp\noidc:\n  issuer: "+p.server.URL+"\n  client_id: gambolputty\n  client_secret: ${NO_SUCH_VARIABLE:-sesame}\n  "+strings.ReplaceAll(more, "\n", "\n  "))
	s.url += "/gp"
	s.browser()
	return s
}

// browser forgets all cookies.
func (s *served) browser() {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.http.Jar = jar
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

// begin asks for a login and returns where the browser is sent.
func (s *served) begin(next string) string {
	s.t.Helper()
	status, text, h := s.get("/login/oidc?next=" + url.QueryEscape(next))
	if status != http.StatusFound {
		s.t.Fatalf("%d %s", status, text)
	}
	for _, c := range h.Values("Set-Cookie") {
		if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "Path=/gp/login/oidc") {
			s.t.Error(c)
		}
	}
	return h.Get("Location")
}

// back is what the server says to a browser that comes back.
func (s *served) back(address string) (int, string) {
	s.t.Helper()
	res, err := s.http.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

type person struct {
	User, Role, Login string
}

func (s *served) me() (who person) {
	s.t.Helper()
	s.read("/api/v1/me", &who)
	return who
}

func TestAProviderLogsPeopleIn(t *testing.T) {
	p := newProvider(t)
	s := withProvider(t, p, "roles_claim: realm.roles\nadmin_values: [front]")
	if status, _, h := s.get("/logs?a=b", "Accept", "text/html"); status != http.StatusSeeOther || h.Get("Location") != "/gp/login/oidc?next=%2Flogs%3Fa%3Db" {
		t.Errorf("%d %v", status, h)
	}
	if status, _, _ := s.get("/api/v1/me"); status != http.StatusUnauthorized {
		t.Error(status)
	}
	for next, want := range map[string]string{"/logs?a=b": "/gp/logs?a=b", "https://evil.example/": "/gp/", `/"><script>`: "/gp/%22%3E%3Cscript%3E"} {
		s.browser()
		status, text := s.back(p.consent(s.begin(next)))
		if status != http.StatusOK || !strings.Contains(text, `content="0;url=`+want+`"`) || strings.Contains(text, "<script>") {
			t.Errorf("%s: %d %s", next, status, text)
		}
		if who := s.me(); who != (person{"brian", "admin", "session"}) {
			t.Errorf("%+v", who)
		}
	}
	p.rotate() // the key with which the next one is signed is one that nobody has seen
	s.browser()
	if status, text := s.back(p.consent(s.begin("/"))); status != http.StatusOK {
		t.Errorf("after a new key: %d %s", status, text)
	}
	s.Stop()
	if log := s.Log(); strings.Contains(log, "sesame") || !strings.Contains(log, "user=brian role=admin peer=127.0.0.1") {
		t.Error(log)
	}
}

func TestClaimsMakeRoles(t *testing.T) {
	p := newProvider(t)
	for name, c := range map[string]struct {
		options string
		twist   func(claims)
		want    person
		status  int
	}{
		"everybody may look":           {"roles_claim: realm.roles", nil, person{"brian", "viewer", "session"}, 200},
		"some may":                     {"roles_claim: realm.roles\nviewer_values: [people]", nil, person{"brian", "viewer", "session"}, 200},
		"others may not":               {"roles_claim: realm.roles\nviewer_values: [romans]", nil, person{}, 403},
		"a claim that is missing":      {"admin_values: [front]\nviewer_values: [people]", nil, person{}, 403},
		"a claim with one value":       {"admin_values: [front]", func(c claims) { c["groups"] = "front" }, person{"brian", "admin", "session"}, 200},
		"a claim of a strange kind":    {"admin_values: ['5']", func(c claims) { c["groups"] = []any{5, map[string]any{}} }, person{"brian", "viewer", "session"}, 200},
		"a name that is not there":     {"user_claim: nick", nil, person{"brian@judea.example", "viewer", "session"}, 200},
		"another name":                 {"user_claim: sub", nil, person{"4711", "viewer", "session"}, 200},
		"an address that was verified": {"roles_claim: email\nadmin_values: [brian@judea.example]", func(c claims) { c["email_verified"] = true }, person{"brian", "admin", "session"}, 200},
		"an address that was not":      {"roles_claim: email\nadmin_values: [brian@judea.example]", nil, person{"brian", "viewer", "session"}, 200},
	} {
		p.mu.Lock()
		p.twist = c.twist
		p.mu.Unlock()
		s := withProvider(t, p, c.options)
		status, text := s.back(p.consent(s.begin("/")))
		if status != c.status {
			t.Errorf("%s: %d %s", name, status, text)
		} else if status == http.StatusOK {
			if who := s.me(); who != c.want {
				t.Errorf("%s: %+v", name, who)
			}
		}
		s.Stop()
	}
}

func TestALoginThatIsNotRightIsRefused(t *testing.T) {
	p := newProvider(t)
	stranger := newKey(t)
	for name, c := range map[string]struct {
		signer *rsa.PrivateKey
		twist  func(claims)
		change func(string) string
		want   string
	}{
		"for another program":     {twist: func(c claims) { c["aud"] = "other" }, want: "audience"},
		"too old":                 {twist: func(c claims) { c["exp"] = 1 }, want: "expired"},
		"of another login":        {twist: func(c claims) { c["nonce"] = "guess" }, want: "the nonce is not that"},
		"of nobody":               {twist: func(c claims) { delete(c, "nonce") }, want: "the nonce is not that"},
		"of another provider":     {twist: func(c claims) { c["iss"] = "https://evil.example" }, want: "issued by a different provider"},
		"signed by somebody else": {signer: stranger, want: "signature"},
		"not signed":              {twist: func(c claims) { c["unsigned"] = true }, want: "none"},
		"without a token":         {twist: func(c claims) { c["nothing"] = true }, want: "sends no id_token"},
		"another state":           {change: func(a string) string { return strings.Replace(a, "state=", "state=X", 1) }, want: "the state is not that"},
		"another code":            {change: func(a string) string { return strings.Replace(a, "code=", "code=X", 1) }, want: "400 Bad Request"},
		"a refusal":               {change: func(a string) string { return strings.Replace(a, "code=", "error=access_denied&x=", 1) }, want: "access_denied"},
	} {
		p.mu.Lock()
		p.twist, p.signer = c.twist, c.signer
		p.mu.Unlock()
		s := withProvider(t, p, "scopes: []") // of its own, as the log tells what is alike once
		address := p.consent(s.begin("/"))
		if c.change != nil {
			address = c.change(address)
		}
		status, text := s.back(address)
		if log := s.Log(); status != http.StatusForbidden || !strings.Contains(log, c.want) || strings.Contains(log, "do not repeat this") {
			t.Errorf("%s: %d %s\n%s", name, status, text, log)
		}
		if status, _, _ := s.get("/api/v1/me"); status != http.StatusUnauthorized {
			t.Errorf("%s: there is a session", name)
		}
		s.Stop()
	}
}

func TestALoginBelongsToItsBrowserAndIsUsedOnce(t *testing.T) {
	p := newProvider(t)
	s := withProvider(t, p, "scopes: [email]")
	mine := s.begin("/")
	if !strings.Contains(mine, "scope=openid+email&") && !strings.HasSuffix(mine, "scope=openid+email") {
		t.Error(mine)
	}
	address := p.consent(mine)
	own := s.http.Jar
	s.browser() // that of somebody who was sent the address
	if status, _ := s.back(address); status != http.StatusForbidden {
		t.Errorf("in another browser: %d", status)
	}
	s.http.Jar = own
	if status, text := s.back(address); status != http.StatusOK {
		t.Errorf("in its own browser: %d %s", status, text)
	}
	if status, _ := s.back(address); status != http.StatusForbidden {
		t.Errorf("a second time: %d", status)
	}
	s.Stop()
}

func TestAProviderThatIsAwayIsNoReasonNotToStart(t *testing.T) {
	p := newProvider(t)
	p.server.Close()
	s := withProvider(t, p, "scopes: []")
	for range 3 { // it is not asked again at once
		if status, text, _ := s.get("/login/oidc"); status != http.StatusBadGateway || !strings.Contains(text, "does not answer") {
			t.Errorf("%d %s", status, text)
		}
	}
	s.Stop()
}

func TestWrongOptionsOfAProvider(t *testing.T) {
	actortest.Wrong(t, webservertornado.Spec, map[string]string{
		"oidc: {issuer: 'http://login.example', client_id: x}":                           "oidc.issuer",
		"oidc: {issuer: 'https://login.example'}":                                        "client_id",
		"oidc: {client_id: x}":                                                           "issuer",
		"oidc: {issuer: 'https://login.example', client_id: x, redirect_url: /callback}": "oidc.redirect_url",
		"oidc: {issuer: 'https://login.example', client_id: x, admins: [a]}":             "admins",
	})
}

func TestOnlyTheLoginIsOpenWithAProvider(t *testing.T) {
	p := newProvider(t)
	f := serveFull(t, "interface: 127.0.0.1\ntokens: ['${NO_SUCH_VARIABLE:-boss}']\nroles: {token1: admin}\noidc: {issuer: '"+p.server.URL+"', client_id: gambolputty}")
	f.browser()
	open := map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/login": true, "/logout": true, "/login/oidc": true, "/login/oidc/callback": true}
	f.every(func(method, path, role string) {
		if open[path] != (role == "") {
			t.Errorf("%s %s asks for the role %q", method, path, role)
		}
		if status, _, _ := f.ask(method, path, ""); !open[path] && status != http.StatusUnauthorized {
			t.Errorf("without a login %s %s is %d", method, path, status)
		}
	})
	f.Stop()
}
