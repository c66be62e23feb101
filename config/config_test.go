package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
)

// The modules of the tests have the names and a few options of real ones.
type (
	server struct {
		Port int    `opt:"port" min:"0" max:"65535"`
		Mode string `opt:"mode" enum:"line|stream"`
		Host string `opt:"interface"`
	}
	patterns struct {
		Patterns *option.Value `opt:"field_extraction_patterns" required:"true"`
		Dir      string        `opt:"patterns_dir" null:"true"`
	}
	printer struct {
		Pretty bool          `opt:"pretty_print"`
		Format expr.Template `opt:"format" null:"true"`
		Token  string        `opt:"token" secret:"true"`
	}
	cacher struct {
		Store string        `opt:"redis_store" old:"cache" null:"true"`
		TTL   time.Duration `opt:"redis_ttl" old:"redis-ttl" max:"1h"`
	}
	plain struct{}
)

func (o *cacher) Uses() []actor.Need {
	if o.Store == "" {
		return nil
	}
	return []actor.Need{{Option: "redis_store", ID: o.Store, Kinds: []string{"Cache"}}}
}

// keeper uses a cache if there is one.
type keeper struct{}

func (*keeper) Uses() []actor.Need {
	return []actor.Need{{Option: "backend", ID: "Cache", Kinds: []string{"Cache"}, Optional: true}}
}

func (o *server) Listens() []actor.Address {
	return []actor.Address{{Option: "port", Network: "tcp", Host: o.Host, Port: o.Port}}
}

func (o *patterns) TextFields() []string { return []string{"http_status"} }

func (o *patterns) Reads() []actor.File {
	if o.Dir == "" {
		return nil
	}
	return []actor.File{{Option: "patterns_dir", Path: o.Dir, Directory: true}}
}

func (o *patterns) Validate() error {
	if o.Patterns == nil {
		return nil // it is required, which was said
	}
	for _, item := range o.Patterns.Items {
		for _, p := range item.Pairs {
			if _, err := regex.Compile(p.Value.Text, regex.Options{}); err != nil {
				return &option.Fault{Code: option.Regex, Option: "field_extraction_patterns." + p.Key.Text, Message: err.Error()}
			}
		}
	}
	return nil
}

func spec(name string, role actor.Role, opts func() any, change ...func(*actor.Spec)) actor.Spec {
	s := actor.Spec{Info: actor.Info{Name: name, Role: role, Parallel: role == actor.Parser || role == actor.Modifier}, Options: opts}
	for _, c := range change {
		c(&s)
	}
	return s
}

func testSpecs() []actor.Spec {
	none := func() any { return &plain{} }
	alias := func(names ...string) func(*actor.Spec) { return func(s *actor.Spec) { s.Aliases = names } }
	return []actor.Spec{
		spec("TcpServer", actor.Input, func() any { return &server{Port: 5151, Mode: "line"} }, alias("input.Tcp")),
		spec("StdIn", actor.Input, none, alias("StdInHandler")),
		spec("RegexParser", actor.Parser, func() any { return &patterns{} }),
		spec("ModifyFields", actor.Modifier, none),
		spec("DropEvent", actor.Modifier, none, func(s *actor.Spec) { s.Withholds = true }),
		spec("SimpleStats", actor.Misc, none, func(s *actor.Spec) { s.Parallel, s.Ends = true, true }),
		spec("StdOutSink", actor.Output, func() any { return &printer{} }),
		spec("FileSink", actor.Output, none),
		spec("Store", actor.StandAlone, none),
		spec("Cacher", actor.Modifier, func() any { return &cacher{} }),
		spec("Cache", actor.StandAlone, none, func(s *actor.Spec) { s.Serves = true }),
		spec("Pack", actor.StandAlone, none),
		spec("Keeper", actor.StandAlone, func() any { return &keeper{} }, func(s *actor.Spec) { s.Once = true }),
	}
}

func load(text string) (*Plan, *Report) {
	env := map[string]string{"PORT": "5152", "SECRET": "12345"}
	l := Loader{Specs: testSpecs(), Env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }}
	return l.LoadText("test.yml", []byte(text))
}

// brief lists the problems as line:column code.
func brief(r *Report) []string {
	list := []string{}
	for _, p := range r.Problems {
		list = append(list, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Code))
	}
	return list
}

