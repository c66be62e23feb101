//go:build integration

package webgui_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// running is the real program with the pages, and a browser that looks at them.
type running struct {
	t    *testing.T
	url  string
	in   io.WriteCloser
	tab  context.Context
	path string // of the configuration
}

const pipeline = `- WebserverTornado:
    port: 0
    interface: 127.0.0.1
%s
- WebGui:
    title: The Ministry
    mask_fields: [password]
- StdIn:
    receivers: [RegexParser]
- RegexParser:
    field_extraction_patterns:
      - walk: 'user=(?P<user>\S+) password=(?P<password>\S+)'
    receivers:
      - FileSink:
          filter: $(gambolputty.event_type) == 'walk'
      - DevNullSink:
          filter: $(gambolputty.event_type) != 'walk'
- FileSink:
    file_name: %s
- DevNullSink
`

// begin starts the program and a browser. web are more options of the web server.
func begin(t *testing.T, web string) *running {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "gambolputty")
	if out, err := exec.Command("go", "build", "-o", program, "gambolputty/cmd/gambolputty").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := &running{t: t, path: filepath.Join(dir, "pipeline.yml")}
	text := fmt.Sprintf(pipeline, web, filepath.Join(dir, "out.log"))
	if err := os.WriteFile(r.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "run", "-c", r.path)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	r.in = in
	address := make(chan string, 1)
	go func() {
		found := regexp.MustCompile(`WebserverTornado .*address=(\S+)`)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if m := found.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	select {
	case a := <-address:
		r.url = "http://" + a
	case <-time.After(30 * time.Second):
		t.Fatal("the program does not say where it listens")
	}
	t.Cleanup(func() {
		in.Close()
		defer time.AfterFunc(30*time.Second, func() { c.Process.Kill() }).Stop()
		if err := c.Wait(); err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	r.browse()
	r.ready()
	return r
}

// ready waits until the pages are there.
func (r *running) ready() {
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
		if res, err := http.Get(r.url + "/assets/style.css"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	r.t.Fatal("the pages do not come")
}

func (r *running) browse() {
	r.t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		r.t.Fatal(err)
	}
	o := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromium), chromedp.UserDataDir(r.t.TempDir()), chromedp.NoFirstRun, chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU}
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		o = append(o, chromedp.Flag(flag, true))
	}
	all, end := chromedp.NewExecAllocator(context.Background(), o...)
	r.t.Cleanup(end)
	tab, endTab := chromedp.NewContext(all)
	r.t.Cleanup(endTab)
	r.tab = tab
	r.do(chromedp.EmulateViewport(1280, 900)) // which starts the browser, as long as the tab lives
	var endTime context.CancelFunc
	r.tab, endTime = context.WithTimeout(tab, 2*time.Minute)
	r.t.Cleanup(endTime)
}

// do does something in the browser within a while.
func (r *running) do(actions ...chromedp.Action[chromedp.Void]) {
	r.t.Helper()
	if err := chromedp.Do(r.tab, actions...); err != nil {
		page, _ := chromedp.Run(r.tab, chromedp.Text(chromedp.CSS("body"))) // for the message only
		r.t.Fatalf("%v\n%s", err, page)
	}
}

// js evaluates JavaScript.
func js[T any](r *running, expression string) T {
	r.t.Helper()
	v, err := chromedp.Run(r.tab, chromedp.Evaluate[T](expression))
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// press clicks the button with the given text.
func (r *running) press(text string) {
	r.t.Helper()
	r.wait(fmt.Sprintf(`[...document.querySelectorAll("button")].some((b) => b.textContent === %q)`, text))
	js[any](r, fmt.Sprintf(`[...document.querySelectorAll("button")].findLast((b) => b.textContent === %q).click()`, text))
}

// wait waits until an expression of JavaScript is true.
func (r *running) wait(expression string) {
	r.t.Helper()
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		// An error may be that of a page that is just being left.
		good, err := chromedp.Run(r.tab, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && good {
			return
		}
		if time.Now().After(late) {
			page, _ := chromedp.Run(r.tab, chromedp.Text(chromedp.CSS("body"))) // for the message only
			r.t.Fatalf("%v\n%s\n%s", err, expression, page)
		}
	}
}

func (r *running) text(selector string) string {
	r.t.Helper()
	return js[string](r, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

func (r *running) send(lines ...string) {
	r.t.Helper()
	for _, l := range lines {
		if _, err := io.WriteString(r.in, l+"\n"); err != nil {
			r.t.Fatal(err)
		}
	}
}

// flow sends lines until the test ends.
func (r *running) flow() {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := fmt.Fprintf(r.in, "user=brian%d password=naughty\nsomething else\n", i); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	r.t.Cleanup(func() { cancel(); <-done })
}

// picture takes a screenshot at the width of a desktop and of a phone, where the environment
// says that somebody wants them.
func (r *running) picture(name string) {
	r.t.Helper()
	dir := os.Getenv("GAMBOLPUTTY_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 390, 844}} {
		r.do(chromedp.EmulateViewport(size.width, size.height), chromedp.Sleep(300*time.Millisecond))
		png, err := chromedp.Run(r.tab, chromedp.CaptureScreenshot())
		if err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+size.name+".png"), png, 0o644); err != nil {
			r.t.Fatal(err)
		}
		if js[bool](r, "document.documentElement.scrollWidth > window.innerWidth + 1") {
			r.t.Errorf("%s is wider than the screen of a %s", name, size.name)
		}
	}
	r.do(chromedp.EmulateViewport(1280, 900))
}

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
