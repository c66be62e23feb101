package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor"
)

func TestOptionsAreShownAsTheyStandInTheFileWithoutSecrets(t *testing.T) {
	t.Setenv("GP_PORT", "5151")
	for text, want := range map[string]string{
		"- Guarded: {pass: spam, port: 0x10, receivers: [StdOutSink]}":                             `{"password":"***","port":16,"receivers":["StdOutSink"]}`,
		"- Guarded: {inner: {headers: {a: b}, plain: c, my_token: d}, receivers: [StdOutSink]}":    `{"inner":{"headers":{"a":"***"},"my_token":"***","plain":"c"},"receivers":["StdOutSink"]}`,
		"- Guarded: {users: {a: b}, tokens: [c, ''], token_split: True, receivers: [StdOutSink]}":  `{"receivers":["StdOutSink"],"token_split":true,"tokens":["***",""],"users":{"a":"***"}}`,
		"- Guarded:\n    url: 'http://u:p@h/x'\n    port: ${GP_PORT}\n    receivers: [StdOutSink]": `{"port":"***","receivers":["StdOutSink"],"url":"http://***@h/x"}`,
		"- Guarded: {receivers: [StdOutSink], add_fields: {a: 1.5, sasl_password: x, b: null}}":    `{"add_fields":{"a":1.5,"b":null,"sasl_password":"***"},"receivers":["StdOutSink"]}`,
	} {
		plan, report := guardedLoader().LoadText("x.yml", []byte(text+"\n- StdOutSink\n"))
		if !report.OK(false) {
			t.Errorf("%s: %s", text, report.Text())
			continue
		}
		got, err := json.Marshal(plan.Modules[0].Given())
		if err != nil || string(got) != want {
			t.Errorf("%s: %v %s", text, err, got)
		}
	}
}

func TestItemsAreTheListOfTheFile(t *testing.T) {
	plan, report := guardedLoader().LoadText("x.yml", []byte("- Guarded: {pass: spam}\n- Guarded: {enabled: False, id: b}\n- StdOutSink\n"))
	got, err := json.Marshal(plan.Items())
	if err != nil || !report.OK(false) || string(got) != `[{"Name":"Guarded","Options":{"pass":"***"}},{"Name":"Guarded","Options":{"enabled":false,"id":"b"}},{"Name":"StdOutSink","Options":{}}]` {
		t.Errorf("%v %s %s", err, report.Text(), got)
	}
}

// curious looks into a file when it is asked what is wrong.
type curious struct {
	File string `opt:"file" doc:"x."`
}

func (c *curious) Validate() error {
	_, err := os.ReadFile(c.File)
	return err
}

func (c *curious) Reads() []actor.File {
	if c.File == "" {
		return nil
	}
	return []actor.File{{Option: "file", Path: c.File}}
}

func TestASealedLoaderLooksIntoNoFile(t *testing.T) {
	l := Loader{Specs: append(testSpecs(), spec("Curious", actor.Input, func() any { return &curious{} }))}
	missing := filepath.Join(t.TempDir(), "missing")
	text := []byte("- Curious: {file: " + missing + "}\n- StdOutSink\n")
	if _, report := l.LoadText("x.yml", text); report.OK(false) {
		t.Error("the file was not looked for")
	}
	l.Sealed = true
	_, report := l.LoadText("x.yml", text)
	if got := report.Text(); !report.OK(false) || !strings.Contains(got, "W119") || !strings.Contains(got, "x.yml:1:19") || strings.Contains(got, "no such file") {
		t.Error(got)
	}
}
