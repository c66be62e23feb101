package elasticsearchsink_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/elasticsearchsink"
)

const readme = `{"data":"x","fields":["nobody"],"params":{"spanish":["inquisition"]},"t":"2015-06-17T10:00:00Z","n":7,"x":"","Host":"Web 1/A:80","gambolputty":{"event_id":"id1","event_type":"httpd_access_log"}}`

// only is the document of the event above without its metadata.
const only = `{"Host":"Web 1/A:80","data":"x","fields":["nobody"],"n":7,"params":{"spanish":["inquisition"]},"t":"2015-06-17T10:00:00Z","x":""}`

func TestTheLinesOfAnEvent(t *testing.T) {
	for name, c := range map[string]struct{ options, version, want string }{
		"the example of the reference": {
			"index_name: 'web-$(gambolputty.event_type)-%Y.%m.%d'\ndoc_id: $(fields.0)-$(params.spanish.0)\ntimestamp_field: t", "8.11.0",
			`{"index":{"_id":"nobody-inquisition","_index":"web-httpd_access_log-2015.06.17"}}` + "\n" + only,
		},
		"server 7":                {"", "7.17.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + only},
		"opensearch":              {"doc_type: t", "opensearch-1.3.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + only},
		"server 6":                {"routing: r", "6.8.0", `{"index":{"_id":"id1","_index":"i","_routing":"r","_type":"_doc"}}` + "\n" + only},
		"server 6 with a type":    {"doc_type: t", "6.8.0", `{"index":{"_id":"id1","_index":"i","_type":"t"}}` + "\n" + only},
		"server 5":                {"ttl: 1d", "5.6.0", `{"index":{"_id":"id1","_index":"i","_type":"httpd_access_log"}}` + "\n" + only},
		"server 2":                {"ttl: 1d\nversion: $(n)\nversion_type: external", "2.4.0", `{"index":{"_id":"id1","_index":"i","_ttl":"1d","_type":"httpd_access_log","_version":7,"_version_type":"external"}}` + "\n" + only},
		"a type that is missing":  {"doc_type: $(nope)", "1.7.0", `{"index":{"_id":"id1","_index":"i","_type":"Unknown"}}` + "\n" + only},
		"a version that is given": {"server_version: '5.0'\nttl: 86400000", "8.0.0", `{"index":{"_id":"id1","_index":"i","_type":"httpd_access_log"}}` + "\n" + only},

		"a name of fields":          {"index_name: 'A_$(Host)_$(nope)_$(x)-%Y'\ntimestamp_field: t", "8.0.0", `{"index":{"_id":"id1","_index":"a_web_1_a_80_unknown_unknown-2015"}}` + "\n" + only},
		"a name beyond ASCII":       {"index_name: 'ÄRGER-$(data)'", "8.0.0", `{"index":{"_id":"id1","_index":"ärger-x"}}` + "\n" + only},
		"a zone":                    {"index_name: '%d-%H'\ntimestamp_field: t\ntimezone: Asia/Tokyo", "8.0.0", `{"index":{"_id":"id1","_index":"17-19"}}` + "\n" + only},
		"an id with a missing part": {"doc_id: $(data)-$(nope)", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + only},
		"an id that is empty":       {"doc_id: $(x)", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + only},
		"an id of the server":       {"doc_id: ''", "8.0.0", `{"index":{"_index":"i"}}` + "\n" + only},
		"an id with quotes":         {`doc_id: "a\"$(Host)\u00e4"`, "8.0.0", `{"index":{"_id":"a\"Web 1/A:80ä","_index":"i"}}` + "\n" + only},
		"routing":                   {"routing: '%Y-$(data)'\ntimestamp_field: t", "8.0.0", `{"index":{"_id":"id1","_index":"i","routing":"2015-x"}}` + "\n" + only},
		"routing that is missing":   {"routing: $(nope)\npipeline: $(nope)\nversion: $(nope)", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + only},
		"pipeline and version":      {"pipeline: p-$(data)\nrouting: r\nversion: $(n)\nversion_type: external_gte", "8.0.0", `{"index":{"_id":"id1","_index":"i","pipeline":"p-x","routing":"r","version":7,"version_type":"external_gte"}}` + "\n" + only},

		"create":            {"action: create", "8.0.0", `{"create":{"_id":"id1","_index":"i"}}` + "\n" + only},
		"update":            {"action: update\ndoc_id: $(data)\nrouting: r", "8.0.0", `{"update":{"_id":"x","_index":"i","routing":"r"}}` + "\n" + `{"doc":` + only + `}`},
		"update and create": {"action: update\ndoc_id: $(data)\ndoc_as_upsert: True", "8.0.0", `{"update":{"_id":"x","_index":"i"}}` + "\n" + `{"doc":` + only + `,"doc_as_upsert":true}`},

		"a format":                {"format: 'at $(data)'", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{"data":"at x"}`},
		"a format of an object":   {`format: " {\"b\": 12345678901234567890,\n \"a\": \"$(data)\"} "`, "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{"a":"x","b":12345678901234567890}`},
		"a format like an object": {`format: '{"a": $(data)}'`, "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{"data":"{\"a\": x}"}`},
		"a format of two objects": {`format: '{} {}'`, "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{"data":"{} {}"}`},
		"a format that misses":    {"format: $(nope)", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{"data":"$(nope)"}`},

		"fields":                      {"fields: [n, params, nope, gambolputty.event_type]\ndelete_fields: [nothing]", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{"gambolputty.event_type":"httpd_access_log","n":7,"spanish":["inquisition"]}`},
		"a document before the event": {"fields: [params]\ndoc_id: $(spanish.0)-$(data)-$(gambolputty.event_id)", "8.0.0", `{"index":{"_id":"inquisition-x-id1","_index":"i"}}` + "\n" + `{"spanish":["inquisition"]}`},
		"fields that are not there":   {"fields: [nope]", "8.0.0", `{"index":{"_id":"id1","_index":"i"}}` + "\n" + `{}`},

		"actions happen to the document": {"add_fields: {y: $(n)}\ndelete_fields: [gambolputty, data]\ndoc_id: $(data)", "8.0.0", `{"index":{"_id":"x","_index":"i"}}` + "\n" + strings.Replace(strings.Replace(only, `"data":"x",`, "", 1), `"x":""}`, `"x":"","y":"7"}`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.version)
			options := "nodes: " + f.URL + "\n" + c.options
			if !strings.Contains(options, "index_name") {
				options += "\nindex_name: I"
			}
			if !strings.Contains(options, "delete_fields") {
				options += "\ndelete_fields: [gambolputty]"
			}
			actortest.Sink(t, elasticsearchsink.Spec, options, actortest.Event(t, readme))
			if got := f.body(); got != c.want+"\n" {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestDocumentsOfADataStreamHaveATime(t *testing.T) {
	for name, c := range map[string]struct{ options, want string }{
		"it is added":              {"", `{"@timestamp":"T",` + only[1:]},
		"it is there":              {"add_fields: {'@timestamp': now}", `{"@timestamp":"now",` + strings.Replace(only[1:], `"Host"`, `"Host"`, 1)},
		"to a format":              {"format: $(data)", `{"@timestamp":"T","data":"x"}`},
		"to an object":             {`format: '{"@timestamp": 1}'`, `{"@timestamp":1}`},
		"to fields":                {"fields: [n]", `{"@timestamp":"T","n":7}`},
		"to no fields":             {"fields: [nope]", `{"@timestamp":"T"}`},
		"and an id if one is told": {"doc_id: $(data)", `{"@timestamp":"T",` + only[1:]},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "8.0.0")
			actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL+"\ndata_stream: True\nindex_name: logs\ndelete_fields: [gambolputty]\n"+c.options, actortest.Event(t, readme))
			head, doc, _ := strings.Cut(f.body(), "\n")
			want := `{"create":{"_index":"logs"}}`
			if strings.Contains(c.options, "doc_id") {
				want = `{"create":{"_id":"x","_index":"logs"}}`
			}
			if head != want {
				t.Errorf("action %s", head)
			}
			if before, after, ok := strings.Cut(doc, `"@timestamp":"20`); ok {
				doc = before + `"@timestamp":"T` + after[strings.IndexByte(after, '"'):]
			}
			if doc != c.want+"\n" {
				t.Errorf("got %s want %s", doc, c.want)
			}
		})
	}
}

func TestAnEventWithoutMetadataIsStored(t *testing.T) {
	f := newFake(t, "5.6.0")
	e := actortest.Event(t, `{"data": "x", "bad": "\ud800"}`)
	e.Delete(event.MustPath("gambolputty"))
	actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL+"\nindex_name: $(gambolputty.event_type)", e)
	head, doc, _ := strings.Cut(f.body(), "\n")
	if !strings.Contains(head, `"_index":"unknown","_type":"Unknown"`) || !strings.Contains(head, `{"_id":"`) || strings.Contains(head, `"_id":""`) || doc != "{\"bad\":\"\ufffd\",\"data\":\"x\"}\n" {
		t.Errorf("%s %s", head, doc)
	}
}

func TestWhatWouldSpoilARequestIsRejectedBefore(t *testing.T) {
	for options, event := range map[string]string{
		"doc_id: $(id)":               `{"data": "bad", "id": "` + strings.Repeat("x", 513) + `"}`,
		"version: '$(v)'\ndoc_id: ''": `{"data": "bad", "v": "first"}`,
	} {
		f := newFake(t, "8.0.0")
		rejected := t.TempDir() + "/rejected"
		actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL+"\nreject_action: file\nreject_file: "+rejected+"\n"+options,
			actortest.Event(t, `{"data": "a", "id": "1", "v": 1}`), actortest.Event(t, event), actortest.Event(t, `{"data": "b", "id": "2", "v": -2}`))
		if body := f.requests; len(body) != 2 || strings.Contains(body[0].body+body[1].body, "bad") {
			t.Errorf("%s: %v", options, body)
		}
		if text := read(t, rejected); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"data":"bad"`) {
			t.Errorf("rejected %s", text)
		}
	}
}
