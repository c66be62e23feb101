package webservertornado

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// sockets are the WebSockets that are open.
type sockets struct {
	stopping context.Context
	stop     context.CancelFunc

	mu   sync.Mutex
	open int
	all  sync.WaitGroup
}

const (
	// mostSockets is how many WebSockets may be open.
	mostSockets = 100
	// pingEvery and patience find clients that are gone: no answer for that long, or a message
	// that cannot be sent, ends a connection.
	pingEvery = 30 * time.Second
	patience  = 30 * time.Second
	// goodbye is how long a client may take to answer a close.
	goodbye = time.Second
	// fromClient bounds the messages of a client.
	fromClient = 4 << 10
)

func (k *sockets) init() { k.stopping, k.stop = context.WithCancel(context.Background()) }

func (k *sockets) enter() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.open >= mostSockets || k.stopping.Err() != nil {
		return false
	}
	k.open++
	k.all.Add(1)
	return true
}

func (k *sockets) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open--
	k.all.Done()
}

// end waits until all have said goodbye, but not for ever.
func (k *sockets) end(d time.Duration) {
	k.stop()
	gone := make(chan struct{})
	go func() { k.all.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(d):
	}
}

// farewellError is the reason for a close that the client gets to know.
type farewellError struct {
	code   websocket.StatusCode
	reason string
}

// Error is the reason.
func (e *farewellError) Error() string { return e.reason }

// socket is one WebSocket. It belongs to the goroutine of its handler.
type socket struct {
	conn *websocket.Conn
	ctx  context.Context // ends when the client goes or the server stops
	in   chan []byte     // messages of the client
}

// live makes a WebSocket of a request and closes it when talk returns.
func (s *server) live(w http.ResponseWriter, r *http.Request, talk func(*socket) error) {
	if foreign(r) {
		s.fail(w, r, http.StatusForbidden, "this comes from a page of somebody else")
		return
	}
	if !s.sockets.enter() {
		w.Header().Set("Retry-After", "10")
		s.fail(w, r, http.StatusServiceUnavailable, "there are too many WebSockets")
		return
	}
	defer s.sockets.leave()
	// Where the request comes from has been checked above, with what proxies leave intact.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow() // after a close in order it does nothing
	conn.SetReadLimit(fromClient)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &socket{conn: conn, ctx: ctx, in: make(chan []byte, 4)}
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	defer context.AfterFunc(s.sockets.stopping, cancel)()
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()
	helpers.Go(func() { defer cancel(); c.read(reading) })
	helpers.Go(func() { defer cancel(); c.ping() })
	err = talk(c)
	bye := &farewellError{websocket.StatusNormalClosure, ""}
	if s.sockets.stopping.Err() != nil {
		bye = &farewellError{websocket.StatusGoingAway, "the program stops"}
	}
	errors.As(err, &bye)
	defer time.AfterFunc(goodbye, stopReading).Stop() // which closes the connection
	conn.Close(bye.code, bye.reason)                  // a client that is gone does not hear it
}

// read takes what the client sends. Somebody must, or nothing else works.
func (c *socket) read(ctx context.Context) {
	for {
		_, message, err := c.conn.Read(ctx)
		if err != nil {
			return
		}
		select {
		case c.in <- message:
		default: // he talks too much
		}
	}
}

// ping finds out whether the client is there.
func (c *socket) ping() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return
		}
		ctx, cancel := c.patient()
		err := c.conn.Ping(ctx)
		cancel()
		if err != nil {
			return
		}
	}
}

// patient is for one message. What is being sent when the server stops may end in order, as a
// message that is cut off closes the connection without a farewell.
func (c *socket) patient() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), patience)
	stop := context.AfterFunc(c.ctx, func() { time.AfterFunc(goodbye, cancel) })
	return ctx, func() { stop(); cancel() }
}

// send sends a message and waits for a client that is slow, but not for one that is dead.
func (c *socket) send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := c.patient()
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, text)
}
