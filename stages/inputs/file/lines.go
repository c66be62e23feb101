package file

import (
	"strings"
	"unsafe"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/framing"
)

// scan cuts bytes that begin at base into lines.
func (r *reader) scan(t *tail, base int64, b []byte) error {
	valid, d := t.dec.valid(b), t.dec
	single := !r.opts.multiline()
	end := base + int64(len(b))
	next := int(max(t.line, t.seen-int64(len(d.separator)-1)) - base)
	for {
		at := d.index(b, next, base)
		if at < 0 {
			break
		}
		next = at + len(d.separator)
		from := int(t.line - base)
		if single && from >= 0 && int64(at-from) <= r.limit {
			r.event(t, t.line, view(b[from:at]), valid)
			t.line = base + int64(next)
			t.start, t.seen = t.line, t.line
			if r.batch.Full(r.out.Size()) {
				if err := r.send(t); err != nil {
					return err
				}
			}
			continue
		}
		if err := r.lineEnds(t, base, b, base+int64(at), base+int64(next)); err != nil {
			return err
		}
	}
	t.seen = end
	return r.pieces(t, base, b)
}

// view makes a string of bytes that nobody will change any more, without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// lineEnds deals with lines that are more than a piece of the buffer.
func (r *reader) lineEnds(t *tail, base int64, b []byte, end, next int64) error {
	if end-t.line > r.limit {
		if err := r.tooLong(t, base, b, end); err != nil {
			return err
		}
		if t.line > end || r.opts.LongLineAction != string(framing.Split) {
			t.begin(next)
			return nil
		}
	}
	if !r.opts.multiline() || r.opts.whole() {
		r.event(t, t.line, r.fetch(t, base, b, t.line, end), false)
		t.begin(next)
		return r.sendFull(t)
	}
	line := t.dec.text(r.fetch(t, base, b, t.line, end))
	line = strings.TrimSuffix(line, "\r")
	belongs := matches(r.before, line) || t.continues
	if t.lines > 0 && (!belongs || end-t.start > r.limit || t.lines >= r.opts.MultilineMax) {
		if err := r.block(t, base, b); err != nil {
			return err
		}
	}
	t.continues = matches(r.after, line)
	t.lines++
	t.line, t.seen, t.blockEnd = next, next, end
	return nil
}

func matches(m *regex.Machine, line string) bool {
	if m == nil {
		return false
	}
	caps, err := m.Search(line, 0)
	return err == nil && caps != nil
}

// block makes an event of the lines that have been collected.
func (r *reader) block(t *tail, base int64, b []byte) error {
	if t.lines == 0 {
		return nil
	}
	r.event(t, t.start, r.fetch(t, base, b, t.start, t.blockEnd), false)
	t.start, t.lines, t.continues = t.line, 0, false
	return r.sendFull(t)
}

// tooLong deals with a line above the limit, of which the separator was found. With split
// a rest is left, which is not too long.
func (r *reader) tooLong(t *tail, base int64, b []byte, end int64) error {
	if err := r.block(t, base, b); err != nil {
		return err
	}
	r.env.Count("long_lines", 1)
	r.env.Warn("line is longer than max_line_length", "path", t.path, "limit", r.limit, "action", r.opts.LongLineAction)
	switch framing.LongLine(r.opts.LongLineAction) {
	case framing.Drop:
		return nil
	case framing.Truncate:
		text := r.fetch(t, base, b, t.line, t.line+r.limit)
		r.event(t, t.line, text[:t.dec.whole(text)], false)
		return nil
	}
	for end-t.line > r.limit {
		if err := r.piece(t, base, b); err != nil {
			return err
		}
	}
	return nil
}

// piece makes an event of the first part of a line.
func (r *reader) piece(t *tail, base int64, b []byte) error {
	text := r.fetch(t, base, b, t.line, t.line+r.limit)
	n := max(t.dec.whole(text), min(len(text), t.dec.width))
	if n == 0 {
		n = int(r.limit) // the file was cut off behind our back
	}
	r.event(t, t.line, text[:min(n, len(text))], false)
	seen := t.seen
	t.begin(t.line + int64(n))
	t.seen = max(t.seen, seen)
	return r.sendFull(t)
}

// pieces makes events of the parts of a line that has no end yet and is too long already.
// With the other actions it is known only at its end what becomes of it.
func (r *reader) pieces(t *tail, base int64, b []byte) error {
	if r.opts.LongLineAction != string(framing.Split) {
		return nil
	}
	whole := int64(len(t.dec.separator) - 1) // a separator that has just begun stays whole
	if t.seen-whole-t.line <= r.limit {
		return nil
	}
	return r.tooLong(t, base, b, t.seen-whole)
}

// finish deals with what is not complete, when there is nothing more to be read.
func (r *reader) finish(t *tail) error {
	packed := t.src.packed != nil && t.src.packed.complete()
	final := t.flush&flushFinal != 0 || packed
	if t.fresh && !final {
		return nil
	}
	if final || t.flush&flushRest != 0 {
		if err := r.rest(t); err != nil {
			return err
		}
	}
	if final || t.flush&flushBlock != 0 {
		if err := r.block(t, t.seen, nil); err != nil {
			return err
		}
	}
	if packed {
		t.begin(unknownSize) // it is never looked at again
		t.src.packed.again()
	}
	return nil
}

// rest takes bytes without a separator for a line.
func (r *reader) rest(t *tail) error {
	if t.dec == nil {
		return nil
	}
	if t.seen <= t.line && !(r.opts.whole() && !t.told) {
		return nil
	}
	return r.lineEnds(t, t.seen, nil, t.seen, t.seen)
}
