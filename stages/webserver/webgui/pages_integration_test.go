//go:build integration

package webgui_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestIntegrationTheFlowIsShownAndMoves(t *testing.T) {
	r := begin(t, "")
	r.flow()
	r.do(chromedp.Navigate(r.url + "/topology"))
	r.wait(`document.querySelectorAll(".flow .node").length === 4 && document.querySelectorAll(".flow .edge").length === 3 && document.querySelectorAll(".flow .filtered").length === 2`)
	r.wait(`[...document.querySelectorAll(".flow .rate")].every((e) => /\/s$/.test(e.textContent))`)
	first := js[string](r, `document.querySelector(".head .num").textContent`)
	r.wait(fmt.Sprintf(`document.querySelector(".head .num").textContent !== %q`, first))
	r.picture("topology")
	r.wait(`document.querySelector(".flow .role") && document.querySelectorAll(".flow .node").length === 4`) // it is drawn anew for the desktop
	r.do(chromedp.Focus(chromedp.CSS(`[data-id=RegexParser]`)), chromedp.KeyEvent(kb.Enter))
	r.wait(`document.querySelector(".split.open dl") && document.querySelector(".split.open").textContent.includes("field_extraction_patterns")`)
	r.picture("topology-module")
	r.do(chromedp.KeyEvent(kb.Escape))
	r.wait(`!document.querySelector(".split.open")`)

	r.do(chromedp.Navigate(r.url + "/"))
	r.wait(`document.querySelectorAll("tbody tr").length === 4 && Number(document.querySelector(".figure .value span").textContent) > 0`)
	r.wait(`document.querySelector("main").textContent.includes("Goroutines")`)
	r.wait(`document.querySelector(".spark.in .line").getAttribute("d").split("L").length > 4`)
	r.picture("overview")
	r.do(chromedp.Navigate(r.url + "/modules/RegexParser"))
	r.wait(`document.querySelector("main").textContent.includes("received") && document.querySelector("main").textContent.includes("Where its events go")`)
	r.picture("module")
	r.do(chromedp.Navigate(r.url + "/logs"))
	r.wait(`[...document.querySelectorAll(".lines .line")].some((l) => l.textContent.includes("started"))`)
	r.picture("logs")
}

