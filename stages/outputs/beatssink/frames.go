package beatssink

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zlib"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/render"
)

// frames writes events as JSON frames.
type frames struct {
	env   actor.Env
	line  *render.Line
	whole bool
	text  []byte
}

func newFrames(env actor.Env, o *Options) *frames {
	return &frames{env: env, line: render.NewLine(env, o.Format), whole: o.Format.IsZero()}
}

// append appends the frame of an event: version, type, sequence, length and object.
func (f *frames) append(dst []byte, sequence int, e *event.Event) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, '2', 'J'), uint32(sequence))
	dst = append(dst, 0, 0, 0, 0)
	start := len(dst)
	if f.whole {
		dst = f.line.AppendText(dst, f.env.Payload(e))
	} else {
		f.text = f.line.AppendText(f.text[:0], f.env.Payload(e))
		dst = append(dst, `{"message":`...)
		dst = append(event.AppendJSONString(dst, string(f.text)), '}')
	}
	binary.BigEndian.PutUint32(dst[start-4:], uint32(len(dst)-start))
	return dst
}

// packer makes windows.
type packer struct {
	zlib *zlib.Writer // nil without compression
	buf  []byte       // frames
	out  bytes.Buffer // with what compression makes of them
}

func newPacker(level int) (*packer, error) {
	p := &packer{}
	if level == 0 {
		return p, nil
	}
	var err error
	if p.zlib, err = zlib.NewWriterLevel(&p.out, level); err != nil {
		return nil, fmt.Errorf("compress_level: %w", err)
	}
	return p, nil
}

// keepBytes is the memory that is kept from batch to batch.
const keepBytes = 4 << 20

// render writes the window of the events.
func (p *packer) render(f *frames, events []*event.Event) {
	if cap(p.buf) > keepBytes {
		p.buf = nil
	}
	p.buf = binary.BigEndian.AppendUint32(append(p.buf[:0], '2', 'W'), uint32(len(events)))
	for i, e := range events {
		p.buf = f.append(p.buf, i+1, e)
	}
}

const (
	windowBytes = 6
	packedHead  = 6
)

// bytes is the window as it is sent.
func (p *packer) bytes() []byte {
	if p.zlib == nil {
		return p.buf
	}
	if p.out.Cap() > keepBytes {
		p.out = bytes.Buffer{}
	}
	p.out.Reset()
	p.out.Write(p.buf[:windowBytes])
	p.out.Write([]byte{'2', 'C', 0, 0, 0, 0})
	p.zlib.Reset(&p.out)
	p.zlib.Write(p.buf[windowBytes:]) // a buffer takes everything
	p.zlib.Close()
	b := p.out.Bytes()
	binary.BigEndian.PutUint32(b[windowBytes+2:], uint32(len(b)-windowBytes-packedHead))
	return b
}