const badConf = `- Global:
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

func TestTagOnFailureIsNamedAfterTheModuleUnlessItSaysOtherwise(t *testing.T) {
	for want, s := range map[string]actor.Spec{"spam_parser_failure": {Info: actor.Info{Name: "SpamParser"}}, "eggs": {Info: actor.Info{Name: "SpamParser", FaultTag: "eggs"}}} {
		s.Role, s.Options = actor.Parser, func() any { return &struct{}{} }
		list := ModuleOptions(s)
		if last := list[len(list)-1]; last.Name != "tag_on_failure" || last.Default != want {
			t.Errorf("%s is %s, want %s", last.Name, last.Default, want)
		}
	}
}

func TestAllMistakesOfAFileAreReportedAtOnce(t *testing.T) {
	_, report := load(badConf)
	want := []string{"2:4 E010", "3:3 E011", "7:10 E031", "9:7 E022", "11:18 E014", "12:4 E024"}
	if got := brief(report); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v\n%s", got, want, report.Text())
	}
	for _, hint := range []string{
		`test.yml:2:4: error[E010]: Global: unknown option "wokers"; did you mean "workers"?`,
		`did you mean "TcpServer"?`, "offset", `unknown receiver "StdOutSnk"; did you mean "StdOutSink"?`, "6 errors, 0 warnings",
	} {
		if !strings.Contains(report.Text(), hint) {
			t.Errorf("%q is missing in\n%s", hint, report.Text())
		}
	}
	if report.OK(false) {
		t.Error("the report says that all is well")
	}
}

func TestEachMistakeHasItsCodeAndPlace(t *testing.T) {
	cases := map[string]struct {
		text string
		want []string
	}{
		"a tab as indentation":          {"- StdIn:\n\tfoo: 1\n", []string{"2:1 E002"}},
		"bad syntax":                    {"- StdIn: {\n", []string{"1:1 E002"}},
		"two documents":                 {"- StdIn\n- StdOutSink\n---\n- StdIn\n", []string{"3:1 E002"}},
		"not UTF-8":                     {"- StdIn\n- \xff\n", []string{"2:3 E002"}},
		"root is a map":                 {"StdIn: 1\n", []string{"1:1 E003"}},
		"empty":                         {"", []string{"1:1 E004"}},
		"only Global":                   {"- Global:\n   workers: 1\n", []string{"1:1 E004"}},
		"a number as item":              {"- StdIn\n- StdOutSink\n- 5\n", []string{"3:3 E005"}},
		"a second key":                  {"- StdIn:\n  port: 1\n- StdOutSink\n", []string{"2:3 E006"}},
		"module as key":                 {"- module: StdIn\n- StdIn\n- StdOutSink\n", []string{"1:3 E007"}},
		"a second Global":               {"- Global:\n- Global:\n- StdIn\n- StdOutSink\n", []string{"2:3 E008"}},
		"Global is a list":              {"- Global: [1]\n- StdIn\n- StdOutSink\n", []string{"1:11 E009"}},
		"letter case":                   {"- StdIn\n- stdoutsink\n", []string{"2:3 E011"}},
		"options are text":              {"- StdIn: x\n- StdOutSink\n", []string{"1:10 E012"}},
		"unknown option":                {"- StdIn\n- StdOutSink:\n    prety_print: True\n", []string{"3:5 E013"}},
		"wrong type":                    {"- TcpServer:\n    port: '1'\n- StdOutSink\n", []string{"2:11 E014"}},
		"value not allowed":             {"- TcpServer:\n    mode: lines\n- StdOutSink\n", []string{"2:11 E015"}},
		"required":                      {"- StdIn\n- RegexParser\n- StdOutSink\n", []string{"2:3 E016"}},
		"out of range":                  {"- TcpServer:\n    port: 70000\n- StdOutSink\n", []string{"2:11 E017"}},
		"key twice":                     {"- TcpServer:\n    port: 1\n    port: 2\n- StdOutSink\n", []string{"3:5 E018"}},
		"id twice":                      {"- StdIn:\n    id: a\n- StdOutSink:\n    id: a\n", []string{"4:9 E019"}},
		"bad id":                        {"- StdIn:\n    id: a b\n- StdOutSink:\n    id: Global\n", []string{"2:9 E020", "4:9 E020"}},
		"receivers is text":             {"- StdIn:\n    receivers: StdOutSink\n- StdOutSink\n", []string{"2:16 E021"}},
		"receivers is null":             {"- StdIn:\n    receivers:\n- StdOutSink\n", []string{"2:15 E021"}},
		"unknown receiver":              {"- StdIn:\n    receivers: [StdOut]\n- StdOutSink\n", []string{"2:17 E022"}},
		"an input as receiver":          {"- StdIn\n- ModifyFields:\n    receivers: [StdIn, StdOutSink]\n- StdOutSink\n", []string{"3:17 E023"}},
		"receivers on an output":        {"- StdIn\n- StdOutSink:\n    receivers: [FileSink]\n", []string{"3:5 E024"}},
		"receiver twice":                {"- StdIn:\n    receivers: [StdOutSink, StdOutSink]\n- StdOutSink\n", []string{"2:29 E025"}},
		"next module is an input":       {"- StdIn\n- TcpServer\n- StdOutSink\n", []string{"1:3 E026"}},
		"input without receiver":        {"- StdIn\n", []string{"1:3 E027"}},
		"a loop":                        {"- StdIn\n- ModifyFields:\n    id: a\n- SimpleStats:\n    receivers: [a]\n", []string{"2:3 E028"}},
		"filter syntax":                 {"- StdIn\n- StdOutSink:\n    filter: $(a) ==\n", []string{"3:20 E029"}},
		"a name in a filter":            {"- StdIn\n- StdOutSink:\n    filter: url == 1\n", []string{"3:13 E030"}},
		"a pattern in a filter":         {"- StdIn\n- StdOutSink:\n    filter: re.match('(', $(a))\n", []string{"3:22 E031"}},
		"a reference that is not ended": {"- StdIn\n- StdOutSink:\n    format: a$(b\n", []string{"3:14 E032"}},
		"no dead letter module":         {"- Global:\n    dead_letter: nowhere\n- StdIn\n- StdOutSink\n", []string{"2:18 E033"}},
		"dead letter is no output":      {"- Global:\n    dead_letter: StdIn\n- StdIn\n- StdOutSink\n", []string{"2:18 E034"}},
		"a store that is not there":     {"- StdIn\n- Cacher:\n    cache: Cash\n- StdOutSink\n- Cache\n", []string{"3:12 E033"}},
		"a store that is none":          {"- StdIn\n- Cacher:\n    redis_store: StdOutSink\n- StdOutSink\n", []string{"3:18 E034"}},
		"a store that nobody uses":      {"- StdIn\n- StdOutSink\n- Cache\n- Cache: {id: other}\n- Cacher:\n    redis_store: other\n    receivers: [StdOutSink]\n", []string{"3:3 W101", "5:3 W101"}},
		"a buffer without a path":       {"- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {fsync: never}}\n- StdOutSink\n", []string{"3:30 E016"}},
		"an overflow of a disk":         {"- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {path: a, when_full: overflow}}\n- StdOutSink\n", []string{"3:30 E038"}},
		"an overflow to nowhere":        {"- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {type: memory, when_full: overflow}}\n- StdOutSink\n", []string{"3:30 E016"}},
		"memory with a path":            {"- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {type: memory, path: a, fsync: never}}\n- StdOutSink\n", []string{"3:30 W105", "3:30 W105"}},
		"a buffer of no known type":     {"- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {type: tape, path: a}}\n- StdOutSink\n", []string{"3:37 E015"}},
		"memory in a loop":              {"- StdIn\n- DropEvent:\n    id: a\n- ModifyFields:\n    receivers: [{a: {buffer: {type: memory}}}, StdOutSink]\n- StdOutSink\n", []string{"2:3 W112", "5:30 E038"}},
		"a directory for two buffers":   {"- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {path: a}}\n      - FileSink: {buffer: {path: ./a}}\n- StdOutSink\n- FileSink\n", []string{"4:35 E038"}},
		"a buffer in a loop":            {"- StdIn\n- DropEvent:\n    id: a\n- ModifyFields:\n    receivers: [{a: {buffer: {path: b}}}, StdOutSink]\n- StdOutSink\n", []string{"2:3 W112", "5:30 E038"}},
		"two of what there is once":     {"- StdIn\n- Keeper\n- Keeper: {id: other}\n- StdOutSink\n", []string{"3:3 E038"}},
		"an option of its own":          {"- StdIn\n- Cacher:\n    redis-ttl: 2h\n- StdOutSink\n", []string{"3:16 E017"}},
		"a leader and no pack":          {"- StdIn:\n    run_on: leader\n- StdOutSink\n", []string{"2:13 E033"}},
		"a pack that is switched off":   {"- Pack: {enabled: false}\n- StdIn:\n    run_on: leader\n- StdOutSink\n", []string{"3:13 E033"}},
		"an output on the leader":       {"- Pack\n- StdIn\n- StdOutSink:\n    run_on: leader\n", []string{"4:13 E015"}},
		"an input on the leader":        {"- Pack\n- StdIn:\n    run_on: leader\n- StdOutSink\n", nil},
		"another node":                  {"- StdIn:\n    run_on: follower\n- StdOutSink\n", []string{"2:13 E015"}},
		"a pool of one":                 {"- StdIn:\n    pool_size: 2\n- StdOutSink\n", []string{"2:16 E035"}},
		"one port twice":                {"- TcpServer:\n    receivers: [StdOutSink]\n- TcpServer:\n    port: 5151\n    receivers: [StdOutSink]\n- StdOutSink\n", []string{"4:11 E037"}},
		"log level":                     {"- Global:\n    logging: {level: loud}\n- StdIn\n- StdOutSink:\n    log_level: quiet\n", []string{"2:22 E039", "5:16 E039"}},
		"variable not set":              {"- StdIn\n- StdOutSink:\n    format: ${NOWHERE}\n", []string{"3:13 E040"}},
		"zero workers":                  {"- Global:\n    workers: 0\n- StdIn\n- StdOutSink\n", []string{"2:14 E017"}},
		"unknown logging option":        {"- Global:\n    logging: {levl: info}\n- StdIn\n- StdOutSink\n", []string{"2:15 E010"}},
		"unknown option of a receiver":  {"- StdIn:\n    receivers: [{StdOutSink: {filtr: x}}]\n- StdOutSink\n", []string{"2:31 E013"}},
		"filter is a boolean":           {"- StdIn\n- StdOutSink:\n    filter: True\n", []string{"3:13 E014"}},
		"the second line of a filter":   {"- StdIn\n- StdOutSink:\n    filter: |\n      $(a) == 1 and\n      foo\n", []string{"5:7 E030"}},

		"W101": {"- StdIn:\n    receivers: [FileSink]\n- StdOutSink\n- FileSink\n", []string{"3:3 W101"}},
		"W102": {"- StdIn\n- ModifyFields\n", []string{"2:3 W102"}},
		"W103": {"- StdIn\n- ModifyFields:\n    id: StdOutSink\n- StdOutSink\n", []string{"3:9 W103"}},
		"W104": {"- StdIn:\n    filter: $(a)\n- StdOutSink\n", []string{"2:5 W104"}},
		"W105": {"- StdIn\n- StdOutSink\n- Store:\n    add_fields: {a: b}\n", []string{"4:5 W105"}},
		"W106": {"- StdIn\n- StdOutSink:\n    redis-ttl: 5\n", []string{"3:5 W106"}},
		"W107": {"- StdIn:\n    receivers: [ModifyFields]\n- ModifyFields\n- ModifyFields\n- StdOutSink\n", []string{"2:17 W107"}},
		"W108": {"- StdIn\n- StdOutSink:\n    filter: 1 == 1\n", []string{"3:13 W108"}},
		"W109": {"- StdIn\n- StdOutSink:\n    add_fields: {a: b}\n    delete_fields: [a]\n", []string{"3:21 W109"}},
		"W110": {"- StdIn\n- RegexParser:\n    field_extraction_patterns: [a: b]\n- StdOutSink:\n    filter: $(http_status) == 200\n", []string{"5:13 W110"}},
		"W111": {"- StdInHandler\n- StdOutSink:\n    filter: $(event_type) == 'x'\n", []string{"1:3 W111", "3:13 W111"}},
		"W112": {"- StdIn\n- ModifyFields:\n    id: a\n- SimpleStats:\n    receivers: [{a: {filter: $(x)}}]\n", []string{"2:3 W112"}},
		"W113": {"- StdIn\n- StdOutSink:\n    format: a%{url}\n", []string{"3:14 W113"}},
		"W114": {"- StdIn\n- StdOutSink:\n    token: hunter2\n", []string{"3:12 W114"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, report := load(c.text)
			if got := brief(report); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v\n%s", got, c.want, report.Text())
			}
		})
	}
}

func TestWhatIsFineHasNoProblems(t *testing.T) {
	cases := map[string]string{
		"names, maps and null":        "- StdIn:\n- ModifyFields: {}\n- StdOutSink\n",
		"byte order mark":             "\xef\xbb\xbf- StdIn\n- StdOutSink\n",
		"anchors and merge keys":      "- TcpServer: &x\n    port: 1\n    receivers: [StdOutSink]\n- TcpServer:\n    <<: *x\n    port: 2\n- StdOutSink\n",
		"all booleans":                "- StdIn\n- StdOutSink: {pretty_print: yes}\n- FileSink: {enabled: OFF}\n",
		"an unset filter":             "- StdIn:\n    receivers:\n      - StdOutSink: {filter: ''}\n      - FileSink: {filter: null}\n- StdOutSink\n- FileSink\n",
		"a receiver before":           "- StdOutSink\n- StdIn:\n    receivers: [StdOutSink]\n",
		"stand-alone in between":      "- StdIn\n- Store\n- StdOutSink\n",
		"an end that is meant":        "- StdIn\n- ModifyFields:\n    receivers: []\n",
		"an end at a counter":         "- StdIn\n- SimpleStats\n",
		"Global without a value":      "- StdIn\n- Global:\n- StdOutSink\n",
		"a port from the environment": "- TcpServer: {port: '${PORT}'}\n- StdOutSink: {token: '${SECRET}'}\n",
		"a store that is used":        "- StdIn\n- Cacher: {redis_store: Cache, redis_ttl: 10s}\n- Cache\n- StdOutSink\n",
		"a disk behind an edge":       "- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {path: a, max_bytes: 100000, when_full: drop_oldest, fsync: interval, max_age: 24h}}\n- StdOutSink\n",
		"memory in front of an edge":  "- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {type: memory, max_events: 5000, when_full: drop_oldest}}\n- StdOutSink\n",
		"memory, then a disk":         "- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {type: memory, max_events: 10, when_full: overflow, path: a, max_size: 100000, fsync: never}}\n- StdOutSink\n",
		"a disk with a type":          "- StdIn:\n    receivers:\n      - StdOutSink: {buffer: {type: disk, path: a, max_events: 10, max_size: 100000, when_full: drop_newest}}\n- StdOutSink\n",
		"a store that may be missing": "- StdIn\n- Keeper\n- StdOutSink\n",
		"a store that need not be":    "- StdIn\n- Keeper\n- Cache\n- StdOutSink\n",
		"a loop that drops":           "- StdIn\n- DropEvent:\n    id: a\n- ModifyFields:\n    receivers: [a, StdOutSink]\n- StdOutSink\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			_, report := load(text)
			report.Problems = slices.DeleteFunc(report.Problems, func(p Problem) bool { return p.Code == "W112" })
			if strings.Contains(name, "environment") { // a quoted number stays text
				report.Problems = slices.DeleteFunc(report.Problems, func(p Problem) bool { return p.Option == "port" })
			}
			if len(report.Problems) > 0 {
				t.Error(report.Text())
			}
		})
	}
}

func edges(p *Plan) string {
	var list []string
	for _, m := range p.Modules {
		for _, e := range m.Edges {
			one := m.ID + " -> " + e.To.ID
			if e.Filter != nil {
				one += " if " + e.Filter.Source()
			}
			list = append(list, one)
		}
	}
	return strings.Join(list, "\n")
}

func TestReceiversConnectModules(t *testing.T) {
	plan, report := load(`
