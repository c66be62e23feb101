package stages_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages"
)

// TestTheModifiersOfTheREADMEsSample sends events through the second half of the sample, from
// SyslogPrivalParser to UrlParser, as it stands in the example.
func TestTheModifiersOfTheREADMEsSample(t *testing.T) {
	text, err := os.ReadFile("../examples/readme-stdout.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, tail, ok := strings.Cut(string(text), "# Extract the syslog prival")
	modules, _, ok2 := strings.Cut(tail, "# Write events to a file")
	if !ok || !ok2 {
		t.Fatal("the example looks different")
	}
	_, modules, _ = strings.Cut(modules, "\n") // the rest of the comment
	feed := make(chan string, 2)
	feed <- `{"syslog_prival": "13", "remote_ip": "91.65.0.1", "server_type": "nginx", "request_time": "0.012", "http_status": 200, "user_agent": "Mozilla/5.0 (Windows NT 6.0; rv:33.0) Gecko/20100101 Firefox/33.0", "uri": "/wiki/Monty_Python/?spanish=inquisition"}`
	feed <- `{"data": "x"}`
	close(feed)
	out := actortest.Start(t, "- Lines\n- JsonParser\n"+modules+"- TestCatch\n", append(stages.All(), actortest.Lines(feed))...).Finish()
	for path, want := range map[string]string{
		"syslog_facility": `"user-level"`, "syslog_severity": `"Notice"`, "country_code": `"DE"`, "request_time": "12.0", "http_status_mapped": `"OK"`,
		"user_agent_info.user_agent.family": `"Firefox"`, "user_agent_info.browser.name": `"Firefox"`, "user_agent_info.bot": "false",
		"uri_parsed.path": `"/wiki/Monty_Python/"`, "uri_parsed.query": `"spanish=inquisition"`, "params": `{"spanish":["inquisition"]}`,
		"latitude": "51.0", "longitude": "9.0", "geoip": "[9.0,51.0]", // those of the country: there is no city database here
	} {
		v, _ := out[0].Get(event.MustPath(path))
		if got := string(new(event.Encoder).AppendValue(nil, v)); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	stamp, _ := out[0].Get(event.MustPath("@timestamp"))
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$`).MatchString(stamp.Str()) || actortest.Tags(out[0]) != "" {
		t.Errorf("time %s, tags %s", stamp.Str(), actortest.Tags(out[0]))
	}
	out[1].Delete(event.MustPath("@timestamp"))
	if got := actortest.JSON(out[1]); got != `{"data":"x"}` || actortest.Tags(out[1]) != "" {
		t.Errorf("the other event became %s with tags %s", got, actortest.Tags(out[1]))
	}
}

func TestTheFieldNotationOfTheREADME(t *testing.T) {
	feed := make(chan string, 1)
	feed <- `{"bytes_send": "3395", "fields": ["nobody", "expects", "the"], "params": {"spanish": ["inquisition"]}, "remote_ip": "192.168.2.20", "url": "GET /wiki/Monty_Python/?spanish=inquisition HTTP/1.0"}`
	close(feed)
	out := actortest.Start(t, `
- Lines
- JsonParser
- Noop:
   filter: $(remote_ip) == '192.168.2.20' and re.match('^GET', $(url))
   add_fields: {a: $(fields.2), b: $(fields.0)-$(params.spanish.0), c: $(params.spanish)}
- TestCatch
`, append(stages.All(), actortest.Lines(feed))...).Finish()
	for path, want := range map[string]string{"a": "the", "b": "nobody-inquisition", "c": `["inquisition"]`} {
		if v, _ := out[0].Get(event.MustPath(path)); v.Text() != want {
			t.Errorf("%s is %s, want %s", path, v.Text(), want)
		}
	}
}
