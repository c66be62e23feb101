package load_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/cmd/gambolputty/internal/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLinesHaveTheirSizeAndNumber(t *testing.T) {
	for _, l := range []load.Line{{Size: 20}, {Size: 256}, {Size: 1000, Syslog: true}, {Size: 90, Syslog: true}} {
		for _, n := range []int{0, 7, load.MostLines} {
			line := string(l.Append(nil, n))
			if len(line) != l.Size || strings.IndexByte(line, '\n') != len(line)-1 || strings.HasPrefix(line, "<134>1 ") != l.Syslog {
				t.Errorf("line %d of %+v is %q", n, l, line)
			}
		}
	}
}

func TestEveryLineIsCountedOnce(t *testing.T) {
	const lines = 10_000
	r, err := load.Listen("127.0.0.1:0", lines, false)
	if err != nil {
		t.Fatal(err)
	}
	line := load.Line{Size: 256}
	for _, part := range [][2]int{{0, 4000}, {4000, 9999}, {100, 200}} {
		if err := load.Send(t.Context(), r.Address(), line, part[0], part[1]); err != nil {
			t.Fatal(err)
		}
	}
	c, err := net.Dial("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("nobody's line\n{\"data\":\"" + strings.TrimSuffix(string(line.Append(nil, 9999)), "\n") + "\"}\n"))
	c.Close()
	res := r.Wait(t.Context(), lines, time.Minute)
	if err := r.Close(); err != nil { // it waits for what is under way
		t.Fatal(err)
	}
	if res = r.Result(); res.Different != lines || res.Duplicates() != 100 || res.Foreign != 1 {
		t.Error(res.Ledger(lines))
	}
}

func TestHTTPBodiesAreCounted(t *testing.T) {
	r, err := load.Listen("127.0.0.1:0", 100, true)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	for n := range 50 {
		body = load.Line{Size: 100}.Append(body, n)
	}
	res, err := http.Post("http://"+r.Address(), "text/plain", bytes.NewReader(body))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if got := r.Result(); got.Different != 50 {
		t.Error(got.Ledger(100))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWaitingEndsWhenNothingComes(t *testing.T) {
	r, err := load.Listen("127.0.0.1:0", 10, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if res := r.Wait(context.Background(), 10, time.Millisecond); res.Lines != 0 || res.Ledger(10) != "sent 10, received 0, missing 10, duplicates 0, others 0" {
		t.Error(res.Ledger(10))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.Wait(ctx, 10, time.Hour)
}
