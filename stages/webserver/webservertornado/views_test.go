package webservertornado_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/logbook"
	"gambolputty/actor/option"
	"gambolputty/config"
	"gambolputty/stages/webserver/webservertornado"
)

// mixed are options of kinds that have no text of their own.
type mixed struct {
	Given   option.Given
	Any     *option.Value     `opt:"anything" doc:"x."`
	Headers map[string]string `opt:"headers" doc:"x."`
	URL     string            `opt:"url" doc:"x."`
	Plain   string            `opt:"plain" doc:"x."`
	File    string            `opt:"file" doc:"x."`
}

func (m *mixed) Reads() []actor.File {
	if m.File == "" {
		return nil
	}
	return []actor.File{{Option: "file", Path: m.File}}
}

func (m *mixed) Validate() error {
	if m.File == "" {
		return nil
	}
	_, err := os.ReadFile(m.File)
	return err
}

// serveMixed is a server beside a module with such options.
func serveMixed(t *testing.T, options, more string) *full {
	t.Helper()
	feed := make(chan string)
	text := "- WebserverTornado:\n    port: 0\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n- Lines\n- Mixed:\n    " + more + "\n- TestCatch\n"
	odd := actor.DefineSink(actor.Info{Name: "Mixed", Role: actor.Output}, mixed{}, func(actor.Env, mixed) (actor.Sink, error) { return discards{}, nil })
	f := &full{book: new(logbook.Book), program: &program{stopped: make(chan struct{})}}
	specs := []actor.Spec{webservertornado.Spec, actortest.Lines(feed), odd}
	f.program.loader = config.Loader{Specs: append(specs, actor.DefineSink(actor.Info{Name: "TestCatch", Role: actor.Output}, struct{}{}, nil))}
	f.program.plan, _ = f.program.loader.LoadText("/nowhere/test.yml", []byte(text))
	f.served = &served{t: t, feed: feed, Running: actortest.StartOffering(t, []any{f.program, f.book}, text, specs...)}
	f.url = "http://" + f.Addr()
	f.http.Transport = &http.Transport{DisableKeepAlives: true}
	return f
}

type discards struct{}

func (discards) Write(context.Context, *actor.Batch) error { return nil }

func TestOptionsAreShownAsTheyWereWritten(t *testing.T) {
	t.Setenv("GP_OF_THE_ENVIRONMENT", "swordfish")
	f := serveMixed(t, "interface: 127.0.0.1", strings.Join([]string{
		"anything: {a: [1, {api_token: secret1}], b: null}", "headers: {Authorization: secret2, Accept: text/plain}", "url: 'https://u:secret3@h.example/x'", "plain: ${GP_OF_THE_ENVIRONMENT}",
	}, "\n    "))
	for _, path := range []string{"/rest/server/info", "/actions/get_server_info", "/rest/server/configuration", "/api/v1/modules/Mixed", "/api/v1/modules", "/api/v1/topology", "/api/v1/config"} {
		_, text, _ := f.get(path)
		for _, secret := range []string{"secret1", "secret2", "secret3", "swordfish"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells %s: %s", path, secret, text)
			}
		}
	}
	var one struct{ Options map[string]any }
	f.read("/api/v1/modules/Mixed", &one)
	got, err := json.Marshal(one.Options)
	if want := `{"anything":{"a":[1,{"api_token":"***"}],"b":null},"file":"","headers":{"Accept":"text/plain","Authorization":"***"},"plain":"***","url":"https://***@h.example/x"}`; err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	var info struct{ Configuration []any }
	f.read("/rest/server/info", &info)
	if len(info.Configuration) != 4 || info.Configuration[1] != "Lines" || info.Configuration[2].(map[string]any)["Mixed"].(map[string]any)["plain"] != "***" {
		t.Errorf("%+v", info.Configuration)
	}
	var all map[string]struct {
		Line  int
		Class string
	}
	if f.read("/rest/server/configuration", &all); all["WebserverTornado"].Line != 1 || all["Mixed"].Line != 5 || all["Mixed"].Class != "Mixed" {
		t.Errorf("%+v", all)
	}
	f.Stop()
}

func TestWhoMayNotSeeFilesLearnsNothingOfThem(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for options, who := range map[string]map[string]bool{guarded: {"guest": false, "boss": true}, "interface: 127.0.0.1": {"": false}} {
		f := serveMixed(t, options, "plain: x")
		for token, sees := range who {
			answers := map[string]bool{}
			for _, file := range []string{there, there + ".missing"} {
				_, text, _ := f.ask("POST", "/api/v1/config/validate", "- Lines\n- Mixed: {file: "+file+"}\n", "Authorization", "Bearer "+token)
				text = strings.ReplaceAll(text, file, "FILE")
				answers[text] = true
				if !sees != strings.Contains(text, "files are not read here") {
					t.Errorf("%q: %s", token, text)
				}
			}
			if (len(answers) == 2) != sees {
				t.Errorf("%q: %v", token, answers)
			}
		}
		if options != guarded { // where all who have an account on the machine are admins
			status, text, _ := f.ask("POST", "/api/v1/config/test", `{"config": "- Lines\n- Mixed: {file: /etc/passwd}\n", "lines": ["x"]}`)
			if status != http.StatusForbidden || !strings.Contains(text, "names files of this machine") {
				t.Errorf("%d %s", status, text)
			}
		}
		f.Stop()
	}
}

func TestEveryMetricHasItsNameAndItsLabels(t *testing.T) {
	f := serveFull(t, "")
	f.send("yes", "no")
	f.Wait(1)
	_, text, _ := f.get("/metrics")
	module := `{class="TestCatch",module="TestCatch",role="output"}`
	for _, want := range []string{
		"gambolputty_events_received_total" + module, "gambolputty_events_handled_total" + module, "gambolputty_events_filtered_total" + module,
		"gambolputty_events_emitted_total" + module, "gambolputty_events_unrouted_total" + module, "gambolputty_restarts_total" + module,
		"gambolputty_filter_errors_total" + module, "gambolputty_blocked_seconds_total" + module, "gambolputty_inbox_length" + module,
		"gambolputty_inbox_capacity" + module, "gambolputty_workers" + module, "gambolputty_module_up" + module, "gambolputty_handle_seconds_count" + module,
		"gambolputty_event_age_seconds_count" + module, `gambolputty_events_dropped_total{class="TestCatch",module="TestCatch",reason="dropped",role="output"}`,
		`gambolputty_errors_total{class="TestCatch",kind="event",module="TestCatch",role="output"}`, `gambolputty_edge_events_total{from="Lines",to="TestCatch"}`,
		`gambolputty_config_reloads_total{result="success"}`, `gambolputty_config_reloads_total{result="failure"}`, `gambolputty_config_hash_info{hash="`,
		`gambolputty_build_info{commit="`, "go_goroutines ", "process_cpu_seconds_total ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "yes") {
			t.Errorf("a label holds what was in an event: %s", line)
		}
	}
	f.Stop()
}
