package grok_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

// corpus is a file of lines that patterns are for, and of lines that they are not for.
type corpus struct {
	Found []struct {
		Pattern, Text string
		Fields        map[string]any // a text, or a list where groups of one name matched
	}
	Refused []struct{ Pattern, Text string }
}

func readCorpus(t testing.TB, path string) (c corpus) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(path, err)
	}
	return c
}

// match returns the fields that a pattern finds in a text, nil if it does not match.
func match(t testing.TB, l *grok.Library, pattern, text string) map[string]any {
	t.Helper()
	x, err := l.Expand(pattern)
	if err != nil {
		t.Fatal(err)
	}
	p, err := regex.Compile(x.Pattern, regex.Options{Dialect: regex.Oniguruma})
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	caps, err := p.Machine().Search(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if caps == nil {
		return nil
	}
	return fieldsOf(x, p.Names(), caps, text)
}

func fieldsOf(x grok.Expanded, names []string, caps []int, text string) map[string]any {
	paths := map[string]string{}
	for _, f := range x.Fields {
		paths[f.Group] = f.Path
	}
	got := map[string]any{}
	for g, name := range names {
		if path, ok := paths[name]; ok {
			name = path
		}
		if name == "" || caps[2*g] < 0 {
			continue
		}
		value := text[caps[2*g]:caps[2*g+1]]
		switch before := got[name].(type) {
		case nil:
			got[name] = value
		case string:
			got[name] = []any{before, value}
		case []any:
			got[name] = append(before, value)
		}
	}
	return got
}

func TestPatternsFindTheFieldsOfTheirLines(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			c := readCorpus(t, file)
			for _, f := range c.Found {
				got := match(t, grok.Builtin(), f.Pattern, f.Text)
				if got == nil {
					t.Errorf("%s does not match %q", f.Pattern, f.Text)
				} else if !reflect.DeepEqual(got, f.Fields) {
					t.Errorf("%s on %q:\n got %v\nwant %v", f.Pattern, f.Text, got, f.Fields)
				}
			}
			for _, r := range c.Refused {
				if got := match(t, grok.Builtin(), r.Pattern, r.Text); got != nil {
					t.Errorf("%s matches %q", r.Pattern, r.Text)
				}
			}
		})
	}
}

func TestEveryFileOfPatternsHasLines(t *testing.T) {
	files, err := filepath.Glob("patterns/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		c := readCorpus(t, filepath.Join("testdata", name+".json"))
		if len(c.Found) == 0 || len(c.Refused) == 0 {
			t.Errorf("%s has %d lines that match and %d that do not", name, len(c.Found), len(c.Refused))
		}
	}
}
