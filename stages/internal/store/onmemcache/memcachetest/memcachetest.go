// Package memcachetest is a memcached within the process, for tests, with a clock that the
// test moves.
package memcachetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a server.
type Server struct {
	listener net.Listener
	login    string
	all      sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	made   int
	items  map[string]*item
	passed time.Duration
	cas    uint64
	busy   int
	answer string // what every command gets
}

type item struct {
	data    string
	flags   string
	cas     uint64
	expires time.Time
}

// MaxItem is the size of a value that the server takes.
const MaxItem = 1 << 20

// Start starts a server, which the test ends. Clients must log in if login, a name and a
// password with a blank in between, is not empty.
func Start(t testing.TB, login string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{listener: l, login: login, conns: map[net.Conn]struct{}{}, items: map[string]*item{}}
	s.all.Go(s.serve)
	t.Cleanup(func() {
		l.Close()
		s.Cut()
		s.all.Wait()
	})
	return s
}

// Addr is the address of the server.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Pass lets time go by.
func (s *Server) Pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed += d
}

// Cut breaks all connections.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Busy makes the server too busy for the next lists of keys.
func (s *Server) Busy(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = n
}

// Answer makes every command get this answer; "" ends that.
func (s *Server) Answer(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = text
}

// Put writes a value as another client does.
func (s *Server) Put(key, flags, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, flags, "0", data)
}

// Connections is the number of connections so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

func (s *Server) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.made++
		s.mu.Unlock()
		s.all.Go(func() {
			s.talk(c)
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			c.Close()
		})
	}
}

func (s *Server) talk(c net.Conn) {
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	known := s.login == ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		args := strings.Fields(line)
		body := ""
		switch args[0] {
		case "set", "add", "cas":
			size, _ := strconv.Atoi(args[4])
			b := make([]byte, size+2)
			if _, err := io.ReadFull(r, b); err != nil {
				return
			}
			body = string(b[:size])
		}
		switch {
		case !known && args[0] == "set" && body == s.login:
			known = true
			w.WriteString("STORED\r\n")
		case !known:
			w.WriteString("CLIENT_ERROR unauthenticated\r\n")
		default:
			w.WriteString(s.run(args, body))
		}
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
	}
}

func (s *Server) run(args []string, body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != "" {
		return s.answer + "\r\n"
	}
	if args[0] == "version" {
		return "VERSION 1.6.18\r\n"
	}
	if args[0] == "lru_crawler" {
		return s.list()
	}
	key := args[1]
	if len(key) > 250 {
		return "CLIENT_ERROR line too long\r\n"
	}
	it := s.get(key)
	switch args[0] {
	case "gets":
		if it == nil {
			return "END\r\n"
		}
		return fmt.Sprintf("VALUE %s %s %d %d\r\n%s\r\nEND\r\n", key, it.flags, len(it.data), it.cas, it.data)
	case "delete":
		if it == nil {
			return "NOT_FOUND\r\n"
		}
		delete(s.items, key)
		return "DELETED\r\n"
	case "incr", "decr":
		return s.count(it, args)
	}
	switch {
	case len(body) > MaxItem:
		return "SERVER_ERROR object too large for cache\r\n"
	case args[0] == "add" && it != nil:
		return "NOT_STORED\r\n"
	case args[0] == "cas" && it == nil:
		return "NOT_FOUND\r\n"
	case args[0] == "cas" && strconv.FormatUint(it.cas, 10) != args[5]:
		return "EXISTS\r\n"
	}
	s.put(key, args[2], args[3], body)
	return "STORED\r\n"
}

func (s *Server) get(key string) *item {
	it := s.items[key]
	if it != nil && !it.expires.IsZero() && !it.expires.After(time.Now().Add(s.passed)) {
		delete(s.items, key)
		return nil
	}
	return it
}

func (s *Server) put(key, flags, exptime, body string) {
	s.cas++
	it := &item{data: body, flags: flags, cas: s.cas}
	seconds, _ := strconv.ParseInt(exptime, 10, 64)
	now := time.Now().Add(s.passed)
	switch {
	case seconds > 30*24*3600:
		it.expires = time.Unix(seconds, 0)
	case seconds != 0:
		it.expires = now.Add(time.Duration(seconds) * time.Second)
	}
	s.items[key] = it
}

func (s *Server) count(it *item, args []string) string {
	if it == nil {
		return "NOT_FOUND\r\n"
	}
	n, err := strconv.ParseUint(it.data, 10, 64)
	if err != nil {
		return "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
	}
	by, _ := strconv.ParseUint(args[2], 10, 64)
	if args[0] == "decr" {
		n -= min(n, by)
	} else {
		n += by
	}
	it.data = strconv.FormatUint(n, 10)
	return it.data + "\r\n"
}

func (s *Server) list() string {
	if s.busy > 0 {
		s.busy--
		return "BUSY currently processing crawler request\r\n"
	}
	var b strings.Builder
	for k := range s.items {
		if it := s.get(k); it != nil {
			fmt.Fprintf(&b, "key=%s exp=-1 la=1 cas=%d fetch=no cls=1 size=63\n", strings.ReplaceAll(url.QueryEscape(k), "+", "%20"), it.cas)
		}
	}
	return b.String() + "END\r\n"
}
