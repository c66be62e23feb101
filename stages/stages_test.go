package stages_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/option"
	"gambolputty/config"
	"gambolputty/stages"
	"gambolputty/stages/internal/optional"
)

// The metrics of the Kafka library have a goroutine that never ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func TestTwoModulesThatWriteToOneFileAreToldOf(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		told bool
	}{
		"files":               {"- StdIn: {receivers: [a, b]}\n- FileSink: {id: a, file_name: /tmp/x.log}\n- FileSink: {id: b, file_name: /tmp/../tmp/x.log}\n", true},
		"one is compressed":   {"- StdIn: {receivers: [a, b]}\n- FileSink: {id: a, file_name: /tmp/x.log}\n- FileSink: {id: b, file_name: /tmp/x.log, compress: gzip}\n", false},
		"names with a date":   {"- StdIn: {receivers: [a, b]}\n- FileSink: {id: a, file_name: /tmp/%d.log}\n- FileSink: {id: b, file_name: /tmp/%d.log}\n", false},
		"files of HDFS":       {"- StdIn: {receivers: [a, b]}\n- WebHdfsSink: {id: a, server: h, user: u, path: /x, name_pattern: y}\n- WebHdfsSink: {id: b, server: 'h:14000', user: u, path: x/, name_pattern: y}\n", true},
		"two clusters":        {"- StdIn: {receivers: [a, b]}\n- WebHdfsSink: {id: a, server: h, user: u, path: x, name_pattern: y}\n- WebHdfsSink: {id: b, server: i, user: u, path: x, name_pattern: y}\n", false},
		"the same, but local": {"- StdIn: {receivers: [a, b]}\n- WebHdfsSink: {id: a, server: h, user: u, path: x, name_pattern: y}\n- FileSink: {id: b, file_name: x/y}\n", false},
	} {
		_, report := config.Loader{Specs: stages.All()}.LoadText("x", []byte(c.text))
		if told := strings.Contains(report.Text(), "warning[W118]"); told != c.told || !report.OK(false) {
			t.Errorf("%s:\n%s", name, report.Text())
		}
	}
}

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
				if _, says := s.Options().(actor.Faulty); says && f.Name == "on_error" {
					continue
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
		for _, p := range report.Problems {
			if !p.Code.IsWarning() && p.Code != optional.Absent { // builds with all tags have no such fault
				t.Errorf("%s\n%s", text, p)
			}
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
			for _, field := range sources(s) {
				actortest.Survive(t, s, field)
			}
		})
	}
}

var sourceOption = regexp.MustCompile(`(?m)^ *(?:source_fields?|fields|key|group_by|url): *\[?([^\]\n]+)`)

// sources are the fields that the example of a module reads, and data.
func sources(s actor.Spec) []string {
	fields := []string{"data"}
	for _, m := range sourceOption.FindAllStringSubmatch(s.Example, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			if name = strings.Trim(name, " '\"$()"); name != "" && !strings.ContainsAny(name, "$:/( ") && !strings.HasPrefix(name, "gambolputty") {
				fields = append(fields, name)
			}
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}