- TcpServer:
   id: tcp_plain
   port: 5151
   receivers: [RegexParser]
- TcpServer:
   id: tcp_msgpack
   port: 5152
   mode: stream
   receivers: [ModifyFields]
- ModifyFields
- RegexParser:
   field_extraction_patterns:
    - x: '(?P<a>.*)'
   receivers:
    - StdOutSink
    - FileSink:
       filter: $(gambolputty.source_id) == 'tcp_plain'
- StdOutSink
- FileSink
`)
	if !report.OK(true) {
		t.Fatal(report.Text())
	}
	want := "tcp_plain -> RegexParser\ntcp_msgpack -> ModifyFields\nModifyFields -> RegexParser\n" +
		"RegexParser -> StdOutSink\nRegexParser -> FileSink if $(gambolputty.source_id) == 'tcp_plain'"
	if got := edges(plan); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheDeadLetterModuleIsNoDefaultReceiver(t *testing.T) {
	plan, report := load("- Global: {dead_letter: FileSink}\n- StdIn\n- FileSink\n- StdOutSink\n")
	if !report.OK(true) || edges(plan) != "StdIn -> StdOutSink" {
		t.Errorf("got %s\n%s", edges(plan), report.Text())
	}
}

func TestAReceiverOfAClassWithIDsNamesTheIDs(t *testing.T) {
	_, report := load("- StdIn:\n    receivers: [ModifyFields]\n- ModifyFields:\n    id: a\n- ModifyFields:\n    id: b\n- StdOutSink\n")
	if !strings.Contains(report.Text(), "have ids: a, b") {
		t.Error(report.Text())
	}
}

func TestModulesWithoutIDAreNumbered(t *testing.T) {
	plan, _ := load("- StdIn\n- ModifyFields\n- ModifyFields:\n    id: ModifyFields_1\n- ModifyFields\n- ModifyFields:\n    enabled: False\n- ModifyFields\n- StdOutSink\n")
	var ids []string
	for _, m := range plan.Modules {
		ids = append(ids, m.ID)
	}
	want := "StdIn ModifyFields ModifyFields_1 ModifyFields_2 ModifyFields_3 StdOutSink"
	if got := strings.Join(ids, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSizesComeFromGlobalUnlessTheModuleSaysOtherwise(t *testing.T) {
	plan, report := load("- Global: {workers: 3, queue_size: 5, queue_buffer_size: 10}\n- StdIn\n- ModifyFields\n" +
		"- ModifyFields: {inbox_size: 7, pool_size: 2, ordered: False}\n- ModifyFields: {queue_size: 4}\n- StdOutSink\n")
	if !report.OK(true) {
		t.Fatal(report.Text())
	}
	var got []string
	for _, n := range plan.Nodes(func(string, *slog.Level) *slog.Logger { return slog.New(slog.DiscardHandler) }) {
		got = append(got, strings.TrimSpace(fmt.Sprintln(n.Inbox, n.Workers, n.Ordered, n.FaultTag)))
	}
	want := []string{"50 1 true", "50 3 true modify_fields_failure", "7 2 false modify_fields_failure", "40 3 true modify_fields_failure", "50 1 true"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("module %d: got %s, want %s", i, got[i], want[i])
		}
	}
}

func TestScalarsAreReadAsYAML11(t *testing.T) {
	for text, want := range map[string]option.Kind{
		"true": option.Boolean, "YES": option.Boolean, "Off": option.Boolean, "y": option.String, "N": option.String,
		"~": option.Null, "2015-06-01": option.String, "1:30": option.String, "0644": option.Integer, "1e3": option.Float,
		"0x1F": option.Integer, "1_000": option.Integer, "-3": option.Integer, ".5": option.Float, "'5'": option.String,
		"1.2.3": option.String, "!!str 5": option.String, "tRue": option.String,
	} {
		v := readYAML("x", []byte("- "+text+"\n"), nil, &Report{})
		if got := v.Items[0].Kind; got != want {
			t.Errorf("%s is read as %s, want %s", text, got, want)
		}
	}
}

func TestVariablesAreReplacedInValuesOnly(t *testing.T) {
	env := func(n string) (string, bool) { return "42", n == "ANSWER" }
	v := readYAML("x", []byte("- ${ANSWER}\n- '${ANSWER}'\n- a${NONE:-b}c\n- $${ANSWER}\n- $(ANSWER)\n- {\"${ANSWER}\": 1}\n"), env, &Report{})
	for i, want := range []string{"42", "42", "abc", "${ANSWER}", "$(ANSWER)"} {
		if got := v.Items[i].Text; got != want {
			t.Errorf("item %d is %q, want %q", i, got, want)
		}
	}
	if v.Items[0].Kind != option.Integer || v.Items[1].Kind != option.String {
		t.Error("a variable takes the kind that its value has, unless it is quoted")
	}
	if got := v.Items[5].Pairs[0].Key.Text; got != "${ANSWER}" {
		t.Errorf("the key became %s", got)
	}
}

func TestKeysKeepTheirKind(t *testing.T) {
	r := &Report{}
	v := readYAML("x", []byte("{200: a, '200': b}\n"), nil, r)
	if len(v.Pairs) != 2 || v.Pairs[0].Key.Kind != option.Integer || v.Pairs[1].Key.Kind != option.String || len(r.Problems) > 0 {
		t.Errorf("got %+v %v", v.Pairs, r.Problems)
	}
}

func TestFilesOfADirectoryAndIncludedFilesAreJoined(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yml": "- StdIn\n- Include: more/b.yml\n", "c.conf": "- StdOutSink:\n    nonsense: 1\n", "ignored.txt": "- Nothing\n", "more/b.yml": "- ModifyFields\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := Loader{Specs: testSpecs()}
	plan, report := l.Load(dir)
	if want := "StdIn -> ModifyFields\nModifyFields -> StdOutSink"; edges(plan) != want {
		t.Errorf("got\n%s", edges(plan))
	}
	if got := report.Problems[0]; got.File != filepath.Join(dir, "c.conf") || got.Line != 2 {
		t.Errorf("got %s", got)
	}
	if _, report := l.Load(filepath.Join(dir, "none.yml")); !strings.Contains(report.Text(), "none.yml: error[E001]: ") {
		t.Error(report.Text())
	}
}

func TestAnIncludeInARingIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yml")
	if err := os.WriteFile(path, []byte("- StdIn\n- StdOutSink\n- Include: a.yml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, report := (Loader{Specs: testSpecs()}).Load(path); !strings.Contains(report.Text(), "includes itself") {
		t.Error(report.Text())
	}
}

func TestAProgramMustBeThereAndExecutable(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for path, bad := range map[string]bool{self: false, plain: true, t.TempDir(): true, "no-such-program": true} {
		if err := readable(actor.File{Path: path, Executable: true}); (err != nil) != bad {
			t.Errorf("%s: %v", path, err)
		} else if bad && strings.Contains(reason(err), path) {
			t.Errorf("the path is said twice: %s", reason(err))
		}
	}
}

func TestFilesAreOnlyLookedForWhenAsked(t *testing.T) {
	text := []byte("- StdIn\n- RegexParser:\n    field_extraction_patterns: [a: b]\n    patterns_dir: /no/such/place\n- StdOutSink\n")
	if _, report := (Loader{Specs: testSpecs()}).LoadText("x", text); !report.OK(true) {
		t.Error(report.Text())
	}
	if _, report := (Loader{Specs: testSpecs(), CheckFiles: true}).LoadText("x", text); !slices.Equal(brief(report), []string{"4:19 E036"}) {
		t.Error(report.Text())
	}
}

func TestReportAsJSON(t *testing.T) {
	_, report := load(badConf)
	var list []map[string]any
	if err := json.Unmarshal(report.JSON(), &list); err != nil || len(list) != 6 {
		t.Fatal(err, len(list))
	}
	for _, key := range []string{"file", "line", "column", "severity", "code", "module", "option", "message", "hint"} {
		if _, ok := list[0][key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	if got := string((&Report{}).JSON()); got != "[]\n" {
		t.Errorf("an empty report is %s", got)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(badConf)
	f.Add("- &a [*a, *a]\n")
	f.Add("- a: &x {b: c}\n- <<: [*x, *x]\n")
	f.Add("- StdIn: {filter: \"$(a) == 'b'\", add_fields: {a: [b, {c: $(d)}]}}\n- StdOutSink: {format: '%{x}'}\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, report := load(text)
		for _, p := range report.Problems {
			if p.Code == "" || p.Message == "" {
				t.Errorf("a problem without code or message: %+v", p)
			}
		}
	})
}
