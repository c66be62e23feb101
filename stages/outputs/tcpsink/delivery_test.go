package tcpsink_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/tcpsink"
)

// numbers sends the numbered events in many batches.
func numbers(t *testing.T, options string, count int) {
	t.Helper()
	text := "- Numbers\n- TcpSink:\n    format: event $(n)\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	actortest.Start(t, text, tcpsink.Spec, actortest.Numbers(count)).Finish()
}

// everyOne checks that every numbered event came at least once.
func everyOne(t *testing.T, text string, count int) {
	t.Helper()
	came := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		came[line] = true
	}
	missing := 0
	for _, e := range numbered(count) {
		if !came[e] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d events never came", missing, count)
	}
}

// TCPS-1: whatever a program has read counts, and what came over an earlier connection after
// the last read is gone with it.
func TestNothingIsLostWhenPeersBreakInTheMiddleOfABatch(t *testing.T) {
	const count = 20_000
	for i, end := range []func(net.Conn){wiretest.Reset, func(c net.Conn) { c.Close() }, func(c net.Conn) { c.Close() }, wiretest.Reset, func(c net.Conn) { c.Close() }, wiretest.Reset} {
		sizes := "\nbatch_size: 1000\nbacklog_size: 1000"
		if i >= 3 {
			sizes = "\nbatch_size: 5000\nbacklog_size: 10000" // which are sent in several parts
		}
		random := rand.New(rand.NewPCG(1, 2))
		if i%2 == 1 {
			sizes += "\nwait_for_peer: False"
		}
		p := wiretest.Listen(t, func(n int, c net.Conn, keep io.Writer) {
			if n >= 6 {
				io.Copy(keep, c)
				return
			}
			// A program stores whole lines only, so the rest of one does not count.
			lines := bufio.NewReaderSize(c, 512)
			for range 100 + random.IntN(3000) {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				io.WriteString(keep, line)
			}
			// A program that ends in good order has dealt with what it has read.
			rest, _ := lines.Peek(lines.Buffered())
			keep.Write(rest[:bytes.LastIndexByte(rest, '\n')+1])
			end(c)
		})
		numbers(t, "address: "+p.Addr()+sizes+"\nretry_max_interval_in_secs: 0", count)
		everyOne(t, p.Text(), count)
		if n := len(p.Connections()); n < 3 {
			t.Errorf("only %d connections", n)
		}
	}
}

func TestTheLastBatchIsSentAgainAfterAResetThoughTheSystemHadIt(t *testing.T) {
	reset := make(chan struct{})
	p := wiretest.Listen(t, func(n int, c net.Conn, keep io.Writer) {
		if n > 0 {
			io.Copy(keep, c)
			return
		}
		<-reset // it never reads
		wiretest.Reset(c)
	})
	feed, r := stream(t, "store_interval_in_secs: 0\naddress: "+p.Addr())
	feed <- "1"
	actortest.Until(t, "it counts as delivered", func() bool { return own(r, "delivered") == 1 })
	close(reset)
	close(feed)
	r.Finish()
	if got := p.Text(); got != "1\n" || own(r, "sent_again") != 1 {
		t.Errorf("%q\n%s", got, r.Log())
	}
}

func TestNothingCountsAsDeliveredBeforeThePeersSystemHasIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // elsewhere the system does not tell
	}
	proceed := make(chan struct{})
	release := sync.OnceFunc(func() { close(proceed) })
	p := wiretest.Listen(t, func(_ int, c net.Conn, keep io.Writer) {
		<-proceed
		io.Copy(keep, c)
	})
	text := strings.Repeat("x", 100_000)
	feed, r := stream(t, "batch_size: 1\nbacklog_size: 1\nstore_interval_in_secs: 0\naddress: "+p.Addr())
	go func() {
		for range 200 { // more than the buffer of the peer's system holds
			feed <- text
		}
		close(feed)
	}()
	t.Cleanup(release) // before the peer waits for its connections
	var delivered int64
	actortest.Until(t, "the peer's system is full", func() bool {
		before := delivered
		delivered = own(r, "delivered")
		return delivered > 0 && delivered == before && own(r, "bytes") > delivered*int64(len(text)+1)
	})
	held := own(r, "bytes") - delivered*int64(len(text)+1)
	release()
	r.Finish()
	if got := len(p.Text()); got != 200*(len(text)+1) || held <= 0 || own(r, "delivered") != 200 {
		t.Errorf("%d bytes came, %d delivered, %d bytes were on their way", got, own(r, "delivered"), held)
	}
}

// A peer that reads slowly makes the pipeline wait; memory does not grow with what waits.
func TestASlowReaderHoldsThePipelineBack(t *testing.T) {
	proceed := make(chan struct{})
	release := sync.OnceFunc(func() { close(proceed) })
	p := wiretest.Listen(t, func(_ int, c net.Conn, keep io.Writer) {
		<-proceed
		n, _ := io.Copy(io.Discard, c)
		if n == 0 {
			t.Error("nothing came")
		}
	})
	t.Cleanup(release)
	const count = 2_000_000
	r := actortest.Start(t, "- Numbers\n- TcpSink: {address: '"+p.Addr()+"', backlog_size: 1000}\n", tcpsink.Spec, actortest.Numbers(count))
	held := func() bool { return r.Status("TcpSink").Waiting >= r.Status("TcpSink").Capacity/2 }
	actortest.Until(t, "the inbox is full", held)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if in := r.Status("Numbers").Meter.Received.Load(); in >= count || m.HeapAlloc > 100<<20 {
		t.Errorf("%d events were read, %d MB are in use", in, m.HeapAlloc>>20)
	}
	release()
	r.Stop()
}

