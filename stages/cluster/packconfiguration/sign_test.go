package packconfiguration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

// key writes a private key to a file and returns its name with the public key.
func key(t *testing.T) (path, public string) {
	t.Helper()
	private, public, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "pack.key")
	if err := os.WriteFile(path, private, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, public
}

func TestAFollowerWithTrustedKeysTakesOnlyWhatOneOfThemHasSigned(t *testing.T) {
	path, public := key(t)
	_, other := key(t)
	cache := filepath.Join(t.TempDir(), "cache")
	leader := startAs(t, "leader", "- Sink: {id: x}\n", "leader", "127.0.98.2", port(40), ", sign_key: "+path)
	good := startAs(t, "good", "", "follower", "127.0.98.3", port(40), ", trusted_keys: ['"+other+"', '"+public+"'], cache_file: "+cache)
	bad := startAs(t, "bad", "", "follower", "127.0.98.4", port(40), ", trusted_keys: ['"+other+"']")
	leader.is(t, "good", InSync)
	if r := leader.is(t, "bad", Rejected); !strings.Contains(r.Error, "is not in trusted_keys of node bad") {
		t.Errorf("%+v", r)
	}
	if good.runs() != "x" || bad.runs() != "" {
		t.Errorf("%s, %s", good.runs(), bad.runs())
	}
	good.Stop()
	good = startAs(t, "good", "", "follower", "127.0.98.3", port(40), ", trusted_keys: ['"+public+"'], cache_file: "+cache)
	until(t, "what was kept", func() bool { return good.runs() == "x" })
	good.Stop()
	good = startAs(t, "good", "", "follower", "127.0.98.3", port(40), ", trusted_keys: ['"+other+"'], cache_file: "+cache)
	until(t, "the error", func() bool { return strings.Contains(good.Log(), "the kept revision is not used") })
	if good.runs() != "" {
		t.Errorf("it runs %s", good.runs())
	}
}

func TestALeaderWithoutTheKeyCanKeepNobodyOut(t *testing.T) {
	path, public := key(t)
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.99.2", port(41), ", sign_key: "+path)
	f := start(t, "", "follower", "127.0.99.3", port(41), ", trusted_keys: ['"+public+"']")
	leader.is(t, "follower", InSync)
	good := f.view()
	evil := made(good.Term+1_000_000, 99, "evil")
	text, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	if err := leader.pack.Send(t.Context(), "follower", actionRevision, text); err != nil {
		t.Fatal(err)
	}
	until(t, "the error", func() bool { return strings.Contains(f.Log(), "is not signed, and node follower has trusted_keys") })
	leader.write("- Sink: {id: y}\n")
	until(t, "the next good one", func() bool { return f.runs() == "y" })
}

func TestSignatures(t *testing.T) {
	path, public := key(t)
	signer, err := readKey(path)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{signer: signer, opts: Options{Trusted: []string{public}}, pack: &pack.Pack{}}
	good := made(5, 7, "x")
	n.sign(&good)
	if err := n.trusts(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*revision){
		"another number":  func(r *revision) { r.N++ },
		"another term":    func(r *revision) { r.Term++ },
		"another pack":    func(r *revision) { r.Pack = "other" },
		"another leader":  func(r *revision) { r.Leader = "other" },
		"other modules":   func(r *revision) { r.Hash = made(5, 7, "y").Hash },
		"an approval":     func(r *revision) { r.Approved = "brian" },
		"a cut signature": func(r *revision) { r.Signature = r.Signature[:10] },
		"no signature":    func(r *revision) { r.Signature = nil },
		"another key":     func(r *revision) { r.Key = "AAAA" },
	} {
		r := good
		change(&r)
		if err := n.trusts(r); err == nil {
			t.Errorf("%s is trusted", name)
		}
	}
	if n.opts.Trusted = nil; n.trusts(made(5, 7, "x")) != nil {
		t.Error("without trusted_keys no signature is asked for")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	_, report := config.Loader{Specs: []actor.Spec{pack.Spec, Spec, sink}}.LoadText("x", []byte("- Pack: {name: x, secret: 0123456789abcdef, join: [x]}\n- PackConfiguration: {trusted_keys: [spam]}\n"))
	if report.OK(false) || !strings.Contains(report.Text(), "trusted_keys: a public key must be 32 bytes in base64") {
		t.Error(report.Text())
	}
	for _, text := range []string{"", "spam", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readKey(path); err == nil || !strings.Contains(err.Error(), "must hold an Ed25519 private key") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := readKey(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there")
	}
}
