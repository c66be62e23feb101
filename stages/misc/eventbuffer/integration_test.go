//go:build integration && unix

package eventbuffer_test

import (
	"testing"

	"gambolputty/stages/internal/redisconn/redistest"
)

// What is kept in a real Redis outlives the program as well as what is on disk, and a stop
// leaves nothing there.
func TestIntegrationNoKillLosesAnEventInRedis(t *testing.T) {
	server := redistest.Start(t)
	killAgainAndAgain(t, "- Sender\n- FileSink: {file_name: DIR/out, store_interval_in_secs: 0}\n- EventBuffer\n- RedisStore: {server: "+server.Addr()+"}\n")
	if keys := server.CLI("keys", "gambolputty:eventbuffer:*"); keys != "" {
		t.Errorf("left %.300q", keys)
	}
}
