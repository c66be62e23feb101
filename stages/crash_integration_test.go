//go:build integration

package stages_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/stages/internal/redisconn/redistest"
)

// ledger is what became of events that are numbered from 0.
type ledger struct {
	sent, stored, missing, duplicates int
}

// settle compares the numbers that were sent with those that were stored.
func settle(sent int, stored iter.Seq[int]) ledger {
	l := ledger{sent: sent, missing: sent}
	seen := make([]bool, sent)
	for n := range stored {
		switch {
		case seen[n]:
			l.duplicates++
		default:
			seen[n] = true
			l.missing--
		}
		l.stored++
	}
	return l
}

func (l ledger) String() string {
	return fmt.Sprintf("sent %d, stored %d, missing %d, duplicates %d", l.sent, l.stored, l.missing, l.duplicates)
}

// complete makes it a failure that something is missing.
func (l ledger) complete(t *testing.T) {
	t.Helper()
	t.Log(l)
	if l.missing > 0 {
		t.Error("events are missing")
	}
}

// numbers are the lines of a file that are numbers. Others are pieces of lines that were being
// written when the program was killed.
func numbers(t *testing.T, path string) iter.Seq[int] {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return func(yield func(int) bool) {
		for line := range strings.Lines(string(text)) {
			rest, whole := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "number ")
			if n, err := strconv.Atoi(rest); err == nil && whole && len(rest) == digits && !yield(n) {
				return
			}
		}
	}
}

// digits are so many that a piece of a number is none.
const digits = 8

func numbered(n int) string { return fmt.Sprintf("number %0*d", digits, n) }

// randomly returns a source of random numbers whose seed the log names.
func randomly(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// killNow and then kills the program at a random time within the given one after it has
// started, and starts it again.
func (s *shipper) killNow(random *rand.Rand, times int, within time.Duration) {
	s.t.Helper()
	for range times {
		time.Sleep(time.Duration(random.Int64N(int64(within))))
		s.kill()
		s.start()
	}
}

func TestIntegrationRedisListToFileLosesNothing(t *testing.T) {
	t.Parallel()
	const events, kills = 200_000, 5
	r, _ := queue(t, events)
	s := newShipper(t, buildProgram(t), fmt.Sprintf(`
- RedisList:
    lists: [numbers]
    port: %d
    batch_size: 100
    reliable: True
- FileSink:
    file_name: ${DIR}/out.log
    store_interval_in_secs: 1
`, r.Port))
	out := filepath.Join(filepath.Dir(s.conf), "out.log")
	s.start().killNow(randomly(t), kills, 300*time.Millisecond)
	drained(t, r)
	s.stop()
	l := settle(events, numbers(t, out))
	l.complete(t)
	// What was under way at a kill comes again: the queues of the pipeline, no more.
	if most := kills * 20_000; l.duplicates > most {
		t.Errorf("more than %d events came twice", most)
	}
}

// queue starts a Redis with so many numbered entries in the list numbers.
func queue(t *testing.T, events int) (*redistest.Real, redis.Conn) {
	t.Helper()
	r := redistest.Start(t)
	c, err := redis.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	push(t, c, "numbers", events)
	return r, c
}

// drained waits until a RedisList has taken all entries of a queue and is done with them. If
// that is so already, the kills before it came too late.
func drained(t *testing.T, r *redistest.Real) {
	t.Helper()
	if r.CLI("exists", "numbers") == "0" {
		t.Error("the work was done before the last kill")
	}
	until(t, "all entries are taken", func() bool {
		return r.CLI("exists", "numbers") == "0" && r.CLI("exists", "numbers.processing.RedisList") == "0"
	})
}

// push appends numbered entries to a list.
func push(t *testing.T, c redis.Conn, list string, n int) {
	t.Helper()
	const part = 1000
	for at := 0; at < n; at += part {
		args := redis.Args{list}
		for i := range part {
			args = append(args, numbered(at+i))
		}
		if _, err := c.Do("RPUSH", args...); err != nil {
			t.Fatal(err)
		}
	}
}
