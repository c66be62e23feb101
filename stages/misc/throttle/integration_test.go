//go:build integration

package throttle

import (
	"fmt"
	"sync"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/misc/redisstore"
)

func TestIntegrationProcessesCountTogetherInRedis(t *testing.T) {
	server := redistest.Start(t)
	var all sync.WaitGroup
	passed := make([]int, 4)
	for i := range passed {
		config := fmt.Sprintf("- Numbers\n- RedisStore: {server: '%s'}\n- Throttle: {key: x, backend: RedisStore, max_count: 1234, pool_size: 2}\n- TestCatch\n", server.Addr())
		r := actortest.Start(t, config, Spec, redisstore.Spec, actortest.Numbers(1000))
		all.Go(func() { passed[i] = len(r.Finish()) })
	}
	all.Wait()
	if sum := passed[0] + passed[1] + passed[2] + passed[3]; sum != 1234 {
		t.Errorf("%d events passed: %v", sum, passed)
	}
}