func TestAPeerThatTakesNothingCountsAsGone(t *testing.T) {
	silent := make(chan struct{})
	stuck := wiretest.Listen(t, func(_ int, c net.Conn, _ io.Writer) { <-silent })
	other := wiretest.Listen(t, func(_ int, c net.Conn, keep io.Writer) { io.Copy(keep, c) })
	text := strings.Repeat("x", 16<<20) // more than the buffers of both systems hold
	feed, r := stream(t, "store_interval_in_secs: 0\nwrite_timeout: 300ms\nbalance: round_robin\naddress: ['"+stuck.Addr()+"', '"+other.Addr()+"']")
	feed <- text
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "has taken nothing for 300ms") })
	actortest.Until(t, "the other has it", func() bool { return len(other.Text()) == len(text)+1 })
	close(silent)
	close(feed)
	r.Finish()
}

func TestAnswersMakeABatchDelivered(t *testing.T) {
	answer := make(chan struct{})
	p := wiretest.Listen(t, func(n int, c net.Conn, keep io.Writer) {
		lines := bufio.NewReader(c)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(keep, line)
			if n == 0 {
				return // without an answer
			}
			<-answer
			io.WriteString(c, "ok\n")
		}
	})
	feed, r := stream(t, "store_interval_in_secs: 0\nacknowledged: newline\naddress: "+p.Addr())
	feed <- "1"
	actortest.Until(t, "it is sent again", func() bool { return p.Text() == "1\n1\n" })
	if n := own(r, "delivered"); n != 0 {
		t.Errorf("%d delivered", n)
	}
	answer <- struct{}{}
	actortest.Until(t, "it is delivered", func() bool { return own(r, "delivered") == 1 })
	close(answer)
	feed <- "2"
	close(feed)
	r.Finish()
	if got := p.Text(); got != "1\n1\n2\n" {
		t.Errorf("%q", got)
	}
}

func TestAMissingAnswerIsAFault(t *testing.T) {
	p := wiretest.Listen(t, nil)
	feed, r := stream(t, "store_interval_in_secs: 0\nacknowledged: newline\nwrite_timeout: 50ms\nmax_retries: 1\nreject_action: drop\naddress: "+p.Addr())
	feed <- "1"
	close(feed)
	r.Finish()
	if own(r, "rejected") != 1 || !strings.Contains(r.Log(), "no line in answer") {
		t.Error(r.Log())
	}
}

func TestTLS(t *testing.T) {
	cert, key := tlstest.New(t).Files()
	p := wiretest.ListenTLS(t, cert, key, nil)
	sink(t, p.Addr(), "format: $(data)\ntls: True\ncacert: "+cert, numbered(3000)...)
	if got := p.Text(); got != lines(numbered(3000)) {
		t.Errorf("%d bytes came", len(got))
	}
}

func TestNothingIsLostOverTLSEither(t *testing.T) {
	cert, key := tlstest.New(t).Files()
	p := wiretest.ListenTLS(t, cert, key, func(n int, c net.Conn, keep io.Writer) {
		if n >= 4 {
			io.Copy(keep, c)
			return
		}
		lines := bufio.NewReader(c)
		for range 700 {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(keep, line)
		}
		wiretest.Reset(c.(*tls.Conn).NetConn()) // a program that ends in good order has dealt with what it has read
	})
	numbers(t, "address: "+p.Addr()+"\nbatch_size: 500\nbacklog_size: 500\nretry_max_interval_in_secs: 0\ntls: True\ncacert: "+cert, 10_000)
	everyOne(t, p.Text(), 10_000)
}

func TestACertificateThatIsNotTrustedIsNamedAndTheOthersGoOn(t *testing.T) {
	cert, key := tlstest.New(t).Files()
	other, _ := tlstest.New(t).Files()
	bad, good := wiretest.ListenTLS(t, cert, key, nil), wiretest.Listen(t, nil)
	text := "- Lines\n- TcpSink: {id: secure, address: '" + bad.Addr() + "', tls: True, cacert: '" + other + "', store_interval_in_secs: 0, max_retries: 1, retry_max_interval_in_secs: 0, reject_action: drop}\n" +
		"- TcpSink: {id: plain, address: '" + good.Addr() + "', format: $(data), store_interval_in_secs: 0}\n"
	text = strings.Replace(text, "- Lines\n", "- Lines:\n    receivers: [secure, plain]\n", 1)
	feed := make(chan string)
	r := actortest.Start(t, text, tcpsink.Spec, actortest.Lines(feed))
	feed <- "spam"
	actortest.Until(t, "the other has it", func() bool { return good.Text() == "spam\n" })
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "unknown authority") })
	close(feed)
	r.Finish()
	if log := r.Log(); !strings.Contains(log, "CN=Brian") || !strings.Contains(log, bad.Addr()) {
		t.Error(log)
	}
}
