package httpserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// guard knows the secrets of those who may send, as hashes: comparing these takes the same
// time however much of a secret was guessed, its length included.
type guard struct {
	logins, tokens [][sha256.Size]byte
}

func newGuard(o Options) guard {
	var g guard
	if o.BasicAuth != "" {
		g.logins = append(g.logins, sha256.Sum256([]byte(o.BasicAuth)))
	}
	for _, t := range o.Tokens {
		g.tokens = append(g.tokens, sha256.Sum256([]byte(t)))
	}
	return g
}

// allows reports whether a request carries one of the secrets, if there are any.
func (g guard) allows(r *http.Request) bool {
	if len(g.logins)+len(g.tokens) == 0 {
		return true
	}
	if user, password, ok := r.BasicAuth(); ok {
		return among(g.logins, user+":"+password)
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && among(g.tokens, token)
}

func among(secrets [][sha256.Size]byte, given string) bool {
	hash := sha256.Sum256([]byte(given))
	found := 0
	for i := range secrets {
		found |= subtle.ConstantTimeCompare(secrets[i][:], hash[:])
	}
	return found == 1
}

// challenge says how to identify oneself.
func (g guard) challenge(h http.Header) {
	if len(g.logins) > 0 {
		h.Add("WWW-Authenticate", `Basic realm="gambolputty", charset="UTF-8"`)
	}
	if len(g.tokens) > 0 {
		h.Add("WWW-Authenticate", `Bearer realm="gambolputty"`)
	}
}
