package stages_test

import (
	"fmt"
	"slices"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages"
)

// workload is what a module has to do in the benchmark: its options, and an event.
type workload struct{ options, event string }

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /cgi-bin/try/?spanish=inquisition HTTP/1.0\" 200 3395 \"-\" \"curl/7.38.0\"`

// workloads are realistic events for the modules. Those whose data is not text, or which
// need a server, have benchmarks of their own.
var workloads = map[string]workload{
	"Base64Parser":       {"", `{"data": "R0VUIC9jZ2ktYmluL3RyeS8/c3BhbmlzaD1pbnF1aXNpdGlvbiBIVFRQLzEuMA=="}`},
	"CsvParser":          {"delimiter: ';'\nfieldnames: [time, host, level, message]", `{"data": "2014-12-12T10:11:12;web1;info;\"spam; and eggs\""}`},
	"DateTimeParser":     {"source_field: t\nsource_date_pattern: '%d/%b/%Y:%H:%M:%S %z'\ntarget_date_pattern: '%Y-%m-%dT%H:%M:%S'", `{"t": "28/Jul/2006:10:27:10 -0300"}`},
	"DomainNameParser":   {"source_field: url", `{"url": "http://some.subdomain.google.co.uk/search"}`},
	"EncodingParser":     {"encoding: latin-1", `{"data": "plain text of about sixty bytes, as most of it is in logs"}`},
	"JsonParser":         {"", `{"data": "{\"host\":\"web1\",\"request\":{\"method\":\"GET\",\"uri\":\"/cgi-bin/try/\",\"ms\":12.5},\"status\":200,\"tags\":[\"web\",\"prod\"],\"user\":null}"}`},
	"LineParser":         {"seperator: '|'", `{"data": "message-a|message-b|message-c|message-d"}`},
	"RegexParser":        {"field_extraction_patterns: [{access: '(?P<remote_ip>\\S+) \\S+ (?P<user>\\S+) \\[(?P<datetime>[^\\]]+)\\] \"(?P<url>[^\"]*)\" (?P<http_status>\\d+) (?P<bytes_send>\\d+)'}]", `{"data": "` + accessLine + `"}`},
	"SyslogParser":       {"", `{"data": "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed for lonvick on /dev/pts/8"}`},
	"SyslogPrivalParser": {"", `{"syslog_prival": "13"}`},
	"UrlParser":          {"source_field: uri\ntarget_field: uri_parsed\nparse_querystring: True\nquerystring_target_field: params", `{"uri": "/wiki/Monty_Python/?spanish=inquisition&a=b"}`},
	"XPathParser":        {"source_field: x\nquery: '//book/title/text()'\ntarget_field: t", `{"x": "<bookstore><book category=\"COOKING\"><title lang=\"en\">Everyday Italian</title></book></bookstore>"}`},
	"AddDateTime":        {"", `{"data": "spam"}`},
	"AddGeoInfo":         {"source_fields: [remote_ip]\ntarget_field: geo", `{"remote_ip": "134.60.1.11"}`},
	"DropEvent":          {"filter: $(http_status) == '304'", `{"http_status": "200"}`},
	"ExecPython":         {"source: \"event['ms'] = event['seconds'] * 1000\"", `{"seconds": 0.25}`},
	"Math":               {"function: float($(request_time)) * 1000\ntarget_field: ms", `{"request_time": "0.012"}`},
	"ModifyFields":       {"action: map\nsource_field: http_status\nmap: {200: OK, 404: Not Found}", `{"http_status": "200"}`},
	"Permutate":          {"source_field: l\ntarget_fields: [a, b]", `{"l": [1, 2, 3]}`},
	"Facet":              {"source_field: url\ngroup_by: $(remote_ip)", `{"url": "/a", "remote_ip": "192.0.2.1"}`},
	"Metrics":            {"aggregations: [{name: status, field: http_status}]", `{"http_status": 200}`},
	"Noop":               {"add_fields: {service: web}", `{"data": "spam"}`},
	"SimpleStats":        {"", `{"data": "spam"}`},
	"Statistics":         {"fields: [http_status]", `{"http_status": "200"}`},
	"Tarpit":             {"delay: 0", `{"data": "spam"}`},
	"Throttle":           {"key: $(host)\nmax_count: 1000000000", `{"host": "web1"}`},
}

// measuredAlone have benchmarks in their own folders.
var measuredAlone = []string{"CollectdParser", "InflateParser", "MsgPackParser", "NetFlowParser", "UserAgentParser", "AddDnsLookup", "HttpRequest", "MergeEvent"}

func TestEveryProcessorIsMeasured(t *testing.T) {
	for _, s := range stages.All() {
		if slices.Contains([]actor.Role{actor.Input, actor.Output, actor.StandAlone}, s.Role) {
			continue
		}
		if _, known := workloads[s.Name]; !known && !slices.Contains(measuredAlone, s.Name) {
			t.Errorf("%s has no benchmark", s.Name)
		}
	}
}

// BenchmarkModules measures every module on one worker. What is left of the figures of Noop
// without its field is the way through the graph.
func BenchmarkModules(b *testing.B) {
	for _, s := range stages.All() {
		w, ok := workloads[s.Name]
		if !ok {
			continue
		}
		b.Run(fmt.Sprintf("module=%s", s.Name), func(b *testing.B) {
			actortest.BenchEvents(b, s, w.options, "", nil, w.event)
		})
	}
}
