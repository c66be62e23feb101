package collectdparser

import (
	"strings"
	"time"

	"gambolputty/actor/event"
)

// texts holds texts that are put together, many in one piece of memory. What was written
// to a Builder stays where it is, so that texts may be cut out of it while it grows.
type texts struct {
	strings.Builder
	second int64 // the last one, and how it is written
	date   [20]byte
}

// next makes room for a text and returns where it begins.
func (t *texts) next() int {
	const size, least = 4096, 256
	if t.Cap()-t.Len() < least {
		t.Builder = strings.Builder{}
		t.Grow(size)
	}
	return t.Len()
}

// since is the text from a place on.
func (t *texts) since(begin int) event.Value { return event.String(t.String()[begin:]) }

// datetime writes a time. Those of a packet are usually in one second.
func (t *texts) datetime(seconds int64, millis int) event.Value {
	if seconds != t.second || t.date[0] == 0 {
		t.second = seconds
		time.Unix(seconds, 0).UTC().AppendFormat(t.date[:0], "2006-01-02T15:04:05.")
	}
	begin := t.next()
	t.Write(t.date[:])
	t.WriteByte('0' + byte(millis/100))
	t.WriteByte('0' + byte(millis/10%10))
	t.WriteByte('0' + byte(millis%10))
	t.WriteByte('Z')
	return t.since(begin)
}

// joined puts the names that are not empty together, with slashes between them.
func (t *texts) joined(names ...event.Value) event.Value {
	begin := t.next()
	for _, v := range names {
		s := v.Str()
		if s == "" {
			continue
		}
		if t.Len() > begin {
			t.WriteByte('/')
		}
		t.WriteString(s)
	}
	return t.since(begin)
}
