package webservertornado

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDC are the options of a login with a provider of OpenID Connect.
type OIDC struct {
	Issuer       string   `opt:"issuer" required:"true" doc:"Address of the provider."`
	ClientID     string   `opt:"client_id" required:"true" doc:"Name of this program at the provider."`
	ClientSecret string   `opt:"client_secret" null:"true" secret:"true" doc:"Secret of this program at the provider; none for a public client."`
	RedirectURL  string   `opt:"redirect_url" null:"true" doc:"Address of /login/oidc/callback as browsers see it. The default is made of what the browser asks for."`
	Scopes       []string `opt:"scopes" doc:"What to ask for beside openid; profile and email by default."`
	UserClaim    string   `opt:"user_claim" doc:"Claim with the name of the user, preferred_username by default."`
	RolesClaim   string   `opt:"roles_claim" doc:"Claim with the groups or roles of the user, with dots between the levels; groups by default."`
	AdminValues  []string `opt:"admin_values" doc:"Values of roles_claim that make admins; none by default."`
	ViewerValues []string `opt:"viewer_values" doc:"Values of roles_claim that let look; without any, everybody whom the provider knows may."`
	CAFile       string   `opt:"ca_file" null:"true" doc:"PEM file with the authority of the provider's certificate."`
}

// faults says what is wrong with the options, by their names.
func (o *OIDC) faults() map[string]string {
	wrong := map[string]string{}
	if u, err := url.Parse(o.Issuer); o.Issuer != "" && (err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname()))) {
		wrong["issuer"] = "must be an address with https, as in https://login.example/realms/x; http is for this machine alone"
	}
	if u, err := url.Parse(o.RedirectURL); o.RedirectURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		wrong["redirect_url"] = "must be a whole address, as in https://logs.example/login/oidc/callback"
	}
	return wrong
}

const (
	callbackPath = "/login/oidc/callback"
	// oidcCookie ties a login to the browser in which it began.
	oidcCookie = "gambolputty_login"
	// oidcTime is how long people may take at the provider, mostPending how many may be there.
	oidcTime    = 10 * time.Minute
	mostPending = 1000
	// providerTime is how long the provider may take, sulking how long it is left alone after
	// it did not answer.
	providerTime = 10 * time.Second
	sulking      = 5 * time.Second
	// oidcSession is how long such a session lives at most, as roles change at the provider.
	oidcSession = 12 * time.Hour
)

// relyingParty logs people in with a provider.
type relyingParty struct {
	opts   *OIDC
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider // nil until it was needed
	refused  time.Time
	refusal  error
	pending  map[[sha256.Size]byte]*errand // by the hash of what the cookie holds
}

// errand is a browser that was sent to the provider.
type errand struct {
	state, nonce, verifier, next, redirect string
	began                                  time.Time
}

func newRelyingParty(o *OIDC) (*relyingParty, error) {
	if o == nil {
		return nil, nil
	}
	// Logins are rare, so that no connection is kept.
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("oidc.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("oidc.ca_file: %s holds no certificate", o.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &relyingParty{opts: o, client: &http.Client{Transport: t, Timeout: providerTime}, pending: map[[sha256.Size]byte]*errand{}}, nil
}

// ask returns the provider. It is looked for when somebody wants to log in, as it may be away
// when this program starts.
func (p *relyingParty) ask() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.provider != nil {
		return p.provider, nil
	}
	if time.Since(p.refused) < sulking {
		return nil, p.refusal
	}
	found, err := oidc.NewProvider(p.context(context.Background()), p.opts.Issuer)
	if err != nil {
		p.refused, p.refusal = time.Now(), err
		return nil, err
	}
	p.provider = found
	return found, nil
}

func (p *relyingParty) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

func (p *relyingParty) config(provider *oidc.Provider, redirect string) *oauth2.Config {
	scopes := p.opts.Scopes
	if scopes == nil {
		scopes = []string{"profile", "email"}
	}
	return &oauth2.Config{
		ClientID: p.opts.ClientID, ClientSecret: p.opts.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, scopes...),
	}
}

// remember keeps an errand and returns what the cookie holds.
func (p *relyingParty) remember(e *errand) string {
	key := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest [sha256.Size]byte
	var first time.Time
	for k, o := range p.pending {
		if time.Since(o.began) > oidcTime {
			delete(p.pending, k)
		} else if first.IsZero() || o.began.Before(first) {
			oldest, first = k, o.began
		}
	}
	if len(p.pending) >= mostPending {
		delete(p.pending, oldest)
	}
	p.pending[sha256.Sum256([]byte(key))] = e
	return key
}

// take returns the errand of a browser, once.
func (p *relyingParty) take(key string) *errand {
	hash := sha256.Sum256([]byte(key))
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.pending[hash]
	delete(p.pending, hash)
	if e == nil || time.Since(e.began) > oidcTime {
		return nil
	}
	return e
}

