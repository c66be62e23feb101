//go:build mongodb

// Package mongotest is a server that speaks the protocol of MongoDB, for tests
// (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/).
package mongotest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Command is a request: its name, its body, and the documents that came beside it.
type Command struct {
	Name      string
	Body      bson.Raw
	Documents []bson.Raw
}

// Text is a text in the body.
func (c *Command) Text(key string) string {
	s, _ := c.Body.Lookup(key).StringValueOK()
	return s
}

// Hook looks at a command before it is served. An answer that is not nil is given instead. An
// empty one ends the connection.
type Hook func(c *Command) bson.D

// HangUp is an answer that ends the connection.
func HangUp() bson.D { return bson.D{} }

// Fail is an answer that refuses a command.
func Fail(code int, text string) bson.D {
	return bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "errmsg", Value: text}}
}

// Server is a server without any user. Collections are made when they are written to.
type Server struct {
	listener net.Listener
	all      sync.WaitGroup

	mu       sync.Mutex
	hook     Hook
	conns    map[net.Conn]bool
	stored   map[string][]bson.Raw
	commands []Command
	closed   bool
}

// New starts a server, which the test ends.
func New(t testing.TB) *Server { return NewAt(t, "127.0.0.1:0") }

// NewAt starts a server at an address.
func NewAt(t testing.TB, address string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return On(t, l)
}

// On starts a server on a listener.
func On(t testing.TB, l net.Listener) *Server {
	s := &Server{listener: l, conns: map[net.Conn]bool{}, stored: map[string][]bson.Raw{}}
	s.all.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Hooked makes h look at all commands but those by which a client gets to know the server.
func (s *Server) Hooked(h Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

// Close ends the server and all connections.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.listener.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

// Commands are those that came, without hello and the like.
func (s *Server) Commands(name string) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.commands), func(c Command) bool { return c.Name != name })
}

// Documents is what a collection, as in db.name, has.
func (s *Server) Documents(collection string) []bson.Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored[collection])
}

// Collections are the names of what has been written to.
func (s *Server) Collections() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for name := range s.stored {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			c.Close()
		}
		s.conns[c] = true
		s.mu.Unlock()
		s.all.Go(func() {
			_ = s.serve(c) // how a connection ends shows at the other end
			c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// Kinds of messages.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

var errStrange = errors.New("that is not the protocol of MongoDB")

func (s *Server) serve(c net.Conn) error {
	for {
		var head [16]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		size, id, kind := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
		if size < 16 || size > 64<<20 {
			return errStrange
		}
		body := make([]byte, size-16)
		if _, err := io.ReadFull(c, body); err != nil {
			return err
		}
		command, err := parse(kind, body)
		if err != nil {
			return err
		}
		answer := s.answer(command)
		if len(answer) == 0 {
			return nil
		}
		if err := reply(c, kind, id, answer); err != nil {
			return err
		}
	}
}

func parse(kind uint32, body []byte) (*Command, error) {
	c := &Command{}
	switch kind {
	case opQuery: // flags, name, two numbers, document
		at := slices.Index(body[4:], 0)
		if at < 0 || len(body) < at+13 {
			return nil, errStrange
		}
		c.Body = bson.Raw(body[4+at+1+8:])
	case opMsg:
		if err := c.sections(body); err != nil {
			return nil, err
		}
	default:
		return nil, errStrange
	}
	elements, err := c.Body.Elements()
	if err != nil || len(elements) == 0 {
		return nil, errStrange
	}
	c.Name = elements[0].Key()
	return c, nil
}

func (c *Command) sections(body []byte) error {
	for rest := body[4:]; len(rest) >= 5; {
		kind := rest[0]
		size := int(binary.LittleEndian.Uint32(rest[1:]))
		if size < 5 || size > len(rest)-1 {
			return errStrange
		}
		part := rest[1 : 1+size]
		rest = rest[1+size:]
		if kind == 0 {
			c.Body = bson.Raw(part)
			continue
		}
		at := slices.Index(part[4:], 0)
		if at < 0 {
			return errStrange
		}
		for part = part[4+at+1:]; len(part) >= 4; {
			n := int(binary.LittleEndian.Uint32(part))
			if n < 5 || n > len(part) {
				return errStrange
			}
			c.Documents = append(c.Documents, slices.Clone(bson.Raw(part[:n])))
			part = part[n:]
		}
	}
	return nil
}

func reply(c net.Conn, kind, id uint32, answer bson.D) error {
	document, err := bson.Marshal(answer)
	if err != nil {
		return err
	}
	message, op := make([]byte, 16), uint32(opMsg)
	if kind == opQuery { // flags, cursor, position, number of documents
		op = opReply
		message = append(message, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0)
	} else { // flags, kind of section
		message = append(message, 0, 0, 0, 0, 0)
	}
	message = append(message, document...)
	binary.LittleEndian.PutUint32(message, uint32(len(message)))
	binary.LittleEndian.PutUint32(message[8:], id)
	binary.LittleEndian.PutUint32(message[12:], op)
	_, err = c.Write(message)
	return err
}
