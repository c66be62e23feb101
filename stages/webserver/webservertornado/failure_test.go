package webservertornado_test

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/webserver/webservertornado"
)

// pages is a module that adds pages, as WebGui does.
type pages struct {
	env   actor.Env
	added chan error
}

type pageServer interface {
	Handle(path string, page http.Handler) error
	Broken(w http.ResponseWriter, r *http.Request, err error)
}

func (p pages) Serve(ctx context.Context) error {
	for p.env.Phase() == actor.Starting {
		time.Sleep(time.Millisecond)
	}
	s, _ := actor.Find[pageServer](p.env, "WebserverTornado")
	p.added <- s.Handle("/api/own", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("spam fell over") }))
	p.added <- s.Handle("/own", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Broken(w, r, os.ErrClosed) }))
	p.added <- s.Handle("/own", http.NotFoundHandler())
	<-ctx.Done()
	return nil
}

func TestWhatFailsIsTold(t *testing.T) {
	dir, added := t.TempDir(), make(chan error, 3)
	feed := make(chan string)
	own := actor.DefineService(actor.Info{Name: "Pages", Role: actor.StandAlone}, struct{}{}, func(e actor.Env, _ struct{}) (actor.Service, error) { return pages{e, added}, nil })
	s := &served{t: t, feed: feed, Running: actortest.Start(t, "- WebserverTornado: {port: 0, base_path: /gp, document_root: "+dir+"}\n- Pages\n- Lines\n- TestCatch\n", webservertornado.Spec, own, actortest.Lines(feed))}
	s.url = "http://" + s.Addr() + "/gp"
	s.http.Transport = &http.Transport{DisableKeepAlives: true}
	for _, want := range []bool{true, true, false} {
		if err := <-added; (err == nil) != want {
			t.Errorf("adding a page: %v", err)
		}
	}
	id := regexp.MustCompile(`request ([A-Z2-7]{26}) failed`)
	for path, kind := range map[string]string{"/api/own": "application/json", "/own": "text/html"} {
		status, text, h := s.get(path, "Accept", "text/html")
		found := id.FindStringSubmatch(text)
		if status != http.StatusInternalServerError || !strings.HasPrefix(h.Get("Content-Type"), kind) || found == nil || !strings.Contains(s.Log(), found[1]) {
			t.Errorf("%s: %d %v %s", path, status, h, text)
		}
	}
	if log := s.Log(); !strings.Contains(log, "spam fell over") || !strings.Contains(log, "failure_test.go") {
		t.Error(log)
	}
	// A page for people is HTML, and what they asked for stands nowhere in it.
	if status, text, h := s.get("/nothing%3Cscript%3E", "Accept", "text/html"); status != http.StatusNotFound || !strings.HasPrefix(h.Get("Content-Type"), "text/html") || !strings.Contains(text, "<h1>404 Not Found</h1>") || strings.Contains(text, "script") {
		t.Errorf("%d %v %s", status, h, text)
	}
	// What is wrong with a path under base_path is JSON there, too, whoever says so.
	r, err := http.NewRequest(http.MethodPost, s.url+"/api/v1/reload", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://evil.example")
	res, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusForbidden || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	s.Stop()
}