// sendToProvider begins a login.
func (s *server) sendToProvider(w http.ResponseWriter, r *http.Request) {
	provider, err := s.oidc.ask()
	if err != nil {
		s.env.Warn("the provider of logins does not answer", "error", err)
		s.fail(w, r, http.StatusBadGateway, "the provider of logins does not answer, the log says why")
		return
	}
	e := &errand{state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), next: s.local(r.FormValue("next")), redirect: s.redirectURL(r), began: time.Now()}
	http.SetCookie(w, s.errandCookie(r, s.oidc.remember(e), int(oidcTime.Seconds())))
	http.Redirect(w, r, s.oidc.config(provider, e.redirect).AuthCodeURL(e.state, oidc.Nonce(e.nonce), oauth2.S256ChallengeOption(e.verifier)), http.StatusFound)
}

func (s *server) redirectURL(r *http.Request) string {
	if s.oidc.opts.RedirectURL != "" {
		return s.oidc.opts.RedirectURL
	}
	u := url.URL{Scheme: "http", Host: r.Host, Path: s.base() + callbackPath}
	if clientOf(r).secure {
		u.Scheme = "https"
	}
	return u.String()
}

// errandCookie comes along when the provider sends the browser back, unlike that of a session.
func (s *server) errandCookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{Name: oidcCookie, Value: value, Path: s.base() + "/login/oidc", MaxAge: age, HttpOnly: true, Secure: clientOf(r).secure, SameSite: http.SameSiteLaxMode}
}

// onward takes a browser further by a page of ours. The cookie of the session is for requests
// of our pages alone, and a redirect would count as one of the provider's.
var onward = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={{.}}"><title>Logged in</title></head>
<body><p><a href="{{.}}">Go on</a></p></body></html>
`))

// backFromProvider ends a login.
func (s *server) backFromProvider(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie(oidcCookie)
	var e *errand
	if err == nil {
		e = s.oidc.take(c.Value)
	}
	http.SetCookie(w, s.errandCookie(r, "", -1))
	var id identity
	if e == nil {
		err = errors.New("this browser has not begun a login here, or took too long")
	} else {
		id, err = s.oidc.identify(r, e)
	}
	if err != nil {
		s.env.Warn("a login with the provider failed", "peer", from(r), "error", err)
		s.fail(w, r, http.StatusForbidden, "the login failed, the log says why")
		return
	}
	s.begin(w, r, id)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	onward.Execute(w, s.base()+e.next) // whoever has gone does not read it
}

// identify says who has come back from the provider.
func (p *relyingParty) identify(r *http.Request, e *errand) (id identity, err error) {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(e.state)) != 1 {
		return id, errors.New("the state is not that of the login which began here")
	}
	if fault := q.Get("error"); fault != "" {
		return id, fmt.Errorf("the provider says %.100q", fault)
	}
	provider, err := p.ask()
	if err != nil {
		return id, err
	}
	ctx := p.context(r.Context())
	token, err := p.config(provider, e.redirect).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(e.verifier))
	if err != nil {
		return id, fmt.Errorf("exchange the code: %w", withoutBody(err))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return id, errors.New("the provider sends no id_token")
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: p.opts.ClientID}).Verify(ctx, raw)
	if err != nil {
		return id, err
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(e.nonce)) != 1 {
		return id, errors.New("the nonce is not that of the login which began here")
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return id, fmt.Errorf("read the claims: %w", err)
	}
	return p.person(claims)
}

// withoutBody leaves out what a provider has answered, as there may be secrets in it.
func withoutBody(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("the provider answers %s %q", e.Response.Status, e.ErrorCode)
	}
	return err
}

// person makes an identity of the claims of a token.
func (p *relyingParty) person(claims map[string]any) (identity, error) {
	id := identity{role: viewer, until: time.Now().Add(oidcSession)}
	for _, name := range []string{cmp.Or(p.opts.UserClaim, "preferred_username"), "email", "sub"} {
		if id.name, _ = claim(claims, name).(string); id.name != "" {
			break
		}
	}
	rolesClaim := cmp.Or(p.opts.RolesClaim, "groups")
	values := texts(claim(claims, rolesClaim))
	if rolesClaim == "email" && claims["email_verified"] != true {
		values = nil // anybody may have written it down
	}
	has := func(list []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	switch {
	case has(p.opts.AdminValues):
		id.role = admin
	case len(p.opts.ViewerValues) > 0 && !has(p.opts.ViewerValues):
		return identity{}, fmt.Errorf("%s has none of the values of %s that may look", id.name, rolesClaim)
	}
	return id, nil
}

// claim finds a claim by its name, or by those of the maps that it is in.
func claim(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, found := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !found || !ok {
		return nil
	}
	return claim(inner, rest)
}

// texts are the values of a claim, which may be one text or a list.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}
