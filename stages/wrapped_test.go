package stages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages"
)

// A container runtime wraps every line of a program in a JSON object, and the line may be one
// itself: both are taken apart, and no line is lost or comes twice.
func TestJSONThatIsWrappedInJSON(t *testing.T) {
	const lines = 5000
	var log strings.Builder
	for n := range lines {
		inner := fmt.Sprintf(`{\"n\":%d,\"text\":\"say \\\"%d\\\"\\n\"}`, n, n)
		fmt.Fprintf(&log, `{"log":"%s\n","stream":"stdout","time":"2026-06-01T12:00:00.%09dZ"}`+"\n", inner, n)
	}
	path := filepath.Join(t.TempDir(), "container.log")
	if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := actortest.Start(t, `
- File:
    paths: `+path+`
    line_by_line: True
- JsonParser
- JsonParser:
    id: inner
    source_field: log
- TestCatch
`, stages.All()...)
	events := r.Finish()
	for n, e := range events {
		want := fmt.Sprintf(`{"filename":"%s","n":%d,"stream":"stdout","text":"say \"%d\"\n","time":"2026-06-01T12:00:00.%09dZ"}`, path, n, n, n)
		if got := actortest.JSON(e); got != want {
			t.Fatalf("event %d is %s, want %s", n, got, want)
		}
	}
	if len(events) != lines {
		t.Errorf("%d events came of %d lines", len(events), lines)
	}
}
