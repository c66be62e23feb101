package tcpsink

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/render"
)

// frames writes events with what divides them.
type frames struct {
	env     actor.Env
	line    *render.Line
	framing string
	json    bool // a newline in it is escaped already
}

func newFrames(env actor.Env, o *Options) *frames {
	return &frames{env: env, line: render.NewLine(env, o.Format), framing: o.Framing, json: o.Format.IsZero()}
}

// lengthBytes is the size of the length of length_prefixed.
const lengthBytes = 4

func (f *frames) append(dst []byte, e *event.Event) []byte {
	start := len(dst)
	switch f.framing {
	case "newline":
		dst = f.line.AppendText(dst, e)
		if !f.json {
			dst = f.flat(dst, start)
		}
		return append(dst, '\n')
	case "octet_counted":
		dst = f.line.AppendText(dst, e)
		var digits [20]byte
		return slices.Insert(dst, start, append(strconv.AppendInt(digits[:0], int64(len(dst)-start), 10), ' ')...)
	case "length_prefixed":
		dst = f.line.AppendText(append(dst, 0, 0, 0, 0), e)
		binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-lengthBytes))
		return dst
	}
	return f.line.AppendText(dst, e)
}

// flat removes a newline at the end of a frame, and puts blanks where others are.
func (f *frames) flat(dst []byte, start int) []byte {
	if len(dst) > start && dst[len(dst)-1] == '\n' {
		dst = dst[:len(dst)-1]
	}
	found := 0
	for rest := dst[start:]; ; found++ {
		at := bytes.IndexByte(rest, '\n')
		if at < 0 {
			break
		}
		rest[at] = ' '
		rest = rest[at+1:]
	}
	if found > 0 {
		f.env.Count("newlines_replaced", found)
	}
	return dst
}
