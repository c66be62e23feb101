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
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
