package grok_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

func TestReferencesBecomeGroups(t *testing.T) {
	l := grok.Builtin().With(map[string]string{
		"SPAM": "spam|eggs", "TWICE": "%{SPAM}%{SPAM:second}", "NAMED": "(?<own>x)", "NESTED": `\[(?<[a][b]>x)[\](?<c.d>]`,
	})
	field := func(group, kind string, segments ...string) grok.Field {
		return grok.Field{Group: group, Path: strings.Join(segments, "."), Segments: segments, Type: kind}
	}
	cases := map[string]struct {
		pattern, want string
		fields        []grok.Field
	}{
		"plain":              {"a%{SPAM}b", "a(?:spam|eggs)b", nil},
		"field":              {"%{SPAM:dish}", "(?P<dish>spam|eggs)", []grok.Field{field("dish", "", "dish")}},
		"type":               {"%{SPAM:dish:int}", "(?P<dish>spam|eggs)", []grok.Field{field("dish", "int", "dish")}},
		"dot path":           {"%{SPAM:menu.dish}", "(?P<menu.dish>spam|eggs)", []grok.Field{field("menu.dish", "", "menu", "dish")}},
		"bracket path":       {"%{SPAM:[menu][dish]:float}", "(?P<[menu][dish]>spam|eggs)", []grok.Field{field("[menu][dish]", "float", "menu", "dish")}},
		"odd names":          {"%{SPAM:@dish-1}", "(?P<@dish-1>spam|eggs)", []grok.Field{field("@dish-1", "", "@dish-1")}},
		"nested":             {"%{TWICE:both}", "(?P<both>(?:spam|eggs)(?P<second>spam|eggs))", []grok.Field{field("both", "", "both"), field("second", "", "second")}},
		"same field twice":   {"%{SPAM:a}|%{SPAM:a:int}", "(?P<a>spam|eggs)|(?P<a>spam|eggs)", []grok.Field{field("a", "int", "a")}},
		"own group":          {"%{NAMED}(?P<mine>y)", "(?:(?<own>x))(?P<mine>y)", nil},
		"own path":           {"%{NESTED}", `(?:\[(?<[a][b]>x)[\](?<c.d>])`, []grok.Field{field("[a][b]", "", "a", "b")}},
		"quoted path":        {`\Q(?<a.b>\E(?'c.d'x)(?<=e.f>)`, `\Q(?<a.b>\E(?'c.d'x)(?<=e.f>)`, []grok.Field{field("c.d", "", "c", "d")}},
		"posix class":        {"[[:alpha:](?<a.b>](?<c.d>x)", "[[:alpha:](?<a.b>](?<c.d>x)", []grok.Field{field("c.d", "", "c", "d")}},
		"repeated percent":   {"5%{2}%{1,3}", "5%{2}%{1,3}", nil},
		"escaped":            {`\%{SPAM}\\%{SPAM}`, `\%{SPAM}\\(?:spam|eggs)`, nil},
		"after a percent":    {"%%{SPAM}", "%(?:spam|eggs)", nil},
		"nothing to replace": {`^(\d+)$`, `^(\d+)$`, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			x, err := l.Expand(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if want := (grok.Expanded{Pattern: c.want, Fields: c.fields}); !reflect.DeepEqual(x, want) {
				t.Errorf("got %+v, want %+v", x, want)
			}
		})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	deep := map[string]string{"A": "%{B}", "B": "x%{C}", "C": "%{A}", "LOST": "%{NOWHERE_NEAR_ANYTHING}", "ME": "%{ME}"}
	for i := range 60 {
		deep[fmt.Sprintf("L%d", i)] = fmt.Sprintf("%%{L%d}", i+1)
		deep[fmt.Sprintf("D%d", i)] = fmt.Sprintf("%%{D%d}%%{D%d}", i+1, i+1)
	}
	deep["D20"], deep["L60"] = "", ""
	l := grok.Builtin().With(deep)
	cases := map[string]struct{ pattern, want string }{
		"unknown name":       {"ab %{NUMBR:x}", "unknown grok pattern %{NUMBR}, did you mean %{NUMBER}? at offset 3"},
		"unknown inside":     {"%{LOST}", "unknown grok pattern %{NOWHERE_NEAR_ANYTHING} in pattern LOST at offset 0"},
		"circle":             {"%{A}", "grok patterns contain each other: A -> B -> C -> A at offset 0"},
		"own tail":           {"%{ME}", "ME -> ME"},
		"too deep":           {"%{L0}", "nested more than 50 deep"},
		"too long":           {"%{D0}", "longer than"},
		"unknown type":       {"%{INT:x:long}", `unknown type "long" of field x`},
		"empty type":         {"%{INT:x:}", `unknown type ""`},
		"too many colons":    {"%{INT:x:int:y}", "bad grok reference"},
		"not closed":         {"%{INT:x", "bad grok reference"},
		"empty field":        {"%{INT:}", `bad field ""`},
		"empty step":         {"%{INT:a..b}", "bad field"},
		"dots only":          {"%{INT:.}", "bad field"},
		"empty bracket":      {"%{INT:[a][]}", "bad field"},
		"open bracket":       {"%{INT:[a}", "a ] is missing"},
		"ends the group":     {"%{INT:a>b}", "bad field"},
		"bad group":          {"(?<[a][>x)", "bad field"},
		"bottomless":         {"%{INT:" + strings.Repeat("[a]", 40) + "}", "levels deep"},
		"name with a blank":  {"%{ INT }%{INT }", "unknown grok pattern %{INT }"},
		"lower case by slip": {"%{number}", "did you mean %{NUMBER}?"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := l.Expand(c.pattern)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestPatternsAreOneUnit(t *testing.T) {
	for text, want := range map[string]bool{"aGETb": true, "aPROPPATCHb": true, "GETb": false, "aGET": false} {
		if got := match(t, grok.Builtin(), "^a%{HTTPMETHOD}b$", text); (got != nil) != want {
			t.Errorf("%s matches: %v", text, got != nil)
		}
	}
}

func TestFieldsOfManyPatternsAreCollected(t *testing.T) {
	cases := map[string]struct {
		pattern, text string
		want          map[string]any
	}{
		"an access log of 2006": {
			`(?P<remote_ip>%{IP})\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<http_method>%{HTTPMETHOD}) ` +
				`(?P<uri>\S+) (?P<http_version>%{HTTPVERSION})\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)\s+\"(?P<user_agent>[^"]*)\"`,
			`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395 "curl/7.38.0"`,
			map[string]any{
				"remote_ip": "192.168.2.20", "identd": "-", "user": "-", "datetime": "28/Jul/2006:10:27:10 -0300", "http_method": "GET",
				"uri": "/cgi-bin/try/", "http_version": "HTTP/1.0", "http_status": "200", "bytes_send": "3395", "user_agent": "curl/7.38.0",
			},
		},
		"nested fields": {
			"%{IP:net.client} %{NUMBER:[http][took]} (?<net.port>%{INT})", "::1 0.5 80",
			map[string]any{"net.client": "::1", "http.took": "0.5", "net.port": "80"},
		},
		"a field found twice":  {"%{WORD:w} %{WORD:w}", "nudge wink", map[string]any{"w": []any{"nudge", "wink"}}},
		"a field in a choice":  {"^(?:%{INT:n}|%{WORD:n})$", "six", map[string]any{"n": "six"}},
		"a field seen again":   {`^%{WORD:w} \k<w>$`, "spam spam", map[string]any{"w": "spam"}},
		"a name of one's own":  {"%{WORD:@timestamp} %{WORD:close-reason}", "now aged", map[string]any{"@timestamp": "now", "close-reason": "aged"}},
		"a group that is none": {"(?:%{INT:n})?%{WORD:w}", "larch", map[string]any{"w": "larch"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := match(t, grok.Builtin(), c.pattern, c.text); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAFieldThatWasNotFoundHasItsGroup(t *testing.T) {
	x, err := grok.Builtin().Expand("%{COMBINEDAPACHELOG}")
	if err != nil {
		t.Fatal(err)
	}
	p, err := regex.Compile(x.Pattern, regex.Options{Dialect: regex.Oniguruma})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range p.Names() {
		if name == "rawrequest" {
			return
		}
	}
	t.Error("no group is called rawrequest")
}

func FuzzExpand(f *testing.F) {
	f.Add("%{IP:client} %{WORD:a.b:int}", "%{INT}")
	f.Add("%{A}", "%{A}%{A}")
	f.Add(`%{A:[a][b]}\Q(?<a.b>`, `[[:alpha:](?<[x][y]>z)`)
	f.Add("%{A:x", `\`)
	f.Fuzz(func(t *testing.T, pattern, definition string) {
		x, err := grok.Builtin().With(map[string]string{"A": definition}).Expand(pattern)
		if err != nil {
			return
		}
		if len(x.Pattern) > 1<<20 {
			t.Errorf("grew to %d bytes", len(x.Pattern))
		}
		groups := map[string]bool{}
		for _, field := range x.Fields {
			if groups[field.Group] || field.Path != strings.Join(field.Segments, ".") || strings.Trim(field.Path, ".") != field.Path || field.Path == "" {
				t.Errorf("bad field %+v", field)
			}
			groups[field.Group] = true
		}
	})
}
