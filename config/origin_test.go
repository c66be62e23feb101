package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gambolputty/actor"
)

// reads is a module that reads a file.
type reads struct {
	File string `opt:"file" doc:"A file."`
	Size int    `opt:"size" old:"length" doc:"A size."`
}

func (o *reads) Reads() []actor.File { return []actor.File{{Option: "file", Path: o.File}} }

func TestAModuleIsTheSameUntilSomethingItIsMadeFromChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "patterns")
	if err := os.WriteFile(file, []byte("spam"), 0o600); err != nil {
		t.Fatal(err)
	}
	specs := append(testSpecs(), actor.DefineProcessor(actor.Info{Name: "Reads", Role: actor.Parser, Parallel: true}, reads{},
		func(actor.Env, reads) (actor.Processor, error) { return nil, nil }))
	origin := func(text string) string {
		t.Helper()
		plan, report := Loader{Specs: specs, Env: func(name string) (string, bool) { return "from " + name, true }}.LoadText("t", []byte(text))
		if !report.OK(false) {
			t.Fatal(report.Text())
		}
		for _, n := range plan.Nodes(func(string, *slog.Level) *slog.Logger { return nil }) {
			if n.ID == "r" {
				return n.Origin
			}
		}
		t.Fatal("there is no r")
		return ""
	}
	text := func(options string) string {
		return "- StdIn: {receivers: [r]}\n- Reads: {id: r, " + options + "}\n- FileSink\n- FileSink: {id: other}\n"
	}
	first := origin(text("file: '" + file + "', length: 3, add_fields: {a: b, c: d}"))
	for name, c := range map[string]struct {
		text string
		same bool
	}{
		"other order, other spelling": {text("add_fields: {a: b, c: d}, size: 3, file: '" + file + "'"), true},
		"other receivers":             {text("file: '" + file + "', length: 3, add_fields: {a: b, c: d}, receivers: [other]"), true},
		"other level of the log":      {text("file: '" + file + "', length: 3, add_fields: {a: b, c: d}, log_level: debug"), true},
		"another value":               {text("file: '" + file + "', length: 4, add_fields: {a: b, c: d}"), false},
		"an option less":              {text("file: '" + file + "', add_fields: {a: b, c: d}"), false},
		"another order of fields":     {text("file: '" + file + "', length: 3, add_fields: {c: d, a: b}"), false},
		"a variable":                  {text("file: '" + file + "', length: 3, add_fields: {a: b, c: '${D}'}"), false},
		"more workers":                {"- Global: {workers: 7}\n" + text("file: '"+file+"', length: 3, add_fields: {a: b, c: d}"), false},
	} {
		if got := origin(c.text) == first; got != c.same {
			t.Errorf("%s: the same is %t", name, got)
		}
	}
	if err := os.Chtimes(file, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if origin(text("file: '"+file+"', length: 3, add_fields: {a: b, c: d}")) == first {
		t.Error("the file has changed, and the module is the same")
	}
}
