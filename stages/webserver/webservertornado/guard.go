package webservertornado

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// only lets those through who have the role of a route; admins have every one.
func (s *server) only(t route) http.HandlerFunc {
	if t.role == "" {
		return t.do
	}
	return func(w http.ResponseWriter, r *http.Request) {
		id, status := s.access.identify(r, &s.sessions)
		switch {
		case status == http.StatusUnauthorized:
			if r.Header.Get("Authorization") != "" {
				think(r)
			}
			s.turnAway(w, r)
		case status != 0:
			s.tooMany(w, r)
		case id.how == byNobody && s.strangeHost(r, t.changes):
			s.fail(w, r, http.StatusMisdirectedRequest, "without a login the server is asked by its address, as localhost, or by a name in hosts only")
		case t.role == admin && id.role != admin:
			s.fail(w, r, http.StatusForbidden, "this is for admins")
		case t.changes && s.refused(w, r, id):
		default:
			t.do(w, withIdentity(r, id))
		}
	}
}

// tooMany answers an address that has failed too often.
func (s *server) tooMany(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "60")
	s.fail(w, r, http.StatusTooManyRequests, "too many wrong logins")
}

// turnAway asks who somebody is: people get the login page, if there is one, and programs the
// header that they understand. Scripts of our pages must not make the browser ask by itself.
func (s *server) turnAway(w http.ResponseWriter, r *http.Request) {
	fromPage := r.Header.Get("Sec-Fetch-Mode") != "" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
	wantsPage := r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
	if s.hasLogin() || s.oidc != nil {
		if wantsPage {
			page := "/login"
			if !s.hasLogin() {
				page = "/login/oidc"
			}
			http.Redirect(w, r, s.base()+page+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		if fromPage {
			s.fail(w, r, http.StatusUnauthorized, "who are you?")
			return
		}
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="GambolPutty", charset="UTF-8"`)
	s.fail(w, r, http.StatusUnauthorized, "who are you?")
}

// refused answers those who want to change something and may not.
func (s *server) refused(w http.ResponseWriter, r *http.Request, id identity) bool {
	switch {
	case !s.policy.Load().Actions:
		s.fail(w, r, http.StatusForbidden, "actions are switched off")
	case id.how == byPassword || id.how == byCertificate:
		s.fail(w, r, http.StatusForbidden, "actions need a bearer token, or a session with its X-CSRF-Token")
	case id.how == bySession && !id.proves(r):
		s.fail(w, r, http.StatusForbidden, "the X-CSRF-Token is not that of the session")
	default:
		return false
	}
	return true
}

// strangeHost reports whether an open server was asked under a name that somebody else may have
// pointed here, so that pages of his could read what ours say, and act. A server that everybody
// can reach tells nobody anything new, so there it is about what changes something alone. Names
// without a dot are those of the network that the machine is in.
func (s *server) strangeHost(r *http.Request, changes bool) bool {
	if clientOf(r).socket {
		return false // no page can ask for one, and a proxy in front has its own names
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	same := func(name string) bool { return strings.EqualFold(name, host) }
	switch {
	case err == nil, host == "localhost", strings.HasSuffix(host, ".localhost"), slices.ContainsFunc(s.opts.Hosts, same):
		return false
	case local(s.opts.where()):
		return true
	}
	own, _ := os.Hostname() // a machine without a name has none to be asked by
	return changes && strings.Contains(host, ".") && !same(own)
}

// foreign reports whether a browser makes a request for a page of somebody else.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false // no browser
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}
