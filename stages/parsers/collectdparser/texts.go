package collectdparser

import (
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/arena"
)

// texts holds texts that are put together.
type texts struct {
	arena.Arena
	second int64 // the last one, and how it is written
	date   [20]byte
}

// datetime writes a time. Those of a packet are usually in one second.
func (t *texts) datetime(seconds int64, millis int) event.Value {
	if seconds != t.second || t.date[0] == 0 {
		t.second = seconds
		time.Unix(seconds, 0).UTC().AppendFormat(t.date[:0], "2006-01-02T15:04:05.")
	}
	begin := t.Next()
	t.Write(t.date[:])
	t.WriteByte('0' + byte(millis/100))
	t.WriteByte('0' + byte(millis/10%10))
	t.WriteByte('0' + byte(millis%10))
	t.WriteByte('Z')
	return t.Since(begin)
}

// joined puts the names that are not empty together, with slashes between them.
func (t *texts) joined(names ...event.Value) event.Value {
	begin := t.Next()
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
	return t.Since(begin)
}
