package elasticsearch

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/esclient"
)

// page is an answer to a search. Hits are found in it, and decoded only when they become
// events, so that its memory can be used again.
type page struct {
	text   []byte
	node   string // that sent it
	id     string // of the scroll or the point in time, for the next request
	hits   []span
	last   []byte // sort values of the last hit
	total  int64  // hits of the whole search, -1 if the server does not say
	broken bool   // some shards have not answered
	why    string
}

type span struct{ from, to int }

// read finds the parts of the answer.
func (p *page) read() error {
	p.id, p.hits, p.last, p.total, p.broken, p.why = "", p.hits[:0], nil, -1, false, ""
	s := scanner{b: p.text}
	found := false
	err := s.object(func(key string) error {
		switch key {
		case "_scroll_id", "pit_id":
			return s.string(&p.id)
		case "timed_out":
			raw, err := s.skip()
			if string(raw) == "true" {
				p.broken, p.why = true, "the search took longer than its timeout"
			}
			return err
		case "_shards":
			return p.shards(&s)
		case "hits":
			found = true
			return p.found(&s)
		}
		_, err := s.skip()
		return err
	})
	if err == nil && !found {
		err = errors.New("there are no hits in it")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", esclient.ErrGarbage, err)
	}
	return nil
}

func (p *page) shards(s *scanner) error {
	return s.object(func(key string) error {
		raw, err := s.skip()
		if key == "failed" && string(raw) != "0" && err == nil {
			p.broken, p.why = true, fmt.Sprintf("%s shards have failed", raw)
		}
		return err
	})
}

func (p *page) found(s *scanner) error {
	return s.object(func(key string) error {
		switch key {
		case "total":
			return p.count(s)
		case "hits":
			if err := s.array(func() error {
				raw, err := s.skip()
				if err == nil && raw[0] != '{' {
					err = errors.New("a hit is no object")
				}
				p.hits = append(p.hits, span{s.at - len(raw), s.at})
				return err
			}); err != nil || len(p.hits) == 0 {
				return err
			}
			return p.order()
		}
		_, err := s.skip()
		return err
	})
}

// count reads a number, or {"value":5,"relation":"eq"} of servers from 7 on.
func (p *page) count(s *scanner) error {
	number := func() error {
		raw, err := s.skip()
		if err != nil {
			return err
		}
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			p.total = n
		}
		return nil
	}
	if s.peek() != '{' {
		return number()
	}
	exact := true
	err := s.object(func(key string) error {
		if key == "value" {
			return number()
		}
		raw, err := s.skip()
		exact = exact && string(raw) != `"gte"`
		return err
	})
	if !exact {
		p.total = -1
	}
	return err
}

// order finds the sort values of the last hit.
func (p *page) order() error {
	h := p.hits[len(p.hits)-1]
	s := scanner{b: p.text[h.from:h.to]}
	return s.object(func(key string) error {
		raw, err := s.skip()
		if key == "sort" {
			p.last = raw
		}
		return err
	})
}

// scanner walks through JSON without making anything of it. What it walks over need not be
// right, as all that matters is decoded later.
type scanner struct {
	b  []byte
	at int
}

var errShort = errors.New("it ends too early")

// peek skips blanks and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.b) {
		switch c := s.b[s.at]; c {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	switch got := s.peek(); got {
	case c:
		s.at++
		return nil
	case 0:
		return errShort
	default:
		return fmt.Errorf("at byte %d: %q was expected, there is %q", s.at, c, got)
	}
}

// object calls member in front of each value, which must walk over it.
func (s *scanner) object(member func(key string) error) error {
	return s.list('{', '}', func() error {
		if s.peek() != '"' {
			return fmt.Errorf("at byte %d: a name was expected", s.at)
		}
		raw, err := s.skip()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return member(string(raw[1 : len(raw)-1]))
	})
}

// array calls item in front of each item, which must walk over it.
func (s *scanner) array(item func() error) error { return s.list('[', ']', item) }

func (s *scanner) list(begin, end byte, item func() error) error {
	if err := s.expect(begin); err != nil {
		return err
	}
	if s.peek() == end {
		s.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() != ',' {
			return s.expect(end)
		}
		s.at++
	}
}

// skip walks over a value and returns it.
func (s *scanner) skip() ([]byte, error) {
	if s.peek() == 0 {
		return nil, errShort
	}
	from := s.at
	for depth := 0; s.at < len(s.b); {
		switch s.b[s.at] {
		case '"':
			if !s.text() {
				return nil, errShort
			}
			if depth == 0 {
				return s.b[from:s.at], nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				s.at++
				return s.b[from:s.at], nil
			}
			if depth < 0 {
				return s.scalar(from)
			}
		case ',', ' ', '\n', '\r', '\t', ':':
			if depth == 0 {
				return s.scalar(from)
			}
		}
		s.at++
	}
	return nil, errShort
}

func (s *scanner) scalar(from int) ([]byte, error) {
	if s.at == from {
		return nil, fmt.Errorf("at byte %d: a value was expected", from)
	}
	return s.b[from:s.at], nil
}

// text walks over a string.
func (s *scanner) text() bool {
	for i := s.at + 1; ; {
		n := bytes.IndexByte(s.b[i:], '"')
		if n < 0 {
			return false
		}
		i += n + 1
		escapes := 0
		for i-2-escapes > s.at && s.b[i-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			s.at = i
			return true
		}
	}
}

// string reads a string.
func (s *scanner) string(to *string) error {
	raw, err := s.skip()
	if err != nil {
		return err
	}
	var d event.Decoder
	v, _, err := d.Decode(string(raw))
	if err == nil {
		*to = v.Str()
	}
	return err
}
