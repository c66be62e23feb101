package webservertornado

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// identity is who makes a request and how that is known.
type identity struct {
	name, role string
	how        string    // one of the ways below
	csrf       string    // of a session
	until      time.Time // when a session ends, if it ends by itself
}

// The ways to be known. Browsers send some of them along by themselves, whoever has made the
// page that asks.
const (
	byNobody      = "open" // there is no login at all
	bySession     = "session"
	byPassword    = "password"
	byToken       = "token"
	byCertificate = "certificate"
)

type identityKey struct{}

// who is the identity behind a request that was let through.
func who(r *http.Request) identity {
	id, _ := r.Context().Value(identityKey{}).(identity)
	return id
}

func withIdentity(r *http.Request, id identity) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, id))
}

// sessions are the logins of browsers.
type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*session // by the hash of what the cookie holds
}

type session struct {
	identity
	used time.Time
}

const (
	cookieName = "gambolputty"
	// sessionTime is how long a session lives without being used.
	sessionTime = 12 * time.Hour
	// mostSessions bounds those that are remembered.
	mostSessions = 1000
	// thinkingTime is how long the answer to a wrong login takes.
	thinkingTime = 300 * time.Millisecond
)

// begin makes a session and returns what its cookie holds.
func (s *sessions) begin(id identity) string {
	key := rand.Text()
	id.how, id.csrf = bySession, rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[[sha256.Size]byte]*session{}
	}
	oldest, first := [sha256.Size]byte{}, time.Time{}
	for k, o := range s.all {
		if time.Since(o.used) > sessionTime {
			delete(s.all, k)
		} else if first.IsZero() || o.used.Before(first) {
			oldest, first = k, o.used
		}
	}
	if len(s.all) >= mostSessions {
		delete(s.all, oldest)
	}
	s.all[sha256.Sum256([]byte(key))] = &session{id, time.Now()}
	return key
}

// of returns the session of a request.
func (s *sessions) of(r *http.Request) (identity, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return identity{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.all[sha256.Sum256([]byte(c.Value))]
	if found == nil || time.Since(found.used) > sessionTime || !found.until.IsZero() && time.Now().After(found.until) {
		return identity{}, false
	}
	found.used = time.Now()
	return found.identity, true
}

func (s *sessions) end(r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, sha256.Sum256([]byte(c.Value)))
	}
}

// proves reports whether a request of a session shows its CSRF token.
func (id identity) proves(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRF-Token")), []byte(id.csrf)) == 1
}

// login takes the form of the login page. Without a name, the password may be a token.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	next := s.local(r.FormValue("next"))
	id, password, status := identity{name: r.PostFormValue("user")}, r.PostFormValue("password"), 0
	if id.name == "" {
		id.name, status = s.access.bearer(peer(r), password)
		id.role = s.access.roleOf(id.name, viewer)
	} else {
		status = s.access.password(peer(r), id.name, password)
		id.role = s.access.roleOf(id.name, admin)
	}
	switch status {
	case 0:
	case http.StatusUnauthorized:
		think(r)
		http.Redirect(w, r, s.base()+"/login?failed=1&next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	default:
		s.tooMany(w, r)
		return
	}
	s.begin(w, r, id)
	http.Redirect(w, r, s.base()+next, http.StatusSeeOther)
}

// begin gives a browser a session, in place of whatever it had.
func (s *server) begin(w http.ResponseWriter, r *http.Request, id identity) {
	s.sessions.end(r)
	http.SetCookie(w, s.cookie(r, s.sessions.begin(id), 0))
	s.env.Log.Info("login", "user", id.name, "role", id.role, "peer", from(r))
}

// think makes whoever was wrong wait.
func think(r *http.Request) {
	select {
	case <-time.After(thinkingTime):
	case <-r.Context().Done():
	}
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	s.sessions.end(r)
	http.SetCookie(w, s.cookie(r, "", -1))
	http.Redirect(w, r, s.base()+"/login", http.StatusSeeOther)
}

func (s *server) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: s.base() + "/", MaxAge: age, HttpOnly: true, Secure: clientOf(r).secure, SameSite: http.SameSiteStrictMode}
}

// Base is the path in front of all others, for pages that have to know where they are.
func (s *server) Base() string { return s.base() }

// base is the path in front of all others, without a slash at its end.
func (s *server) base() string { return strings.TrimSuffix(s.opts.BasePath, "/") }

// local is a path of this server, for what a form says where to go next.
func (s *server) local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return u.RequestURI()
}

// me tells a page who looks at it and what he may do.
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	id, p := who(r), s.policy.Load()
	may := id.role == admin && p.Actions && id.how != byPassword && id.how != byCertificate
	s.answer(w, map[string]any{
		"user": id.name, "role": id.role, "login": id.how, "csrf": id.csrf, "title": p.Title,
		"tap": p.Tap && id.role == admin, "actions": may, "pack": s.inPack(),
	})
}
