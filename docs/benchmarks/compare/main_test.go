package main

import (
	"strings"
	"testing"
)

func TestEventsAreComparedWithoutTheirIDs(t *testing.T) {
	a := `{"x":1,"gambolputty":{"event_id":"a","pid":1,"event_type":"t"}}` + "\n"
	cases := map[string]struct {
		b    string
		same bool
	}{
		"another id":   {`{"gambolputty":{"event_id":"b","pid":2,"event_type":"t"},"x":1.0}` + "\n", true},
		"another type": {`{"x":1,"gambolputty":{"event_type":"u"}}` + "\n", false},
		"a line more":  {a + a, false},
		"no JSON":      {"spam\n", false},
	}
	for name, c := range cases {
		if err := compare(strings.NewReader(a), strings.NewReader(c.b)); (err == nil) != c.same {
			t.Errorf("%s: %v", name, err)
		}
	}
}
