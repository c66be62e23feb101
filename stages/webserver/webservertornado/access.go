package webservertornado

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gambolputty/actor"
)

// The roles.
const (
	viewer = "viewer"
	admin  = "admin"
)

// access knows who may do what.
type access struct {
	env  actor.Env
	opts *Options

	mu       sync.Mutex
	failures map[netip.Addr][]time.Time     // of logins in the last minute
	known    map[[sha256.Size]byte]struct{} // logins that were found good, as bcrypt takes its time
}

// Limits for those who guess.
const (
	mostFailures = 5
	within       = time.Minute
	// mostPeers bounds the addresses whose failures are remembered, mostKnown the logins.
	mostPeers = 10_000
	mostKnown = 1000
)

func newAccess(env actor.Env, o *Options) *access {
	return &access{env: env, opts: o, failures: map[netip.Addr][]time.Time{}, known: map[[sha256.Size]byte]struct{}{}}
}

func peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	ip, _ := netip.ParseAddr(host) // it comes from a socket
	return ip.Unmap()
}

// identify says who makes a request, or the status that says why nobody is let in.
func (a *access) identify(r *http.Request, known *sessions) (identity, int) {
	if !a.opts.protected() {
		return identity{role: admin, how: byNobody}, 0
	}
	if id, ok := known.of(r); ok {
		return id, 0
	}
	who := peer(r)
	if a.guesses(who) {
		return identity{}, http.StatusTooManyRequests
	}
	if user, password, ok := r.BasicAuth(); ok {
		if a.login(user, password) {
			return identity{name: user, role: a.roleOf(user, admin), how: byPassword}, 0
		}
		return identity{}, a.failed(who, user)
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		if name := a.token(token); name != "" {
			return identity{name: name, role: a.roleOf(name, viewer), how: byToken}, 0
		}
		return identity{}, a.failed(who, "a token")
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return identity{name: r.TLS.VerifiedChains[0][0].Subject.CommonName, role: viewer, how: byCertificate}, 0
	}
	return identity{}, http.StatusUnauthorized
}

func (a *access) roleOf(name, usual string) string {
	if role := a.opts.Roles[name]; role != "" {
		return role
	}
	return usual
}

// login compares a password in a time that tells nothing about it.
func (a *access) login(user, password string) bool {
	stored, exists := a.opts.Users[user]
	key := sha256.Sum256([]byte(user + "\x00" + password + "\x00" + stored))
	a.mu.Lock()
	_, known := a.known[key]
	a.mu.Unlock()
	if known {
		return true
	}
	given, want := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(stored))
	good := subtle.ConstantTimeCompare(given[:], want[:]) == 1
	if strings.HasPrefix(stored, "$2") {
		good = bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)) == nil
	}
	if !exists || !good {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= mostKnown {
		clear(a.known)
	}
	a.known[key] = struct{}{}
	return true
}

// token returns the name of a token, "" if there is none like it.
func (a *access) token(given string) string {
	hash, name := sha256.Sum256([]byte(given)), ""
	for i, t := range a.opts.Tokens {
		want := sha256.Sum256([]byte(t))
		if subtle.ConstantTimeCompare(hash[:], want[:]) == 1 && t != "" {
			name = tokenName(i)
		}
	}
	return name
}

// guesses reports whether an address has failed too often to be heard.
func (a *access) guesses(who netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.recent(who)) >= mostFailures
}

func (a *access) recent(who netip.Addr) []time.Time {
	list := a.failures[who]
	for len(list) > 0 && time.Since(list[0]) > within {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(a.failures, who)
	} else {
		a.failures[who] = list
	}
	return list
}

// failed notes a wrong login. The log says whose, but not with what.
func (a *access) failed(who netip.Addr, user string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.failures) >= mostPeers {
		clear(a.failures)
	}
	a.failures[who] = append(a.recent(who), time.Now())
	a.env.Warn("wrong login", "peer", who.String(), "user", user)
	return http.StatusUnauthorized
}
