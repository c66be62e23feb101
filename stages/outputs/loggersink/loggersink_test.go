package loggersink_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/loggersink"
)

func TestLinesAreLogged(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- LoggerSink:\n    formats: ['--- totals ---', '$(n) events in $(n)s', '', \"two\\nlines\"]\n    level: warn\n", loggersink.Spec, actortest.Numbers(2))
	r.Finish()
	for _, want := range []string{`level=WARN msg="--- totals ---" module=LoggerSink`, `msg="1 events in 1s"`, `msg=two\nlines`} {
		if !strings.Contains(r.Log(), want) {
			t.Errorf("%s is missing in\n%s", want, r.Log())
		}
	}
	actortest.Wrong(t, loggersink.Spec, map[string]string{"": "formats", "formats: {a: b}": "must be list", "formats: '$('": "not closed"})
}
