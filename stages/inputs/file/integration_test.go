//go:build integration

package file_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestIntegrationLogrotate lets logrotate do what it does on every Linux computer.
func TestIntegrationLogrotate(t *testing.T) {
	if _, err := exec.LookPath("logrotate"); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		rules string
		paths string
		moves bool
	}{
		"create":                    {"create", "app.log", true},
		"create and compress":       {"create\ncompress\ndelaycompress", "app.log", true},
		"create within the pattern": {"create", "app.log*", true},
		"copytruncate":              {"copytruncate", "app.log", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, till := newPlace(t), newTill()
			conf := write(t, filepath.Join(t.TempDir(), "logrotate.conf"), fmt.Sprintf("%s {\n  rotate 20\n  su root root\n  %s\n}\n", p.path("app.log"), c.rules))
			state := filepath.Join(t.TempDir(), "state")
			rnd := rand.New(rand.NewPCG(8, 9))
			w := p.writer()
			w.write(1, rnd)
			r := start(t, till, p.options(c.paths, ""))
			till.wait(t, 1)
			for range 10 {
				for range 10 {
					w.write(rnd.IntN(300), rnd)
				}
				if !c.moves {
					till.wait(t, w.next) // logrotate itself loses what comes between the copy and the cut
				}
				if out, err := exec.Command("logrotate", "-f", "-s", state, conf).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				w.write(rnd.IntN(100), rnd)
				if c.moves {
					w.reopen()
				}
			}
			till.wait(t, w.next)
			r.end(t)
			till.check(t, w.next, false)
			list, err := os.ReadDir(p.dir)
			if err != nil || len(list) < 5 {
				t.Errorf("logrotate has not done much: %v, %v", list, err)
			}
		})
	}
}
