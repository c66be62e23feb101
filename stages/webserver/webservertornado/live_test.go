package webservertornado_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/logbook"
	"gambolputty/config"
	"gambolputty/stages/webserver/webservertornado"
)

// program stands in for the process around the server.
type program struct {
	plan    *config.Plan
	loader  config.Loader
	levels  []string
	stopped chan struct{}
	invalid *config.Report // what a reload finds
	refusal error
	written []string
	loads   atomic.Int64
}

func (p *program) Plan() *config.Plan    { return p.plan }
func (p *program) Loader() config.Loader { return p.loader }
func (p *program) Stop()                 { close(p.stopped) }

func (p *program) SetLevel(module, level string, d time.Duration) error {
	if level == "loud" {
		return errors.New("there is no level loud")
	}
	p.levels = append(p.levels, fmt.Sprint(module, " ", level, " ", d))
	return nil
}

func (p *program) Reload() (actor.Change, error) {
	defer p.loads.Add(1) // at the end, so that who has seen it may change what is read here
	if p.invalid != nil {
		return actor.Change{}, &config.InvalidError{Report: p.invalid}
	}
	return actor.Change{Kept: []string{"Lines"}, Added: []string{"new"}}, p.refusal
}

func (p *program) LastReload() (webservertornado.Reload, int64, int64) {
	return webservertornado.Reload{Time: time.Unix(1, 0), Err: errors.New("the port is taken")}, 2, 3
}

func (p *program) Check() *config.Report {
	if p.invalid != nil {
		return p.invalid
	}
	return &config.Report{}
}

func (p *program) Write(text, hash string) (actor.Change, error) {
	p.written = append(p.written, text)
	return p.Reload()
}

func (p *program) Rehearse(context.Context, config.Loader, string, []string) ([]webservertornado.Step, error) {
	return []webservertornado.Step{{Module: "Lines", Receiver: "TestCatch", Event: json.RawMessage(`{"data":"x"}`)}}, nil
}

// full is a server with a program around it.
type full struct {
	*served
	book    *logbook.Book
	program *program
}

func serveFull(t *testing.T, options string, lines ...string) *full {
	t.Helper()
	feed := make(chan string)
	text := "- WebserverTornado:\n    port: 0\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n- Lines:\n    receivers:\n      - TestCatch:\n          filter: $(data) != 'no'\n- TestCatch\n"
	f := &full{book: new(logbook.Book), program: &program{stopped: make(chan struct{})}}
	for _, l := range lines {
		f.book.Add(logbook.Line{Time: time.Now(), Level: slog.LevelInfo, Module: "Lines", Text: l})
	}
	specs := []actor.Spec{webservertornado.Spec, actortest.Lines(feed)}
	f.program.loader = config.Loader{Specs: append(specs, actor.DefineSink(actor.Info{Name: "TestCatch", Role: actor.Output}, struct{}{}, nil))}
	f.program.plan, _ = f.program.loader.LoadText("/nowhere/test.yml", []byte(text))
	f.served = &served{t: t, feed: feed, Running: actortest.StartOffering(t, []any{f.program, f.book}, text, specs...)}
	f.url = "http://" + f.Addr()
	f.http.Transport = &http.Transport{DisableKeepAlives: true}
	return f
}

// dial opens a WebSocket.
func (f *full) dial(path string, header http.Header) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	return websocket.Dial(ctx, f.url+path, &websocket.DialOptions{HTTPHeader: header, HTTPClient: &f.http})
}

func (f *full) open(path string) *websocket.Conn {
	f.t.Helper()
	c, _, err := f.dial(path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.CloseNow() })
	return c
}

// next reads messages until one is wanted.
func next[T any](t *testing.T, c *websocket.Conn, wanted func(T) bool) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if wanted(v) {
			return v
		}
	}
}

// closed reads until the other side closes and returns how.
func closed(t *testing.T, c *websocket.Conn) websocket.CloseError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			bye, ok := errors.AsType[websocket.CloseError](err)
			if !ok {
				t.Fatal(err)
			}
			return bye
		}
	}
}

