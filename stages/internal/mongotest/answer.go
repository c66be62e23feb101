//go:build mongodb

package mongotest

import (
	"bytes"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var fine = bson.D{{Key: "ok", Value: 1}}

// answer serves a command.
func (s *Server) answer(c *Command) bson.D {
	switch c.Name {
	case "hello", "isMaster", "ismaster":
		return bson.D{
			{Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "ismaster", Value: true}, {Key: "maxBsonObjectSize", Value: 16 << 20},
			{Key: "maxMessageSizeBytes", Value: 48_000_000}, {Key: "maxWriteBatchSize", Value: 100_000}, {Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: 21}, {Key: "ok", Value: 1},
		}
	case "endSessions":
		return fine
	}
	s.mu.Lock()
	s.commands = append(s.commands, *c)
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		if a := hook(c); a != nil {
			return a
		}
	}
	switch c.Name {
	case "ping":
		return fine
	case "saslStart":
		return Fail(18, "Authentication failed.")
	case "insert":
		return s.Insert(c)
	case "update":
		return s.replace(c)
	}
	return Fail(59, "no such command: "+c.Name)
}

func namespace(c *Command) string { return c.Text("$db") + "." + c.Text(c.Name) }

// Insert stores documents. A hook that calls it and hangs up loses the answer.
func (s *Server) Insert(c *Command) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs bson.A
	n, ns := 0, namespace(c)
	for i, d := range c.Documents {
		if s.at(ns, d.Lookup("_id")) >= 0 {
			errs = append(errs, bson.D{{Key: "index", Value: i}, {Key: "code", Value: 11000}, {Key: "errmsg", Value: fmt.Sprintf("E11000 duplicate key error collection: %s index: _id_ dup key: { _id: %s }", ns, d.Lookup("_id"))}})
			continue
		}
		s.stored[ns] = append(s.stored[ns], d)
		n++
	}
	a := bson.D{{Key: "n", Value: n}, {Key: "ok", Value: 1}}
	if len(errs) > 0 {
		a = append(a, bson.E{Key: "writeErrors", Value: errs})
	}
	return a
}

func (s *Server) at(ns string, id bson.RawValue) int {
	return slices.IndexFunc(s.stored[ns], func(d bson.Raw) bool { return bytes.Equal(d.Lookup("_id").Value, id.Value) })
}

// replace does updates that replace a document by its _id.
func (s *Server) replace(c *Command) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	var upserted bson.A
	ns := namespace(c)
	for i, u := range c.Documents {
		id, d := u.Lookup("q", "_id"), u.Lookup("u").Document()
		if at := s.at(ns, id); at >= 0 {
			s.stored[ns][at] = d
			continue
		}
		s.stored[ns] = append(s.stored[ns], d)
		upserted = append(upserted, bson.D{{Key: "index", Value: i}, {Key: "_id", Value: id}})
	}
	a := bson.D{{Key: "n", Value: len(c.Documents)}, {Key: "nModified", Value: len(c.Documents) - len(upserted)}, {Key: "ok", Value: 1}}
	if len(upserted) > 0 {
		a = append(a, bson.E{Key: "upserted", Value: upserted})
	}
	return a
}
