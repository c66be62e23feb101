package webservertornado_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestManyGuessesAtATimeAreNoMoreThanFive(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("naughty"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(*http.Request){
		"of tokens":             func(r *http.Request) { r.Header.Set("Authorization", "Bearer guess") },
		"of passwords":          func(r *http.Request) { r.SetBasicAuth("reg", "guess") },
		"of hashed passwords":   func(r *http.Request) { r.SetBasicAuth("brian", "guess") },
		"of names":              func(r *http.Request) { r.SetBasicAuth("pilate", "guess") },
		"on the page for login": nil,
	} {
		s := serve(t, "interface: 127.0.0.1\nusers: {brian: '"+string(hash)+"', reg: '${NO_SUCH_VARIABLE:-judea}'}\ntokens: ['${NO_SUCH_VARIABLE:-t0ken}']")
		s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		var heard atomic.Int64
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				method, path, body := http.MethodGet, "/api/v1/modules", ""
				if ask == nil {
					method, path, body = http.MethodPost, "/login", url.Values{"user": {"brian"}, "password": {"guess"}}.Encode()
				}
				r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if ask != nil {
					ask(r)
				}
				res, err := s.http.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				if res.Body.Close(); res.StatusCode != http.StatusTooManyRequests {
					heard.Add(1)
				}
			})
		}
		all.Wait()
		if heard.Load() != 5 {
			t.Errorf("%s: %d were heard", name, heard.Load())
		}
		s.Stop()
		if n := strings.Count(s.Log(), "wrong login"); n == 0 || n > 5 || strings.Contains(s.Log(), "guess") {
			t.Errorf("%s: %d\n%s", name, n, s.Log())
		}
	}
}

func TestALoginMakesASessionOfItsOwn(t *testing.T) {
	f := serveFull(t, guarded)
	f.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	login := func(cookie string) *http.Cookie {
		form := url.Values{"user": {"brian"}, "password": {"naughty"}}
		r, err := http.NewRequest(http.MethodPost, f.url+"/login", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "gambolputty", Value: cookie})
		}
		res, err := f.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); len(res.Cookies()) != 1 {
			t.Fatal(res.Header)
		}
		return res.Cookies()[0]
	}
	known := func(cookie string) int {
		status, _, _ := f.get("/api/v1/me", "Cookie", "gambolputty="+cookie)
		return status
	}
	// Whoever has planted a cookie in a browser does not know what it holds after the login.
	planted := login("PLANTED")
	if planted.Value == "PLANTED" || known("PLANTED") != http.StatusUnauthorized || known(planted.Value) != http.StatusOK {
		t.Errorf("%+v", planted)
	}
	next := login(planted.Value)
	if next.Value == planted.Value || known(planted.Value) != http.StatusUnauthorized || known(next.Value) != http.StatusOK {
		t.Errorf("the former session is still there after a new login: %+v", next)
	}
	// A session cannot log somebody out, or in as somebody else, from another page.
	for _, path := range []string{"/login", "/logout"} {
		if status, _, _ := f.ask("POST", path, "", "Cookie", "gambolputty="+next.Value, "Origin", "https://evil.example"); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	if known(next.Value) != http.StatusOK {
		t.Error("the session has ended")
	}
	f.Stop()
}

func TestAProxyThatIsTrustedSaysWhoAsks(t *testing.T) {
	s := serve(t, "interface: 127.0.0.1\ntrusted_proxies: [127.0.0.1, 10.0.0.0/8]\nallow: [192.0.2.0/24]\nusers: {brian: '${NO_SUCH_VARIABLE:-naughty}'}")
	for forwarded, want := range map[string]int{
		"":                                   403, // the proxy itself is not among those who may connect
		"192.0.2.7":                          401,
		"192.0.2.7, 10.1.1.1":                401,
		"192.0.2.7, 198.51.100.1, 10.1.1.1":  403, // what a stranger says before the proxy is no news
		"198.51.100.1":                       403,
		"192.0.2.7, nonsense":                403,
		"192.0.2.7, 198.51.100.1, 127.0.0.1": 403,
	} {
		if status, _, _ := s.get("/api/v1/modules", "X-Forwarded-For", forwarded); status != want {
			t.Errorf("%s: %d", forwarded, status)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.http.Jar = jar
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	form := url.Values{"user": {"brian"}, "password": {"naughty"}}.Encode()
	f := &full{served: s}
	for origin, want := range map[string]int{"https://logs.example": http.StatusSeeOther, "https://evil.example": http.StatusForbidden} {
		status, _, h := f.ask("POST", "/login", form, "Content-Type", "application/x-www-form-urlencoded", "X-Forwarded-For", "192.0.2.7",
			"X-Forwarded-Host", "logs.example", "X-Forwarded-Proto", "https", "Origin", origin)
		if status != want || want == http.StatusSeeOther && !strings.Contains(h.Get("Set-Cookie"), "; Secure") {
			t.Errorf("%s: %d %v", origin, status, h)
		}
	}
	s.Stop()
	if !strings.Contains(s.Log(), "peer=192.0.2.7") {
		t.Error(s.Log())
	}
}

func TestAStrangerIsNoProxy(t *testing.T) {
	s := serve(t, "allow: [192.0.2.0/24]")
	if status, text, _ := s.get("/api/v1/modules", "X-Forwarded-For", "192.0.2.7"); status != http.StatusForbidden || !strings.Contains(text, "this address may not connect") {
		t.Errorf("%d %s", status, text)
	}
	s.Stop()
	s = serve(t, "allow: 127.0.0.0/8")
	if status, _, h := s.get("/api/v1/modules", "X-Forwarded-Proto", "https"); status != http.StatusOK {
		t.Errorf("%d %v", status, h)
	}
	s.Stop()
}

func TestNamesOfAServerWithoutALogin(t *testing.T) {
	for options, hosts := range map[string]map[string]int{
		"hosts: [logs.example]": {"logs.example": 200, "LOGS.example:80": 200, "logs.example.": 200, "evil.example": 421, "evil.logs.example": 421, "loghost": 421},
		// Everybody can look at a server that is open to all, but pages of others cannot act.
		"interface: 0.0.0.0": {"loghost": 202, "logs.example": 421, "127.0.0.1": 202, "localhost": 202},
	} {
		f := serveFull(t, options)
		for host, want := range hosts {
			method, path := "GET", "/api/v1/modules"
			if want == 202 || strings.HasPrefix(options, "interface") {
				method, path = "POST", "/api/v1/modules/Lines/resume"
				if status, _, _ := f.ask("GET", "/api/v1/modules", "", "Host", host); status != http.StatusOK {
					t.Errorf("%s: looking at %s is %d", options, host, status)
				}
			}
			// To a browser, a page of the name that was pointed here is one of the server itself.
			if status, text, _ := f.ask(method, path, "", "Host", host, "Origin", "http://"+host, "Sec-Fetch-Site", "same-origin"); status != want {
				t.Errorf("%s: %s is %d %s", options, host, status, text)
			}
		}
		f.Stop()
	}
}
