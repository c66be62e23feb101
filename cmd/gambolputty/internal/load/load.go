// Package load sends numbered lines to a program and counts what comes out of it at the
// other end, so that speed and loss are seen in one run.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// mark stands in front of the number of a line. It survives in whatever the program makes of
// the line, such as a JSON object.
const mark = "seq="

// digits are those of a number, so that a piece of one is none.
const digits = 9

// MostLines is how many lines there may be.
const MostLines = 999_999_999

// Line makes the lines.
type Line struct {
	// Size is the length in bytes with the newline.
	Size int
	// Syslog makes messages of RFC 5424 instead of plain text.
	Syslog bool
}

// syslogHead is all of a message but the text.
const syslogHead = "<134>1 2026-06-01T12:00:00.000000Z web01 app 4711 ID47 - "

// SmallestSize is the least that a line may have.
func (l Line) SmallestSize() int { return len(l.head()) + len(mark) + digits + 1 }

func (l Line) head() string {
	if l.Syslog {
		return syslogHead
	}
	return ""
}

// Append appends line n.
func (l Line) Append(buf []byte, n int) []byte {
	start := len(buf)
	buf = append(append(buf, l.head()...), mark...)
	at := len(buf)
	buf = append(buf, "000000000"...)
	for i := at + digits - 1; n > 0; i-- {
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	const filler = " The quick brown fox jumps over the lazy dog, password=secret, user=alice"
	for len(buf)-start < l.Size-1 {
		buf = append(buf, filler[:min(len(filler), l.Size-1-(len(buf)-start))]...)
	}
	return append(buf, '\n')
}

// Write writes the lines up to, but not including, end.
func (l Line) Write(w io.Writer, end int) error {
	out := bufio.NewWriterSize(w, 256<<10)
	var buf []byte
	for n := range end {
		buf = l.Append(buf[:0], n)
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Send sends the lines from first up to, but not including, end over one connection.
func Send(ctx context.Context, address string, l Line, first, end int) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	buf := make([]byte, 0, 256<<10)
	for n := first; n < end; {
		buf = buf[:0]
		for ; n < end && len(buf)+l.Size <= cap(buf); n++ {
			buf = l.Append(buf, n)
		}
		if _, err := conn.Write(buf); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return conn.(*net.TCPConn).CloseWrite()
}

// Receiver counts lines that come over TCP or HTTP.
type Receiver struct {
	listener net.Listener
	http     bool

	seen       []atomic.Uint32 // a bit for each number
	lines      atomic.Int64
	different  atomic.Int64
	first      atomic.Int64 // when the first line came, in nanoseconds
	last       atomic.Int64 // when the last line came
	foreign    atomic.Int64 // lines without a number of ours
	conns      sync.WaitGroup
	closeConns context.CancelFunc
}

// Listen starts a receiver for lines numbered below total. It answers HTTP requests if it is
// asked to, and takes lines over TCP otherwise.
func Listen(address string, total int, overHTTP bool) (*Receiver, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Receiver{listener: l, http: overHTTP, seen: make([]atomic.Uint32, (total+31)/32), closeConns: cancel}
	r.conns.Go(func() { r.serve(ctx) })
	return r, nil
}

// Address is where it listens.
func (r *Receiver) Address() string { return r.listener.Addr().String() }

func (r *Receiver) serve(ctx context.Context) {
	if r.http {
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if err := r.read(q.Body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			}
		})}
		defer context.AfterFunc(ctx, func() { server.Close() })()
		server.Serve(r.listener) // it ends with Close
		return
	}
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return // it ends with Close
		}
		r.conns.Go(func() {
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			defer conn.Close()
			r.read(conn) // a broken connection shows as missing lines
		})
	}
}

// read counts the lines of a stream.
func (r *Receiver) read(from io.Reader) error {
	in := bufio.NewReaderSize(from, 256<<10)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 && !errors.Is(err, bufio.ErrBufferFull) {
			r.count(line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, bufio.ErrBufferFull): // the rest counts
		case err != nil:
			return err
		}
	}
}

func (r *Receiver) count(line []byte) {
	now := time.Now().UnixNano()
	if r.lines.Add(1) == 1 {
		r.first.Store(now)
	}
	r.last.Store(now)
	at := bytes.Index(line, []byte(mark)) + len(mark)
	if at < len(mark) || at+digits > len(line) {
		r.foreign.Add(1)
		return
	}
	n, err := strconv.Atoi(string(line[at : at+digits]))
	if err != nil || n/32 >= len(r.seen) {
		r.foreign.Add(1)
		return
	}
	bit := uint32(1) << (n % 32)
	if r.seen[n/32].Or(bit)&bit == 0 {
		r.different.Add(1)
	}
}

// Result is what has been received.
type Result struct {
	Lines, Different, Foreign int
	First, Last               time.Time // when the first and the last line came; zero if none did
}

// Duplicates are the lines that came more than once.
func (r Result) Duplicates() int { return r.Lines - r.Different - r.Foreign }

// Result returns what has been received so far.
func (r *Receiver) Result() Result {
	res := Result{Lines: int(r.lines.Load()), Different: int(r.different.Load()), Foreign: int(r.foreign.Load())}
	if first, last := r.first.Load(), r.last.Load(); first > 0 && last > 0 {
		res.First, res.Last = time.Unix(0, first), time.Unix(0, last)
	}
	return res
}

// Wait waits until so many different lines have come, or none has for the given time.
func (r *Receiver) Wait(ctx context.Context, lines int, idle time.Duration) Result {
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		res := r.Result()
		since := began
		if res.Last.After(since) {
			since = res.Last
		}
		if res.Different >= lines || time.Since(since) > idle {
			return res
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return res
		}
	}
}

// Close ends the receiver and its connections.
func (r *Receiver) Close() error {
	err := r.listener.Close()
	r.closeConns()
	r.conns.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Ledger tells what came of the lines that were sent.
func (r Result) Ledger(sent int) string {
	return fmt.Sprintf("sent %d, received %d, missing %d, duplicates %d, others %d", sent, r.Different, sent-r.Different, r.Duplicates(), r.Foreign)
}
