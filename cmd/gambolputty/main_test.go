package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"gambolputty/config"
	"gambolputty/stages"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gambolputty": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

func examples(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"../../examples/*.yml", "../../examples/*/*.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal("there are no examples", err)
		}
		list = append(list, found...)
	}
	return list
}

// Every list of modules in the guide is a configuration, or a part of one.
func TestTheGuideIsValid(t *testing.T) {
	pages, err := filepath.Glob("../../docs/guide/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("there is no guide", err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			if !strings.HasPrefix(block, "- ") || strings.Contains(block, "…") {
				continue
			}
			_, report := config.Loader{Specs: stages.All()}.LoadText(filepath.Base(page), []byte(block))
			if !report.OK(false) {
				t.Errorf("%s\n%s", block, report.Text())
			}
		}
	}
}

func TestTheContainerHasWhatItIsGiven(t *testing.T) {
	text, err := os.ReadFile("../../examples/container/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Ports   []string
			Volumes []string
			Stop    string `yaml:"stop_grace_period"`
			Memory  string `yaml:"mem_limit"`
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	own := compose.Services["gambolputty"]
	pipeline, err := os.ReadFile("../../examples/container/" + strings.TrimPrefix(strings.Split(own.Volumes[0], ":")[0], "./"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range own.Ports {
		_, inside, _ := strings.Cut(p, ":")
		inside, _, _ = strings.Cut(inside, "/")
		if !strings.Contains(string(pipeline), "port: "+inside+"\n") {
			t.Errorf("port %s is published and nobody listens there", p)
		}
	}
	if own.Stop == "" || own.Memory == "" {
		t.Error("limits are missing")
	}
}

func TestExamplesAreValid(t *testing.T) {
	for _, path := range examples(t) {
		_, report := config.Loader{Specs: stages.All()}.Load(path)
		for _, p := range report.Problems {
			if !p.Code.IsWarning() && p.Code != "E042" { // a client that this build lacks; .ci/run checks them with all tags
				t.Error(p)
			}
		}
	}
}

func TestTheFirstExamplePrintsTheEventOfTheREADME(t *testing.T) {
	var out, log bytes.Buffer
	in := strings.NewReader(`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395` + "\n")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := execute([]string{"test", "../../examples/stdin.yml", "--output", "pretty"}, streams{in, &out, &log})
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	_, want, _ := strings.Cut(string(readme), "prints the event:\n\n```\n")
	want, _, _ = strings.Cut(want, "```\n")
	if got, want := anonymous(strings.TrimPrefix(out.String(), "StdOutSink:\n")), anonymous(want); got != want {
		t.Errorf("got\n%s\nthe README says\n%s", got, want)
	}
}

// anonymous replaces what differs from run to run.
func anonymous(s string) string {
	s = regexp.MustCompile(`'(event_id|received_by|received_from)': '[^']*'`).ReplaceAllString(s, "'$1': 'X'")
	s = regexp.MustCompile(`'pid': \d+`).ReplaceAllString(s, "'pid': 1")
	return strings.ReplaceAll(s, `3395\n'`, `3395'`)
}

func TestFortyMistakesAreReportedAtOnce(t *testing.T) {
	const path = "testdata/mistakes.yml"
	_, report := (&app{}).loader(false).Load(path)
	want, err := os.ReadFile("testdata/mistakes.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Text(); got != string(want) {
		t.Errorf("got\n%s", got)
	}
	if errors, _ := report.Count(); errors < 40 {
		t.Errorf("only %d mistakes were found", errors)
	}
	codes := map[string]bool{}
	for _, p := range report.Problems {
		codes[string(p.Code)] = true
	}
	if len(codes) < 30 {
		t.Errorf("only %d kinds of mistakes were found", len(codes))
	}
}

func TestTheWorkedExampleOfAllKinds(t *testing.T) {
	text := `- Global:
   wokers: 2
- TcpServr:
   port: 5151
- RegexParser:
   field_extraction_patterns:
    - x: '(?P<a>[0-9'
   receivers:
    - StdOutSnk
- StdOutSink:
   pretty_print: maybe
   receivers: [RegexParser]
`
	_, report := config.Loader{Specs: stages.All()}.LoadText("bad.conf", []byte(text))
	var got []string
	for _, p := range report.Problems {
		got = append(got, strings.SplitN(p.String(), "]: ", 2)[0])
	}
	want := "bad.conf:2:4: error[E010 bad.conf:3:3: error[E011 bad.conf:7:10: error[E031 bad.conf:9:7: error[E022 bad.conf:11:18: error[E014 bad.conf:12:4: error[E024"
	if strings.Join(got, " ") != want {
		t.Error(report.Text())
	}
}

func TestTheSchemaIsJSON(t *testing.T) {
	text, err := config.Schema(stages.All())
	if err != nil || !json.Valid(text) {
		t.Error(err)
	}
}
