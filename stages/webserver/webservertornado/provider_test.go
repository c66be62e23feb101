package webservertornado_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// provider is an OpenID Connect provider whose user has always said yes.
type provider struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	key    *rsa.PrivateKey
	keyID  string
	signer *rsa.PrivateKey // what tokens are signed with, if it is not key
	codes  map[string]url.Values
	asked  int            // for keys
	twist  func(c claims) // what is wrong with a token
}

type claims map[string]any

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t, codes: map[string]url.Values{}}
	p.rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.configuration)
	mux.HandleFunc("/keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rotate makes a new key and forgets the former one.
func (p *provider) rotate() {
	key := newKey(p.t)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.keyID = key, rand.Text()
}

func (p *provider) configuration(w http.ResponseWriter, _ *http.Request) {
	u := p.server.URL
	json.NewEncoder(w).Encode(map[string]any{
		"issuer": u, "authorization_endpoint": u + "/authorize", "token_endpoint": u + "/token", "jwks_uri": u + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
	})
}

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	b64 := base64.RawURLEncoding
	json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": p.keyID,
		"n": b64.EncodeToString(p.key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
	}}})
}

// consent is what the user's click does: the address that the browser is sent back to.
func (p *provider) consent(authorize string) string {
	p.t.Helper()
	u, err := url.Parse(authorize)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != "gambolputty" || q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
		p.t.Fatalf("this is no request for a code: %s", authorize)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	q := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	twist := p.twist
	p.mu.Unlock()
	proof := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if q == nil || id != "gambolputty" || secret != "sesame" || base64.RawURLEncoding.EncodeToString(proof[:]) != q.Get("code_challenge") || r.PostFormValue("redirect_uri") != q.Get("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error": "invalid_grant", "error_description": "do not repeat this"}`)
		return
	}
	now := time.Now().Unix()
	c := claims{
		"iss": p.server.URL, "aud": "gambolputty", "sub": "4711", "iat": now, "exp": now + 300, "nonce": q.Get("nonce"),
		"preferred_username": "brian", "email": "brian@judea.example", "realm": map[string]any{"roles": []string{"people", "front"}},
	}
	if twist != nil {
		twist(c)
	}
	answer := map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.sign(c)}
	if c["nothing"] == true {
		delete(answer, "id_token")
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func (p *provider) sign(c claims) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := p.key
	if p.signer != nil {
		key = p.signer
	}
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": p.keyID}) + "." + part(c)
	if c["unsigned"] == true {
		return part(map[string]any{"alg": "none", "typ": "JWT"}) + "." + part(c) + "."
	}
	hash := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hash[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