func TestIntegrationTheTapShowsAnEventAndItsTextIsNoHTML(t *testing.T) {
	r := begin(t, "")
	r.do(chromedp.Navigate(r.url+"/tap?module=FileSink"), chromedp.WaitVisible(chromedp.CSS("#start")))
	r.wait(`document.querySelector("select").value === "FileSink"`)
	r.do(chromedp.Click(chromedp.CSS("#start")))
	r.wait(`document.getElementById("tap-status").dataset.open === "yes"`)
	for late := time.Now().Add(20 * time.Second); ; { // nobody tells when the tap is attached
		r.send("user=<script>document.title='gone'</script> password=naughty")
		if js[int](r, `document.querySelectorAll("#events .event").length`) > 0 {
			break
		}
		if time.Now().After(late) {
			t.Fatal("no event comes")
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.do(chromedp.Click(chromedp.CSS("#events summary")))
	r.wait(`document.querySelector("#events details[open] pre").textContent.includes("<script>document.title='gone'</script>")`)
	page := r.text("#events")
	title, scripts := js[string](r, "document.title"), js[int](r, `document.querySelectorAll("#events script").length`)
	if strings.Contains(title, "gone") || scripts > 0 || strings.Contains(page, "naughty\"") || !strings.Contains(page, `"password": "***"`) {
		t.Errorf("%s %d\n%s", title, scripts, page)
	}
	r.picture("tap")
	r.do(chromedp.Click(chromedp.CSS("#start")), chromedp.SetValue(chromedp.CSS("input.mono"), "$(a ="), chromedp.Click(chromedp.CSS("#start")))
	r.wait(`document.getElementById("tap-note") && document.getElementById("tap-note").textContent.startsWith("E029")`)
}

func TestIntegrationAWrongConfigurationIsRefusedWithItsLine(t *testing.T) {
	r := begin(t, "    tokens: ['tok-secret']\n    users: {}")
	r.login("", "tok-secret")
	r.do(chromedp.Navigate(r.url+"/configuration"), chromedp.WaitVisible(chromedp.CSS(".source")))
	if text := r.text("main"); strings.Contains(text, "tok-secret") || !strings.Contains(text, "'***'") {
		t.Error(text)
	}
	r.picture("configuration")
	r.do(chromedp.Click(chromedp.CSS(`[role=tab]:nth-child(3)`)), chromedp.WaitVisible(chromedp.CSS(".editor textarea")),
		chromedp.SetValue(chromedp.CSS(".editor textarea"), "- StdIn\n- RegexParsr:\n    x: 1\n- StdOutSink\n"), chromedp.Click(chromedp.CSS("#validate")))
	r.wait(`document.querySelector(".problems button") && document.querySelector(".problems").textContent.includes("line 2") && document.querySelector(".gutter .error") && document.querySelector(".gutter .error").textContent === "2"`)
	if got := r.text("#verdict"); !strings.Contains(got, "would not run") {
		t.Error(got)
	}
	r.picture("editor")
	r.do(chromedp.Click(chromedp.CSS(`[role=tab]:nth-child(2)`)))
	r.wait(`document.querySelectorAll("main .card").length === 6`)
	if text := r.text("main"); strings.Contains(text, "tok-secret") {
		t.Error(text)
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path, append(text, "- LoggerSink\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	r.do(chromedp.Navigate(r.url + "/configuration"))
	r.wait(`document.querySelector(".source .new") && document.querySelector(".source .new").textContent.includes("- LoggerSink") && !document.querySelector(".source .gone")`)
	r.picture("changed")
	r.do(chromedp.Navigate(r.url + "/modules/StdIn"))
	r.wait(`document.querySelector("main").textContent.includes("received")`)
	if js[int](r, `document.querySelectorAll(".actions button").length`) > 0 {
		t.Error("a viewer sees buttons")
	}
}

// login fills the form that everybody gets who comes without one.
func (r *running) login(user, password string) {
	r.t.Helper()
	r.do(chromedp.Navigate(r.url + "/logs"))
	r.wait(`location.pathname === "/login" && document.querySelector("form")`)
	js[any](r, fmt.Sprintf(`document.querySelector("[name=user]").value = %q, document.querySelector("[name=password]").value = %q, document.querySelector("form button").click()`, user, password))
	r.wait(`location.pathname === "/logs" || document.querySelector(".note.bad")`)
}

func TestIntegrationAUserLogsInAndActs(t *testing.T) {
	r := begin(t, "    users: {brian: naughty}")
	r.login("brian", "wrong")
	r.wait(`document.querySelector(".note.bad") !== null`)
	r.picture("login")
	r.login("brian", "naughty")
	r.wait(`location.pathname === "/logs" && document.getElementById("who").textContent.includes("brian")`)
	r.do(chromedp.Navigate(r.url + "/modules/StdIn"))
	r.wait(`[...document.querySelectorAll(".actions button")].some((b) => b.textContent === "Pause")`)
	r.press("Pause")
	r.wait(`document.querySelector("dialog")`)
	r.picture("pause")
	r.do(chromedp.Click(chromedp.CSS("dialog button.main")))
	r.wait(`document.querySelector(".state.s-paused") && [...document.querySelectorAll(".actions button")].some((b) => b.textContent === "Resume")`)
	r.press("Resume")
	r.wait(`document.querySelector(".state.s-ok")`)
	r.do(chromedp.Navigate(r.url + "/logs"))
	r.wait(`[...document.querySelectorAll(".lines .line")].some((l) => l.textContent.includes("action: pause user=brian"))`)
	r.do(chromedp.Click(chromedp.CSS("#who button")))
	r.wait(`location.pathname === "/login"`)
	r.do(chromedp.Navigate(r.url + "/logs"))
	r.wait(`location.pathname === "/login"`)
}

func TestIntegrationAChangeInTheEditorIsPutIntoEffect(t *testing.T) {
	r := begin(t, "    users: {brian: naughty}")
	r.login("brian", "naughty")
	r.wait(`location.pathname === "/logs"`)
	apply := func(script string) {
		t.Helper()
		r.do(chromedp.Navigate(r.url+"/configuration"), chromedp.WaitVisible(chromedp.CSS(".source")),
			chromedp.Click(chromedp.CSS(`[role=tab]:nth-child(3)`)), chromedp.WaitVisible(chromedp.CSS(".editor textarea")))
		js[any](r, `(() => { const area = document.querySelector(".editor textarea"); area.value = `+script+`; })()`)
		r.do(chromedp.Click(chromedp.CSS("#apply")))
		r.wait(`document.querySelector("dialog")`)
		r.do(chromedp.Click(chromedp.CSS("dialog button.main")))
		r.wait(`document.querySelector("#verdict")`)
	}
	apply(`area.value.replace(/- DevNullSink\n$/, "- DevNullSink:\n    queue_size: 7\n")`)
	if got := r.text("#verdict"); got != "This runs now." {
		t.Fatal(got)
	}
	r.wait(`document.querySelector(".toast").textContent === "Applied: replaced DevNullSink; 5 modules go on"`)
	r.picture("applied")
	now, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(now), "naughty") || !strings.Contains(string(now), "queue_size: 7") {
		t.Errorf("the file holds %s", now)
	}
	if before, err := os.ReadFile(r.path + ".bak"); err != nil || strings.Contains(string(before), "queue_size") {
		t.Errorf("%v %s", err, before)
	}
	apply(`"- StdIn\n- Nothing\n"`)
	r.wait(`document.querySelector(".problems") && document.querySelector(".problems").textContent.includes("line 2")`)
	if after, err := os.ReadFile(r.path); err != nil || string(after) != string(now) {
		t.Errorf("%v %s", err, after)
	}
	r.do(chromedp.Navigate(r.url+"/"), chromedp.WaitVisible(chromedp.CSS("#reload")), chromedp.Click(chromedp.CSS("#reload")))
	r.wait(`document.querySelector(".toast") && document.querySelector(".toast").textContent === "Reloaded: nothing has changed"`)
	r.wait(`document.querySelector("main").textContent.includes("Last reload")`)
	r.picture("reloaded")
}

func TestIntegrationTheDocumentationAndThePlaygroundAreBuiltIn(t *testing.T) {
	r := begin(t, "")
	r.do(chromedp.Navigate(r.url+"/docs"), chromedp.WaitVisible(chromedp.CSS(".classes a")))
	r.picture("docs")
	r.do(chromedp.Navigate(r.url+"/docs/RegexParser"), chromedp.WaitVisible(chromedp.CSS(".doc table")))
	r.picture("doc")
	r.do(chromedp.Navigate(r.url+"/test"), chromedp.WaitVisible(chromedp.CSS("#filter-result")))
	if got := r.text("#filter-result"); got != "It matches." {
		t.Error(got)
	}
	r.picture("playground")
	r.do(chromedp.Click(chromedp.CSS(`[role=tab]:nth-child(3)`)), chromedp.WaitVisible(chromedp.CSS(".editor")))
	r.press("Run")
	r.wait(`[...document.querySelectorAll(".event")].some((e) => e.textContent.includes('"path": "/index.html"'))`)
	r.picture("rehearsal")
	r.in.Close() // which ends the program
	r.wait(`!document.getElementById("lost").hidden`)
	r.picture("lost")
}

func TestIntegrationARevisionIsApprovedAndRolledBack(t *testing.T) {
	r := begin(t, "    users: {brian: naughty}\n- Pack: {name: test, secret: a secret of many letters, node_name: log1, interface: 127.0.61.2, port: 0, join: [127.0.61.2], interval: 100ms, pack: leader}\n"+
		"- PackConfiguration: {approve: manual, interval: 200ms, ignore_modules: [WebserverTornado, WebGui]}")
	r.login("brian", "naughty")
	r.do(chromedp.Navigate(r.url + "/pack"))
	approve := func(number int) {
		t.Helper()
		r.wait(fmt.Sprintf(`document.querySelector("#waiting") && document.querySelector("#waiting").textContent.includes("Revision %d of log1")`, number))
		r.press("Approve")
		r.wait(`document.querySelector("dialog")`)
		r.do(chromedp.Click(chromedp.CSS("dialog button.main")))
		r.wait(fmt.Sprintf(`!document.querySelector("#waiting") && document.querySelector("#history tr:nth-child(1)") && [...document.querySelectorAll("#history tbody tr")].some((l) => l.textContent.startsWith("%d ·") && l.textContent.includes("given"))`, number))
	}
	approve(1)
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path, []byte(strings.Replace(string(text), "- DevNullSink\n", "- DevNullSink:\n    queue_size: 7\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.wait(`document.querySelector("#waiting .source .new") && document.querySelector("#waiting .source .new").textContent.includes("DevNullSink")`)
	r.picture("pack-approve")
	approve(2)
	r.press("Compare") // the last one on the page is that of revision 1
	r.wait(`document.querySelector("#compare .source .gone")`)
	r.picture("pack-compare")
	r.press("Roll back")
	r.wait(`[...document.querySelectorAll("#history tbody tr")].some((l) => l.textContent.startsWith("3 ·") && l.textContent.includes("rollback of 2 to 1") && l.textContent.includes("brian"))`)
	r.wait(`document.querySelector("#actions").textContent.includes("rollback") && document.querySelector("#actions").textContent.includes("(page)")`)
	r.picture("pack-rollback")
	if now, err := os.ReadFile(r.path); err != nil || !strings.Contains(string(now), "queue_size: 7") {
		t.Errorf("the file was written: %v %s", err, now)
	}
	r.do(chromedp.Navigate(r.url + "/modules/DevNullSink"))
	r.wait(`document.querySelector("main").textContent.includes("received") && !document.querySelector("main").textContent.includes("queue_size7")`)
}

func TestIntegrationWithoutWebSocketsThePagesAsk(t *testing.T) {
	for name, script := range map[string]string{
		"a browser that has none":        `delete window.WebSocket`,
		"a proxy that lets none through": `window.WebSocket = class { constructor() { setTimeout(() => this.onclose && this.onclose({ code: 1006 }), 0); } close() {} }`,
	} {
		t.Run(name, func(t *testing.T) {
			// The first script that the pages load begins with this one.
			dir := t.TempDir()
			text, err := os.ReadFile("assets/dom.js")
			if err == nil {
				err = os.Mkdir(filepath.Join(dir, "assets"), 0o750)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "assets", "dom.js"), append([]byte(script+";\n"), text...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := begin(t, "    document_root: "+dir)
			r.flow()
			r.do(chromedp.Navigate(r.url + "/"))
			r.wait(`document.querySelectorAll("tbody tr").length === 4 && Number(document.querySelector(".figure .value span").textContent) > 0`)
			r.wait(`document.getElementById("lost").hidden`)
			r.do(chromedp.Navigate(r.url + "/logs"))
			r.wait(`[...document.querySelectorAll(".lines .line")].some((l) => l.textContent.includes("started"))`)
		})
	}
}

func TestIntegrationTheLogLevelIsSetForSomeMinutes(t *testing.T) {
	r := begin(t, "")
	r.do(chromedp.Navigate(r.url+"/logs"), chromedp.WaitVisible(chromedp.CSS("#louder")))
	r.do(chromedp.Click(chromedp.CSS("#louder")))
	r.wait(`document.querySelector("dialog input[name=minutes]")`)
	js[bool](r, `(() => { document.querySelector("dialog input[name=minutes]").value = "3"; return true; })()`)
	r.press("Set")
	r.wait(`document.getElementById("toasts").textContent.includes("Everything logs at level debug for 3 min")`)
	r.wait(`[...document.querySelectorAll(".lines .line")].some((l) => l.textContent.includes("seconds=180") || l.textContent.includes("log level"))`)
	r.do(chromedp.Navigate(r.url + "/modules/RegexParser"))
	r.wait(`document.querySelector("main").textContent.includes("Options of RegexParser") && document.querySelector("main").textContent.includes("field_extraction_patterns")`)
}
