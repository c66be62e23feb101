//go:build integration

package facet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/misc/redisstore"
)

func TestIntegrationProcessesCollectTogetherInRedis(t *testing.T) {
	server := redistest.Start(t)
	config := fmt.Sprintf("- Lines\n- RedisStore: {server: '%s'}\n- Facet: {source_field: data, group_by: g, interval: 3, redis_store: RedisStore}\n- TestCatch\n", server.Addr())
	var feeds [3]chan string
	var runs [3]*actortest.Running
	for i := range runs {
		feeds[i] = make(chan string)
		runs[i] = actortest.Start(t, config, Spec, redisstore.Spec, actortest.Lines(feeds[i]))
	}
	for i, f := range feeds {
		f <- "same"
		f <- fmt.Sprint("own", i)
	}
	time.Sleep(6 * time.Second)
	seen := map[string]int{}
	events := 0
	for _, r := range runs {
		for _, e := range r.Stop() {
			v, ok := e.Get(event.MustPath("facets"))
			if !ok {
				continue
			}
			events++
			for i := range v.List().Len() {
				seen[v.List().At(i).Str()]++
			}
		}
	}
	if fmt.Sprint(seen) != "map[own0:1 own1:1 own2:1 same:1]" || events != 1 {
		t.Errorf("%d events with %v", events, seen)
	}
	if keys := server.CLI("keys", "*"); strings.TrimSpace(keys) != "" {
		t.Errorf("left in the store: %s", keys)
	}
}
