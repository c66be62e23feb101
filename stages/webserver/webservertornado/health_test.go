package webservertornado_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/webserver/webservertornado"
)

// ill is a module that has trouble with its counterpart from the start.
type ill struct{ env actor.Env }

func (i ill) Serve(ctx context.Context) error {
	i.env.Ailing("store", "the store does not answer")
	<-ctx.Done()
	return nil
}

func TestHealthTellsOfCounterpartsThatAreAway(t *testing.T) {
	feed := make(chan string)
	sick := actor.DefineService(actor.Info{Name: "Ill", Role: actor.StandAlone}, struct{}{}, func(e actor.Env, _ struct{}) (actor.Service, error) { return ill{e}, nil })
	s := &served{t: t, feed: feed, Running: actortest.Start(t, "- WebserverTornado: {port: 0}\n- Ill\n- Lines\n- TestCatch\n", webservertornado.Spec, sick, actortest.Lines(feed))}
	s.url = "http://" + s.Addr()
	s.http.Transport = &http.Transport{DisableKeepAlives: true}
	wiretest.Until(t, "the module to be ill", func() bool {
		status, text, _ := s.get("/healthz")
		return status == http.StatusOK && text == "degraded\nIll: the store does not answer\n"
	})
	if _, text, _ := s.get("/api/v1/modules/Ill"); !strings.Contains(text, `"ailments":["the store does not answer"]`) {
		t.Error(text)
	}
	s.Stop()
}
