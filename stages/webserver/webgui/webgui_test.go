package webgui_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/webserver/webgui"
	"gambolputty/stages/webserver/webservertornado"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get asks until the page is there, as it comes when all modules have started.
func get(t *testing.T, r *actortest.Running, path string) (string, http.Header) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		res, err := client.Get("http://" + r.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusOK {
			return string(text), res.Header
		}
		if time.Now().After(late) {
			t.Fatalf("%s: %s", path, res.Status)
		}
	}
}

func start(t *testing.T, options string) *actortest.Running {
	t.Helper()
	feed := make(chan string)
	return actortest.Start(t, "- WebGui:\n    title: <Judea>\n    "+options+"\n- WebserverTornado: {port: 0}\n- Lines\n- TestCatch\n", webgui.Spec, webservertornado.Spec, actortest.Lines(feed))
}

func TestThePageLoadsNothingFromElsewhere(t *testing.T) {
	r := start(t, "")
	page, h := get(t, r, "/")
	if !strings.Contains(page, "<title>&lt;Judea&gt;</title>") || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		t.Errorf("%v\n%s", h, page)
	}
	script, h := get(t, r, "/app.js")
	if !strings.Contains(h.Get("Content-Type"), "javascript") {
		t.Error(h)
	}
	style, h := get(t, r, "/style.css")
	if !strings.HasPrefix(h.Get("Content-Type"), "text/css") {
		t.Error(h)
	}
	if found := regexp.MustCompile(`(src|href)="(https?:)?//`).FindString(page); found != "" {
		t.Error(found)
	}
	for _, text := range []string{script, style} {
		if found := regexp.MustCompile(`https?://[^w]`).FindString(text); found != "" {
			t.Error(found)
		}
	}
	if strings.Contains(script, "innerHTML") || strings.Contains(script, "eval(") || strings.Contains(page, "onclick") {
		t.Error("what an event holds could become part of the page")
	}
	for _, id := range regexp.MustCompile(`\$\("([a-z-]+)"\)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("the script looks for %s, which is not on the page", id[1])
		}
	}
	r.Stop()
}

func TestOwnFilesTakeThePlaceOfTheBuiltInOnes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "style.css"), []byte("p {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "document_root: "+dir)
	if text, _ := get(t, r, "/style.css"); text != "p {}" {
		t.Error(text)
	}
	if text, _ := get(t, r, "/app.js"); !strings.Contains(text, "topology") {
		t.Error("the built-in script is not there")
	}
	r.Stop()
}

func TestAWebServerIsNeeded(t *testing.T) {
	actortest.Wrong(t, webgui.Spec, map[string]string{"title: x": "WebserverTornado"})
}
