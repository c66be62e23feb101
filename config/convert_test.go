package config_test

import (
	"strings"
	"testing"

	"gambolputty/config"
	"gambolputty/stages"
)

func TestOldNamesBecomeCurrentOnesAndAllElseStays(t *testing.T) {
	for name, c := range map[string]struct{ old, want, notes string }{
		"names of modules, and who sends to them": {
			"# first\n- input.StdIn: # here\n    receivers: ['parser.Regex', {output.StdOut: {filter: $(a) == 1}}]\n- parser.Regex:\n    field_extraction_patterns: [a: b]\n- \"output.StdOut\"\n",
			"# first\n- StdIn: # here\n    receivers: ['RegexParser', {StdOutSink: {filter: $(a) == 1}}]\n- RegexParser:\n    field_extraction_patterns: [a: b]\n- \"StdOutSink\"\n",
			"parser.Regex is called RegexParser now",
		},
		"ids of the operator": {
			"- input.StdIn:\n    id: input.StdIn\n- StdOutSink\n", "- StdIn:\n    id: input.StdIn\n- StdOutSink\n", "",
		},
		"names of options": {
			"- UdpServer:\n    interface: localhost # old\n- StdOutSink\n", "- UdpServer:\n    ipaddress: localhost # old\n- StdOutSink\n", "",
		},
		"the metadata of LumberMill": {
			"- StdIn\n- StdOutSink:\n    filter: $(lumbermill.event_type) == 'lumbermill.x'\n    format: $(lumbermill.event_id)\n",
			"- StdIn\n- StdOutSink:\n    filter: $(gambolputty.event_type) == 'lumbermill.x'\n    format: $(gambolputty.event_id)\n", "",
		},
		"items that name their module as an option": {
			"- module: StdIn # in\n  id: in\n\n  add_fields:\n   a: b\n- module: StdOutSink\n",
			"- StdIn: # in\n    id: in\n\n    add_fields:\n     a: b\n- StdOutSink:\n", "",
		},
		"what is current": {"- StdIn\n- StdOutSink: {format: ß$(a)}\n", "- StdIn\n- StdOutSink: {format: ß$(a)}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, report := config.Loader{Specs: stages.All()}.Convert("old.conf", []byte(c.old))
			if got.Text != c.want {
				t.Errorf("got\n%s\nnot\n%s", got.Text, c.want)
			}
			if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, c.notes) || c.notes == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
			if !report.OK(true) {
				t.Errorf("the result is not valid: %s", report.Text())
			}
		})
	}
}
