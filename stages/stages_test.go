package stages_test

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/option"
	"gambolputty/config"
	"gambolputty/stages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryModuleDescribesItself(t *testing.T) {
	seen := map[string]string{}
	for _, s := range stages.All() {
		t.Run(s.Name, func(t *testing.T) {
			if s.Role == "" || !strings.HasSuffix(s.Summary, ".") || !strings.HasPrefix(s.Example, "- "+s.Name) {
				t.Error("role, summary or example is missing")
			}
			for _, name := range append([]string{s.Name}, s.Aliases...) {
				if other := seen[name]; other != "" {
					t.Errorf("the name %s belongs to %s too", name, other)
				}
				seen[name] = s.Name
			}
			common := map[string]bool{}
			for _, f := range config.CommonOptions() {
				common[f.Name] = true
			}
			for _, f := range option.Fields(s.Options()) {
				if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
					t.Errorf("option %s has no proper text: %q", f.Name, f.Doc)
				}
				if common[f.Name] && !strings.HasPrefix(f.Name, "redis_") { // those that use a store have that for themselves
					t.Errorf("option %s belongs to the runtime", f.Name)
				}
			}
		})
	}
}

func TestEveryExampleIsValid(t *testing.T) {
	for _, s := range stages.All() {
		text := s.Example
		switch s.Role {
		case actor.Input:
			text += "- DevNullSink\n"
		case actor.Output:
			text = "- Spam\n" + s.Example
		default:
			text = "- Spam\n" + text + "- DevNullSink\n"
		}
		_, report := config.Loader{Specs: stages.All()}.LoadText(s.Name, []byte(text))
		if !report.OK(false) {
			t.Errorf("%s\n%s", text, report.Text())
		}
	}
}

func TestEveryProcessorSurvivesWhateverComes(t *testing.T) {
	for _, s := range stages.All() {
		if slices.Contains([]actor.Role{actor.Input, actor.Output, actor.StandAlone}, s.Role) {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, field := range []string{"data", "json_data", "syslog_prival", "uri", "user_agent", "remote_ip", "http_status", "timestamp", "request_time", "bytes_send", "product_xml"} {
				if used(s, field) {
					actortest.Survive(t, s, field)
				}
			}
		})
	}
}

// used reports whether the example of a module reads a field, or the default is read.
func used(s actor.Spec, field string) bool {
	return field == "data" || strings.Contains(s.Example, field)
}
