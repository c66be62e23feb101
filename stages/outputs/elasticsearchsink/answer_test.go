package elasticsearchsink

import (
	"encoding/json"
	"errors"
	"testing"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/esclient"
)

// FuzzAnswer checks that nothing counts as stored of which the answer does not say so.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		`{"took":3,"errors":false,"items":[{"index":{"_id":"a","status":201}},{"index":{"_id":"b","status":200}}]}`,
		`{"errors":true,"items":[{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"x"}}},{"create":{"status":429}}]}`,
		`{"items":[{"index":{"status":400,"error":"MapperParsingException[x]"}},{"update":{"status":503,"error":{"caused_by":{"reason":"y"}}}}]}`,
		`{"errors":false,"items":[{"index":{"status":201}}]}`, `<html>`, ``, `{`, `[]`, `{"errors":false,"items":[{},{}]}`, `null`,
	} {
		f.Add([]byte(text))
	}
	src := event.NewSource("StdIn", "StdIn")
	list := []item{{Draft: delivery.Draft{Event: event.New(src)}}, {Draft: delivery.Draft{Event: event.New(src)}}}
	f.Fuzz(func(t *testing.T, answer []byte) {
		var r delivery.Report
		err := readAnswer(answer, actionCreate, list, &r)
		if errors.Is(err, esclient.ErrGarbage) {
			return
		}
		var all struct {
			Items []map[string]struct{ Status int }
		}
		if json.Unmarshal(answer, &all) != nil {
			if !allWell(answer, 2) {
				t.Errorf("%q is no JSON", answer)
			}
			return
		}
		if len(all.Items) != 2 && !allWell(answer, 2) {
			t.Errorf("%q is about %d documents", answer, len(all.Items))
		}
	})
}
