package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unsafe"

	"gambolputty/actor/event"
)

// Encoding is how values are written where others can read them: json, msgpack or raw.
// Integers are decimal digits in all of them, so that a value that was set can be counted
// up, and a counter can be read.
type Encoding string

// The encodings. JSON is for everybody to read, but text that is not UTF-8 suffers from it;
// MessagePack keeps every byte. Raw is the text of a value, and only text comes back.
const (
	JSON    Encoding = "json"
	Msgpack Encoding = "msgpack"
	Raw     Encoding = "raw"
)

// maxDepth bounds the nesting of what is read.
const maxDepth = 100

// Codec writes and reads values in one encoding. It is safe for concurrent use.
type Codec struct {
	encoding           Encoding
	encoders, decoders sync.Pool
}

// NewCodec makes a codec.
func NewCodec(e Encoding) *Codec {
	return &Codec{
		encoding: e,
		encoders: sync.Pool{New: func() any { return new(event.Encoder) }},
		decoders: sync.Pool{New: func() any { return &event.Decoder{MaxDepth: maxDepth} }},
	}
}

// Append appends the encoded form of a value.
func (c *Codec) Append(dst []byte, v event.Value) []byte {
	switch {
	case v.IsString() && c.encoding == Raw, v.Kind() == event.KindInt:
		return v.AppendText(dst)
	case c.encoding == Msgpack:
		return event.AppendMsgpack(dst, v)
	case c.encoding == Raw && v.Kind() != event.KindList && v.Kind() != event.KindMap:
		return v.AppendText(dst)
	}
	e := c.encoders.Get().(*event.Encoder)
	defer c.encoders.Put(e)
	return e.AppendValue(dst, v)
}

var (
	errRest  = errors.New("something follows the value")
	errEmpty = errors.New("the value is empty")
)

// Decode reads a value, which keeps b. What is wrong with it is an error; it is never more
// than data.
func (c *Codec) Decode(b []byte) (v event.Value, err error) {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	switch {
	case c.encoding == Raw:
		return event.String(s), nil
	case s == "":
		return event.Null, errEmpty
	}
	d := c.decoders.Get().(*event.Decoder)
	defer c.decoders.Put(d)
	rest := ""
	if c.encoding == Msgpack && !digits(s) {
		var n int
		v, n, err = d.DecodeMsgpack(s)
		rest = s[n:]
	} else {
		v, rest, err = d.Decode(s)
	}
	switch {
	case err != nil:
		return event.Null, fmt.Errorf("decode %s: %w", c.encoding, err)
	case strings.TrimSpace(rest) != "":
		return event.Null, fmt.Errorf("decode %s: %w", c.encoding, errRest)
	}
	return v, nil
}

// digits tells an integer in decimal digits from a MessagePack object.
func digits(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Unreadable says once for every group of keys that their values cannot be read, as those
// that another program has written. The zero Unreadable needs a Log.
type Unreadable struct {
	Log *slog.Logger

	mu   sync.Mutex
	seen map[string]bool
}

// maxGroups bounds how many groups of keys are told apart.
const maxGroups = 1000

// Warn notes a value that cannot be read. Keys are of one group if they are the same up to
// the last colon.
func (u *Unreadable) Warn(key string, err error) {
	group := key[:strings.LastIndexByte(key, ':')+1]
	u.mu.Lock()
	known := u.seen[group] || len(u.seen) >= maxGroups
	if !known {
		if u.seen == nil {
			u.seen = map[string]bool{}
		}
		u.seen[strings.Clone(group)] = true
	}
	u.mu.Unlock()
	if !known {
		u.Log.Warn("stored value cannot be read and counts as not there", "prefix", group, "key", key, "error", err)
	}
}