type tapped struct {
	Module, Where, Edge string
	Event               map[string]any
	Lossy               bool
	Dropped             int
}

func TestTheTapShowsEventsAsTheyPass(t *testing.T) {
	f := serveFull(t, "")
	in, out := f.open("/websockets/tap?module=TestCatch&filter=%24(data)+!%3D+%27spam%27"), f.open("/websockets/tap?module=Lines&where=out")
	f.tapsAreOpen(2)
	f.send("no", "spam", "eggs\xff")
	all := func(tapped) bool { return true }
	if e := next(t, in, all); e.Module != "TestCatch" || e.Where != "in" || e.Event["data"] != "eggs\ufffd" || !e.Lossy {
		t.Errorf("%+v", e)
	}
	if e := next(t, out, all); e.Where != "out" || e.Edge != "TestCatch" || e.Event["data"] != "spam" || e.Lossy {
		t.Errorf("%+v", e)
	}
	f.Stop()
}

// tapsAreOpen waits until so many taps are attached.
func (f *full) tapsAreOpen(n int) {
	f.t.Helper()
	for late := time.Now().Add(10 * time.Second); strings.Count(f.Log(), "events are watched") < n; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			f.t.Fatal("the tap does not open")
		}
	}
}

func TestWhatTheRateOfATapCutsIsTold(t *testing.T) {
	f := serveFull(t, "")
	c := f.open("/websockets/tap?module=Lines&rate=2")
	f.tapsAreOpen(1)
	f.send(strings.Split(strings.Repeat("x ", 20), " ")...)
	if e := next(t, c, func(e tapped) bool { return e.Dropped > 0 }); e.Dropped < 10 {
		t.Errorf("%+v", e)
	}
	f.Stop()
}

func TestATapEndsWithItsCount(t *testing.T) {
	f := serveFull(t, "")
	c := f.open("/websockets/tap?module=Lines&count=1")
	f.tapsAreOpen(1)
	f.send("a", "b")
	next(t, c, func(e tapped) bool { return e.Event["data"] == "a" })
	if bye := closed(t, c); bye.Code != websocket.StatusNormalClosure {
		t.Error(bye)
	}
	f.Stop()
}

