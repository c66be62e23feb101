// Package redistest has Redis servers for tests: clusters and sentinels within the process,
// and with the build tag integration real servers.
package redistest

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// Cluster is a cluster of servers that have the slots in equal parts.
type Cluster struct {
	Servers []*miniredis.Miniredis

	slot   func(key string) int
	addrs  []string // also of servers that are away
	mu     sync.Mutex
	owner  map[int]int // slots that somebody else has by now
	asks   map[int]int // slots on their way
	busy   int         // requests that are put off
	asking map[*server.Peer]bool
	moved  int // answers that sent somebody elsewhere
}

const slots = 16384

// NewCluster starts n servers. slot tells the slot of a key.
func NewCluster(t *testing.T, n int, slot func(key string) int) *Cluster {
	t.Helper()
	c := &Cluster{slot: slot, owner: map[int]int{}, asks: map[int]int{}, asking: map[*server.Peer]bool{}}
	for i := range n {
		s := miniredis.RunT(t)
		c.Servers, c.addrs = append(c.Servers, s), append(c.addrs, s.Addr())
		s.Server().SetPreHook(func(p *server.Peer, command string, args ...string) bool { return c.hook(i, p, command, args) })
	}
	return c
}

// Move gives the slot of a key to a server, which nobody is told before he asks.
func (c *Cluster) Move(key string, to int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owner[c.slot(key)] = to
}

// Ask begins to move the slot of a key.
func (c *Cluster) Ask(key string, to int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks[c.slot(key)] = to
}

// TryLater puts the next requests off.
func (c *Cluster) TryLater(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = n
}

// Moved is the number of answers that sent somebody elsewhere.
func (c *Cluster) Moved() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// Addr is the address of a server.
func (c *Cluster) Addr(i int) string { return c.addrs[i] }

// Owner is the server that has a key.
func (c *Cluster) Owner(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ownerOf(c.slot(key))
}

func (c *Cluster) ownerOf(slot int) int {
	if to, ok := c.owner[slot]; ok {
		return to
	}
	return slot * len(c.Servers) / slots
}

// hook answers what a server alone cannot.
func (c *Cluster) hook(i int, p *server.Peer, command string, args []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := ""
	switch command {
	case "CLUSTER":
		c.writeSlots(p)
		return true
	case "ASKING":
		c.asking[p] = true
		p.WriteOK()
		return true
	case "PING", "SCAN", "AUTH", "SELECT", "HELLO", "CLIENT":
		return false
	case "EVAL":
		key = args[2]
	default:
		key = args[0]
	}
	slot := c.slot(key)
	asked := c.asking[p]
	delete(c.asking, p)
	to, asks := c.asks[slot]
	switch {
	case c.busy > 0:
		c.busy--
		p.WriteError("TRYAGAIN Multiple keys request during rehashing of slot")
	case asks && to == i && asked:
		return false
	case asks && to != i:
		c.moved++
		p.WriteError(fmt.Sprintf("ASK %d %s", slot, c.addrs[to]))
	case c.ownerOf(slot) != i:
		c.moved++
		p.WriteError(fmt.Sprintf("MOVED %d %s", slot, c.addrs[c.ownerOf(slot)]))
	default:
		return false
	}
	return true
}

// writeSlots tells who has which slots.
func (c *Cluster) writeSlots(p *server.Peer) {
	type part struct{ first, last, owner int }
	var parts []part
	for slot := range slots {
		o := c.ownerOf(slot)
		if n := len(parts); n > 0 && parts[n-1].owner == o {
			parts[n-1].last = slot
			continue
		}
		parts = append(parts, part{slot, slot, o})
	}
	p.WriteLen(len(parts))
	for _, one := range parts {
		host, port, _ := net.SplitHostPort(c.addrs[one.owner])
		n, _ := strconv.Atoi(port)
		p.WriteLen(3)
		p.WriteInt(one.first)
		p.WriteInt(one.last)
		p.WriteLen(3)
		p.WriteBulk(host)
		p.WriteInt(n)
		p.WriteBulk("node")
	}
}

// Seeds is the option cluster for all servers.
func (c *Cluster) Seeds() string {
	var list []string
	for _, s := range c.Servers {
		list = append(list, fmt.Sprintf("'%s': []", s.Addr()))
	}
	slices.Sort(list)
	return "cluster: {" + strings.Join(list, ", ") + "}"
}

// Sentinel is a server that knows where the master is.
type Sentinel struct {
	Addr string

	mu     sync.Mutex
	master *miniredis.Miniredis
}

// NewSentinel starts a sentinel for the master called mymaster, and makes the servers of a
// test say which role they have.
func NewSentinel(t *testing.T, servers ...*miniredis.Miniredis) *Sentinel {
	t.Helper()
	s := &Sentinel{master: servers[0]}
	listener, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Close)
	s.Addr = listener.Addr().String()
	_ = listener.Register("SENTINEL", func(p *server.Peer, _ string, args []string) {
		if args[len(args)-1] != "mymaster" {
			p.WriteNull()
			return
		}
		host, port, _ := net.SplitHostPort(s.current().Addr())
		p.WriteStrings([]string{host, port})
	})
	for _, m := range servers {
		s.know(m)
	}
	return s
}

func (s *Sentinel) know(m *miniredis.Miniredis) {
	m.Server().SetPreHook(func(p *server.Peer, command string, _ ...string) bool { return s.hook(m, p, command) })
}

// Restart starts a server again that was closed.
func (s *Sentinel) Restart(t *testing.T, m *miniredis.Miniredis) {
	t.Helper()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	s.know(m)
}

func (s *Sentinel) current() *miniredis.Miniredis {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.master
}

// Promote makes a server the master; the former one is a replica.
func (s *Sentinel) Promote(m *miniredis.Miniredis) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.master = m
}

func (s *Sentinel) hook(m *miniredis.Miniredis, p *server.Peer, command string) bool {
	master := s.current() == m
	switch {
	case command == "ROLE" && master:
		p.WriteLen(1)
		p.WriteBulk("master")
	case command == "ROLE":
		p.WriteLen(1)
		p.WriteBulk("slave")
	case command == "SET" && !master:
		p.WriteError("READONLY You can't write against a read only replica.")
	default:
		return false
	}
	return true
}
