//go:build aws

package sqs_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"gambolputty/actor"
)

// stuck is an output that confirms nothing before it is released.
type stuck struct {
	got    chan struct{} // closed when the first events have come
	free   chan struct{}
	once   sync.Once
	events atomic.Int64
}

func newStuck() *stuck { return &stuck{got: make(chan struct{}), free: make(chan struct{})} }

func (s *stuck) spec() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Stuck", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return s, nil })
}

// Write waits.
func (s *stuck) Write(ctx context.Context, b *actor.Batch) error {
	s.once.Do(func() { close(s.got) })
	select {
	case <-s.free:
		s.events.Add(int64(b.Len()))
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *stuck) release()   { close(s.free) }
func (s *stuck) count() int { return int(s.events.Load()) }

// newSTS is a service that gives a key to whoever asks for a role.
func newSTS(t *testing.T, key string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Form.Get("RoleArn") == "" || r.Form.Get("RoleSessionName") != "gambolputty" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, fmt.Sprintf(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>A:g</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/minister/g</Arn></AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, key))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
