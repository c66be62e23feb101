//go:build integration

package stages_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	lumber "github.com/elastic/go-lumber/client/v2"

	"gambolputty/stages/internal/porttest"
	"gambolputty/stages/internal/zmqconn/pyzmq"
)

// A Beat whose server is killed again and again.
func TestIntegrationBeatsToFileLosesNothing(t *testing.T) {
	t.Parallel()
	const events, window, kills = 300_000, 500, 5
	port := porttest.Free(t)
	s := newShipper(t, buildProgram(t), fmt.Sprintf(`
- Beats: {interface: 127.0.0.1, port: %d, target_field: ''}
- FileSink:
    file_name: ${DIR}/out.log
    format: $(message)
    store_interval_in_secs: 0
`, port))
	out := filepath.Join(filepath.Dir(s.conf), "out.log")
	sent := make(chan int)
	s.start()
	go func() {
		failures := 0
		defer func() { sent <- failures }()
		for at := 0; at < events; {
			c, err := lumber.SyncDial(fmt.Sprint("127.0.0.1:", port), lumber.CompressionLevel(3), lumber.Timeout(30*time.Second))
			if err != nil {
				time.Sleep(5 * time.Millisecond) // the program is not up yet
				continue
			}
			for err == nil && at < events {
				var batch []any
				for i := range min(window, events-at) {
					batch = append(batch, map[string]string{"message": numbered(at + i)})
				}
				var n int
				n, err = c.Send(batch)
				at += n // what was acknowledged is not sent again
			}
			if err != nil {
				failures++
			}
			c.Close()
		}
	}()
	s.killNow(randomly(t), kills, 500*time.Millisecond)
	failures := <-sent
	s.stop()
	l := settle(events, numbers(t, out))
	t.Log(failures, "connections broke")
	l.complete(t)
	if failures == 0 {
		t.Error("the program had done its work before the first kill")
	}
	// Lines that a kill has cut off are pieces; each connection repeats a window at most.
	if most := failures * window; l.duplicates > most {
		t.Errorf("more than %d events came twice", most)
	}
}

// A program that is killed again and again, and takes its events from Redis, pushes to libzmq.
func TestIntegrationRedisListToZeroMQLosesNothing(t *testing.T) {
	t.Parallel()
	const events, kills = 200_000, 5
	r, c := queue(t, events)
	out := filepath.Join(t.TempDir(), "out.log")
	peer := pyzmq.Run(t, `
s = ctx.socket(zmq.PULL)
say(s.bind_to_random_port("tcp://127.0.0.1"))
with open(sys.argv[1], "wb") as f:
    while True:
        m = s.recv()
        if m == b"end":
            break
        f.write(m + b"\n")
say("done")
`, out)
	s := newShipper(t, buildProgram(t), fmt.Sprintf(`
- RedisList: {lists: [numbers], port: %d, batch_size: 100, reliable: True}
- ZmqSink: {server: '127.0.0.1:%s', format: $(data), store_interval_in_secs: 0, retry_max_interval_in_secs: 1}
`, r.Port, peer.Line()))
	s.start().killNow(randomly(t), kills, 200*time.Millisecond)
	drained(t, r)
	if _, err := c.Do("RPUSH", "numbers", "end"); err != nil {
		t.Fatal(err)
	}
	peer.Line() // done
	s.stop()
	l := settle(events, numbers(t, out))
	l.complete(t)
	if most := kills * 20_000; l.duplicates > most {
		t.Errorf("more than %d events came twice", most)
	}
}

// The receiver of ZmqSink is killed again and again.
func TestIntegrationZeroMQWithReceiptsLosesNothing(t *testing.T) {
	t.Parallel()
	const events, kills = 200_000, 5
	r, _ := queue(t, events)
	port, program := porttest.Free(t), buildProgram(t)
	sender := newShipper(t, program, fmt.Sprintf(`
- RedisList: {lists: [numbers], port: %d, batch_size: 100, reliable: True}
- ZmqSink: {server: '127.0.0.1:%d', format: $(data), store_interval_in_secs: 0, retry_max_interval_in_secs: 0.1}
`, r.Port, port))
	receiver := newShipper(t, program, fmt.Sprintf(`
- Zmq: {address: '127.0.0.1:%d', receipts: delivered}
- FileSink: {file_name: '${DIR}/out.log', format: $(data), store_interval_in_secs: 0}
`, port))
	out := filepath.Join(filepath.Dir(receiver.conf), "out.log")
	sender.start()
	receiver.start().killNow(randomly(t), kills, 300*time.Millisecond)
	drained(t, r)
	sender.stop()
	receiver.stop()
	settle(events, numbers(t, out)).complete(t)
}
