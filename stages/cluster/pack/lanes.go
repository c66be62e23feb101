package pack

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// lanes carry the packets of memberlist over streams, where these are what is protected: with
// certificates there is no key that UDP could be sealed with.
type lanes struct {
	net *transport
	mu  sync.Mutex
	to  map[string]chan []byte
}

const (
	// laneSize is how many packets may wait for a stream; further ones are lost.
	laneSize = 64
	// laneTime is how long a node may take to take a packet, and laneIdle how long a stream
	// stays open that nothing is sent on.
	laneTime = 3 * time.Second
	laneIdle = 2 * time.Minute
)

// opening is what a lane begins with.
type opening struct {
	ID      string `json:"id"`
	Address string `json:"address"` // under which others know the sender
}

// send puts a packet on its way, or loses it.
func (l *lanes) send(text []byte, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.net.over() {
		return
	}
	q := l.to[addr]
	if q == nil {
		q = make(chan []byte, laneSize)
		l.to[addr] = q
		l.net.serving.Go(func() { l.drive(addr, q) })
	}
	select {
	case q <- text:
	default: // as if the network had lost it
	}
}

// drive sends what is for one address until nothing comes any more.
func (l *lanes) drive(addr string, q chan []byte) {
	var c net.Conn
	defer func() {
		if c != nil {
			c.Close() // nothing is under way that counts
		}
	}()
	idle := time.NewTimer(laneIdle)
	defer idle.Stop()
	for {
		select {
		case text := <-q:
			idle.Reset(laneIdle)
			var err error
			if c == nil {
				c, err = l.open(addr)
			}
			if err == nil {
				err = writeFrame(c, text)
			}
			if err != nil && c != nil {
				c.Close() // the failure is known
				c = nil
			}
		case <-idle.C:
			if l.end(addr, q) {
				return
			}
			idle.Reset(laneIdle)
		case <-l.net.ctx.Done():
			return
		}
	}
}

// end forgets a lane, unless something was put on it just now.
func (l *lanes) end(addr string, q chan []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(q) > 0 {
		return false
	}
	delete(l.to, addr)
	return true
}

func (l *lanes) open(addr string) (net.Conn, error) {
	c, err := l.net.dial(lane, addr, laneTime)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(opening{l.net.keys.ID(), l.net.advertise.String()})
	if err == nil {
		err = writeFrame(c, text)
	}
	if err != nil {
		c.Close() // the failure is known
		return nil, err
	}
	return c, nil
}

// writeFrame writes a packet with its length before it.
func writeFrame(c net.Conn, text []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(laneTime)); err != nil {
		return err
	}
	_, err := c.Write(append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(text)), uint16(len(text))), text...)) //nolint:gosec // packets are shorter
	return err
}

// readFrame reads a packet.
func readFrame(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	text := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, text)
	return text, err
}

// take hands on the packets of a lane until it ends.
func (l *lanes) take(c net.Conn) {
	defer c.Close()
	if c.SetReadDeadline(time.Now().Add(proofTime)) != nil {
		return
	}
	text, err := readFrame(c)
	var from opening
	if err != nil || json.Unmarshal(text, &from) != nil {
		return
	}
	at, err := netip.ParseAddrPort(from.Address)
	if err != nil {
		return
	}
	for {
		if c.SetReadDeadline(time.Now().Add(2*laneIdle)) != nil {
			return
		}
		text, err := readFrame(c)
		if err != nil {
			return // the sender has gone or comes again
		}
		l.net.heard(from.ID)
		select {
		case l.net.packets <- &memberlist.Packet{Buf: text, From: net.UDPAddrFromAddrPort(at), Timestamp: time.Now()}:
		default: // as if the network had lost it
		}
	}
}
