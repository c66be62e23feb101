package config

import (
	"strings"
	"testing"

	"gambolputty/actor"
)

type guarded struct {
	Password string            `opt:"password" old:"pass" secret:"true" doc:"x."`
	Users    map[string]string `opt:"users" secret:"true" doc:"x."`
	Tokens   []string          `opt:"tokens" secret:"true" doc:"x."`
	Port     int               `opt:"port" doc:"x."`
	URL      string            `opt:"url" doc:"x."`
	Tokenise bool              `opt:"token_split" doc:"x."`
	Inner    *inner            `opt:"inner" doc:"x."`
}

// inner are options in an option.
type inner struct {
	Headers map[string]string `opt:"headers" secret:"true" doc:"x."`
	Plain   string            `opt:"plain" doc:"x."`
	Mine    string            `opt:"my_token" doc:"x."`
}

func guardedLoader() Loader {
	return Loader{Specs: append(testSpecs(), spec("Guarded", actor.Input, func() any { return &guarded{} }))}
}

func TestSecretsInATextAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"password: spam":                                   "password: '***'",
		"pass: spam # eggs":                                "pass: '***' # eggs",
		"password: 'it''s' # eggs":                         "password: '***' # eggs",
		`password: "a\"b"`:                                 "password: '***'",
		"password: ${SPAM}":                                "password: ${SPAM}",
		"password: ${SPAM:-eggs}":                          "password: '***'",
		"inner: {headers: {a: b}, plain: c}":               "inner: {headers: {a: '***'}, plain: c}",
		"password: null":                                   "password: null",
		"users: {a: spam, b: \"ham\"}":                     "users: {a: '***', b: '***'}",
		"users:\n      a: spam\n    port: 5":               "users:\n      a: '***'\n    port: 5",
		"tokens: [spam, eggs]":                             "tokens: ['***', '***']",
		"tokens:\n    - spam\n    - eggs":                  "tokens:\n    - '***'\n    - '***'",
		"password: |\n      spam\n      eggs\n    port: 5": "password: '***'\n\n\n    port: 5",
		"password: spam\n      eggs\n    port: 5":          "password: '***'\n\n    port: 5",
		"password: 'spam\n      eggs'\n    port: 5":        "password: '***'\n\n    port: 5",
		"tokens:\n    - spam\n      eggs\n    - ham":       "tokens:\n    - '***'\n\n    - '***'",
		"url: http://u:spam@host/x":                        "url: http://***@host/x",
		"headers: {api_key: spam, b: 5}":                   "headers: {api_key: '***', b: 5}",
		"token_split: true":                                "token_split: true",
	} {
		text, want = "- Guarded:\n    "+text+"\n", "- Guarded:\n    "+want+"\n"
		if got := guardedLoader().Mask(text); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

func TestSecretsInATextThatIsNoYAMLAreMasked(t *testing.T) {
	got := guardedLoader().Mask("- Guarded:\n    password: spam\n    users:\n      a: spam\n    port: [\n- X:\n    token: spam\n")
	if strings.Contains(got, "spam") || strings.Count(got, "\n") != 7 || !strings.Contains(got, "port: [") {
		t.Error(got)
	}
}

func TestOptionsWithSomethingOfTheEnvironmentAreNamed(t *testing.T) {
	l := guardedLoader()
	l.Env = func(string) (string, bool) { return "spam", true }
	plan, report := l.LoadText("x", []byte("- Guarded: {pass: '${A}', port: 5, users: {a: 'x${B}'}}\n"))
	if got := strings.Join(plan.Modules[0].fromEnv(), " "); got != "password users" {
		t.Error(got, report.Text())
	}
}

func TestTheHashIsThatOfTheTexts(t *testing.T) {
	a, _ := load("- In\n- Out\n")
	b, _ := load("- In\n- Out\n")
	c, _ := load("- In\n- Out \n")
	if a.Hash() != b.Hash() || a.Hash() == c.Hash() || len(a.Hash()) != 64 {
		t.Error(a.Hash(), b.Hash(), c.Hash())
	}
}

func FuzzMask(f *testing.F) {
	for _, text := range []string{
		"- Guarded:\n    password: spam\n", "- Guarded: {users: {a: 'spam', b: \"x\\\"y\"}, tokens: [a, b]}\n", "- Guarded:\n    password: |\n      a\n      b\n    port: 5\n",
		"- Guarded:\n    password: &x 'a\n      b'\n- X: {token: *x}\n", "password: [", "\t- a: !!str b", "- Guarded:\n  - password:\n     ? a\n     : b\n",
	} {
		f.Add(text)
	}
	l := guardedLoader()
	f.Fuzz(func(t *testing.T, text string) {
		got := l.Mask(text)
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("lines came or went:\n%q\n%q", text, got)
		}
		// Whatever stands around it, a plain secret on a line of its own is not shown.
		secret := "- Guarded:\n    password: swordfish\n" + text
		if strings.Contains(l.Mask(secret), "swordfish") && !strings.Contains(text, "swordfish") {
			t.Errorf("%q\n%q", secret, l.Mask(secret))
		}
	})
}