func TestATapThatMakesNoSenseIsClosed(t *testing.T) {
	f := serveFull(t, "")
	for query, want := range map[string]string{
		"module=Lines&filter=%24(": "4400 E029", "module=nobody": "4404 there is no such module: nobody", "module=WebserverTornado": "4404",
		"module=Lines&rate=1001": "4400 rate must be", "module=Lines&rate=x": "4400", "module=Lines&count=0": "4400", "module=Lines&where=up": "4400 where must be in or out",
		"module=Lines&where=out&edge=x": "4404 there is no such edge",
	} {
		bye := closed(t, f.open("/websockets/tap?"+query))
		if got := fmt.Sprintf("%d %s", bye.Code, bye.Reason); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	f.Stop()
}

type logged struct {
	Message   string `json:"log_message"`
	Level     string
	Module    string
	Timestamp float64
}

func TestTheLogIsStreamed(t *testing.T) {
	var before []string
	for i := range 150 {
		before = append(before, fmt.Sprint("line ", i))
	}
	f := serveFull(t, "", before...)
	c := f.open("/websockets/get_logs")
	all := func(logged) bool { return true }
	if l := next(t, c, all); l.Message != "line 50" || l.Level != "INFO" || l.Module != "Lines" || l.Timestamp == 0 {
		t.Errorf("a new client gets the last hundred lines first, got %+v", l)
	}
	next(t, c, func(l logged) bool { return l.Message == "line 149" })
	if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"level": "warn", "module": "TestCatch"}`)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		for ctx.Err() == nil { // as nobody knows when the filter has arrived
			f.book.Add(logbook.Line{Level: slog.LevelInfo, Module: "TestCatch", Text: "info"})
			f.book.Add(logbook.Line{Level: slog.LevelError, Module: "Lines", Text: "other"})
			f.book.Add(logbook.Line{Level: slog.LevelError, Module: "TestCatch", Text: "\x1b[31mthis\x1b[0m http://u:p@h/x"})
			time.Sleep(time.Millisecond)
		}
	}()
	row := 0 // of lines that pass the filter; without it there are never two
	next(t, c, func(l logged) bool {
		if row++; l.Message != "this http://***@h/x" || l.Level != "ERROR" || l.Module != "TestCatch" {
			row = 0
		}
		return row == 10
	})
	stop()
	<-writing
	if err := c.Write(t.Context(), websocket.MessageText, []byte(`nonsense`)); err != nil {
		t.Fatal(err)
	}
	if bye := closed(t, c); bye.Code != 4400 {
		t.Error(bye)
	}
	f.Stop()
}

func TestStatisticsAreStreamed(t *testing.T) {
	f := serveFull(t, "")
	c := f.open("/websockets/statistics")
	f.send("a", "b")
	f.Wait(2)
	s := next(t, c, func(s struct {
		Received int
		Types    map[string]int `json:"event_types"`
		Queues   map[string]int
		Edges    []map[string]any
		Modules  []map[string]any
	}) bool {
		return s.Received == 2
	})
	if _, known := s.Queues["TestCatch"]; !known || len(s.Edges) != 1 || s.Edges[0]["from"] != "Lines" || len(s.Modules) != 2 || s.Types["Unknown"] != 2 {
		t.Errorf("%+v", s)
	}
	f.Stop()
}

func TestPagesOfOthersGetNoWebSocket(t *testing.T) {
	f := serveFull(t, "")
	for _, path := range []string{"/websockets/statistics", "/websockets/get_logs", "/websockets/tap?module=Lines"} {
		for _, h := range []http.Header{{"Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}} {
			if _, r, err := f.dial(path, h); err == nil || r.StatusCode != http.StatusForbidden {
				t.Errorf("%s %v: %v", path, h, err)
			}
		}
		c, _, err := f.dial(path, http.Header{"Origin": {f.url}})
		if err != nil {
			t.Error(err)
			continue
		}
		c.CloseNow()
	}
	f.Stop()
}

func TestPagesThatPointTheirNameHereGetNoWebSocket(t *testing.T) {
	f := serveFull(t, "")
	for _, path := range []string{"/websockets/statistics", "/websockets/get_logs", "/websockets/tap?module=Lines"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, r, err := websocket.Dial(ctx, f.url+path, &websocket.DialOptions{Host: "evil.example", HTTPHeader: http.Header{"Origin": {"http://evil.example"}}, HTTPClient: &f.http})
		cancel()
		if err == nil || r.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s: %v", path, err)
		}
	}
	f.Stop()
}

func TestThereIsALimitForWebSocketsAndAStopTellsThem(t *testing.T) {
	f := serveFull(t, "")
	var open []*websocket.Conn
	for range 100 {
		open = append(open, f.open("/websockets/statistics"))
	}
	if _, r, err := f.dial("/websockets/statistics", nil); err == nil || r.StatusCode != http.StatusServiceUnavailable {
		t.Error(err)
	}
	codes := make(chan websocket.StatusCode, len(open))
	for _, c := range open {
		go func() {
			for {
				if _, _, err := c.Read(context.Background()); err != nil {
					codes <- websocket.CloseStatus(err)
					return
				}
			}
		}()
	}
	f.Stop()
	for range open {
		if code := <-codes; code != websocket.StatusGoingAway {
			t.Errorf("closed with %d", code)
		}
	}
}

// That no goroutine stays is checked at the end of all tests.
func TestAThousandClientsComeAndGo(t *testing.T) {
	f := serveFull(t, "")
	for i := range 1000 {
		c := f.open([]string{"/websockets/statistics", "/websockets/get_logs", "/websockets/tap?module=Lines"}[i%3])
		if i%2 == 0 {
			c.CloseNow()
		} else {
			c.Close(websocket.StatusNormalClosure, "")
		}
	}
	f.Stop()
}
