package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// freePort is a port that nobody listens on, and that the system does not give away by itself.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func TestCommandsThatLookAtARunningProgram(t *testing.T) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/remote",
		Setup: func(env *testscript.Env) error {
			port := freePort(t)
			env.Setenv("PORT", port)
			env.Setenv("URL", "http://127.0.0.1:"+port)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// ready URL waits until all modules have started.
			"ready": func(ts *testscript.TestScript, _ bool, args []string) {
				for late := time.Now().Add(30 * time.Second); time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
					if r, err := client.Get(args[0] + "/readyz"); err == nil {
						r.Body.Close()
						if r.StatusCode == http.StatusOK {
							return
						}
					}
				}
				ts.Fatalf("the program does not start")
			},
			// endprogram URL TOKEN ends the program.
			"endprogram": func(ts *testscript.TestScript, _ bool, args []string) {
				r, err := http.NewRequest(http.MethodPost, args[0]+"/api/v1/stop", nil)
				ts.Check(err)
				r.Header.Set("Authorization", "Bearer "+args[1])
				res, err := client.Do(r)
				ts.Check(err)
				res.Body.Close()
				if res.StatusCode != http.StatusAccepted {
					ts.Fatalf("%s", fmt.Sprint("stop: ", res.Status))
				}
			},
		},
	})
}
