package webservertornado

import (
	"crypto/sha256"
	"crypto/subtle"
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

	// slow lets one password be compared with a bcrypt hash at a time, so that those who guess
	// take one CPU at most.
	slow sync.Mutex

	mu       sync.Mutex
	failures map[netip.Addr][]time.Time     // of logins in the last minute
	known    map[[sha256.Size]byte]struct{} // logins that were found good, as bcrypt takes its time
}

// Limits for those who guess.
const (
	mostFailures = 5
	window       = time.Minute
	// mostPeers bounds the addresses whose failures are remembered, mostKnown the logins.
	mostPeers = 10_000
	mostKnown = 1000
)

func newAccess(env actor.Env, o *Options) *access {
	return &access{env: env, opts: o, failures: map[netip.Addr][]time.Time{}, known: map[[sha256.Size]byte]struct{}{}}
}

// identify says who makes a request, or the status that says why nobody is let in.
func (a *access) identify(r *http.Request, known *sessions) (identity, int) {
	if !a.opts.protected() {
		return identity{role: admin, how: byNobody}, 0
	}
	if id, ok := known.of(r); ok {
		return id, 0
	}
	if user, password, ok := r.BasicAuth(); ok {
		return identity{name: user, role: a.roleOf(user, admin), how: byPassword}, a.password(peer(r), user, password)
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		name, status := a.bearer(peer(r), token)
		return identity{name: name, role: a.roleOf(name, viewer), how: byToken}, status
	}
	if a.guesses(peer(r)) {
		return identity{}, http.StatusTooManyRequests
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

// bearer is the name of a token, or the status that says why nobody is let in.
func (a *access) bearer(who netip.Addr, given string) (string, int) {
	name := a.token(given)
	return name, a.settle(who, "a token", name != "")
}

// password is 0 for the right password of a user, or the status that says why nobody is let in.
// A user who does not exist takes as long as one who does.
func (a *access) password(who netip.Addr, user, password string) int {
	stored, exists := a.opts.Users[user]
	if !exists && a.hashes() {
		stored = nobodysHash
	}
	key := sha256.Sum256([]byte(user + "\x00" + password + "\x00" + stored))
	if a.remembers(key) {
		return a.settle(who, user, true)
	}
	if !strings.HasPrefix(stored, "$2") {
		given, want := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(stored))
		return a.settle(who, user, subtle.ConstantTimeCompare(given[:], want[:]) == 1 && exists)
	}
	a.slow.Lock()
	defer a.slow.Unlock()
	if a.guesses(who) { // others may have failed while this one waited
		return http.StatusTooManyRequests
	}
	good := a.remembers(key) || bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)) == nil && exists
	if good {
		a.remember(key)
	}
	return a.settle(who, user, good)
}

// nobodysHash is that of a text which is not known any more.
const nobodysHash = "$2a$10$MLxNYepEX8Bb48VJdv5hUOqOD2ykElPwk7LEIo0WlKLME/aLI7OX2"

// hashes reports whether any password stands as a hash in the configuration.
func (a *access) hashes() bool {
	for _, stored := range a.opts.Users {
		if strings.HasPrefix(stored, "$2") {
			return true
		}
	}
	return false
}

// remembers reports whether a login was found good before.
func (a *access) remembers(key [sha256.Size]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.known[key]
	return known
}

func (a *access) remember(key [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= mostKnown {
		clear(a.known)
	}
	a.known[key] = struct{}{}
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

// block is what counts as one address: with IPv6, everybody has a network of them.
func block(who netip.Addr) netip.Addr {
	if p, err := who.Prefix(64); err == nil && who.Is6() {
		return p.Addr()
	}
	return who
}

// guesses reports whether an address has failed too often to be heard.
func (a *access) guesses(who netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.recent(block(who))) >= mostFailures
}

func (a *access) recent(who netip.Addr) []time.Time {
	list := a.failures[who]
	for len(list) > 0 && time.Since(list[0]) > window {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(a.failures, who)
	} else {
		a.failures[who] = list
	}
	return list
}

// settle lets a good login in, unless its address has failed too often, and notes one that is
// not. Both are one step, so that many at a time are no way round the limit. The log says whose
// login failed, but not with what.
func (a *access) settle(who netip.Addr, user string, good bool) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.recent(block(who))
	switch {
	case len(list) >= mostFailures:
		return http.StatusTooManyRequests
	case good:
		return 0
	}
	if len(a.failures) >= mostPeers {
		clear(a.failures)
	}
	a.failures[block(who)] = append(list, time.Now())
	peer := "socket"
	if who.IsValid() {
		peer = who.String()
	}
	a.env.Warn("wrong login", "peer", peer, "user", user)
	return http.StatusUnauthorized
}
