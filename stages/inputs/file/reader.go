package file

import (
	"context"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/regex"
)

// Sizes of reads.
const (
	// readSize is the most that is read at a time.
	readSize = event.BufferSize
	// turnSize is the most that is read from a file before others get their turn.
	turnSize = 1 << 20
	// repeatSize is the most that is read again with the next read, because no separator
	// was found behind it. Where there is more, only what is new is looked at, and the
	// line is read when it is complete.
	repeatSize = 32 << 10
)

var filename = event.Intern("filename")

// reader reads files, one at a time, and makes events of what is in them. It keeps nothing
// of a file but numbers: what is not complete is read again later. So the memory that is
// needed does not depend on the number of files.
type reader struct {
	env   actor.Env
	opts  *Options
	out   *actor.Outlet
	from  string
	limit int64
	sets  *decoders
	head  [headSize]byte
	room  []byte // for the next read
	batch *actor.Batch

	shared *event.Buffer // that room is a part of, if it will be used again
	held   *event.Buffer // that the batch holds

	before, after *regex.Machine
}

func newReader(s *source, out *actor.Outlet) (*reader, error) {
	r := &reader{env: s.env, opts: &s.opts, out: out, from: s.from, limit: s.opts.limit()}
	var err error
	r.sets, err = newDecoders(r.opts)
	if r.opts.before != nil {
		r.before = r.opts.before.Machine()
	}
	if r.opts.after != nil {
		r.after = r.opts.after.Machine()
	}
	return r, err
}

// turn reads what is new in a file. The tail says afterwards how it went; an error means
// that the program is being stopped by force.
func (r *reader) turn(ctx context.Context, t *tail) error {
	t.more, t.fresh, t.err = false, false, nil
	size, err := r.check(t)
	if err != nil {
		t.err = err
		return nil
	}
	for left := int64(turnSize); size > t.seen; {
		if left <= 0 || ctx.Err() != nil {
			t.more = true
			break
		}
		n, err := r.read(t, size)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		left -= n
		t.fresh = true
	}
	if !t.more {
		if err := r.finish(t); err != nil {
			return err
		}
	}
	return r.send(t)
}

// check finds out whether the file is still the one that it was, and how long it is.
func (r *reader) check(t *tail) (int64, error) {
	if t.src.packed != nil && t.src.packed.err != nil && !t.src.packed.complete() {
		t.src.packed.again()
	}
	begin, err := readHead(t.src.File, &r.head)
	if err != nil {
		return 0, err
	}
	size, err := t.src.size()
	if err != nil {
		return 0, err
	}
	if !t.head.begins(begin) || size < t.seen {
		if r.opts.IgnoreTruncate && (size == 0 || t.shrunk && size < t.seen) {
			t.shrunk = true
			return 0, nil
		}
		if !t.shrunk {
			r.restart(t)
			return r.check(t) // what begin holds may be from before it was truncated
		}
	}
	if t.shrunk || t.head.n < len(begin) {
		t.shrunk = false
		t.head = headOf(begin)
	}
	if t.dec == nil {
		if err := r.chooseDecoder(t, begin, size); err != nil || t.dec == nil {
			return 0, err
		}
	}
	return size, nil
}

// chooseDecoder finds out how the file is encoded, as soon as there is enough of it.
func (r *reader) chooseDecoder(t *tail, begin []byte, size int64) error {
	if len(r.sets.marks) > 0 && t.src.packed != nil {
		b := r.space(longestMark)
		n, err := t.src.readAt(b, 0)
		if r.used(n); err != nil {
			return err
		}
		begin = b[:n]
	}
	final := t.flush&flushFinal != 0
	if len(r.sets.marks) > 0 && len(begin) < longestMark && !final || size == 0 && !final {
		return nil
	}
	var mark int64
	t.dec, mark = r.sets.choose(begin)
	if t.seen < mark {
		t.begin(mark)
	}
	return nil
}

// restart begins anew with a file whose content was replaced.
func (r *reader) restart(t *tail) {
	r.env.Log.Info("file was truncated or written anew, it is read from the beginning", "path", t.path, "position", t.start)
	r.env.Count("truncated", 1)
	t.rewind()
	if t.src.packed != nil {
		t.src.packed.again()
	}
}

// read reads once and makes events of the lines that are complete.
func (r *reader) read(t *tail, size int64) (n int64, err error) {
	if r.opts.whole() && size < unknownSize {
		n, t.seen = size-t.seen, size
		return n, nil
	}
	base := t.start
	switch {
	case t.seen-t.start <= repeatSize:
	case t.seen-t.line <= repeatSize:
		base = t.line
	default:
		base = max(t.line, t.seen-int64(len(t.dec.separator)-1))
	}
	want := max(readSize, 2*(t.seen-base))
	if size < unknownSize {
		want = min(want, size-base)
	}
	b := r.space(int(want))
	got, err := t.src.readAt(b, base)
	b = b[:got]
	r.used(got)
	n = base + int64(got) - t.seen
	if err != nil {
		t.err = err
	}
	if n <= 0 {
		return 0, nil
	}
	if r.opts.whole() {
		t.seen += n
		return n, r.pieces(t, base, b)
	}
	return n, r.scan(t, base, b)
}

// space returns n bytes that nobody has seen yet. Small reads share a piece of memory, so
// that a line now and then does not cost a large one.
func (r *reader) space(n int) []byte {
	if n > len(r.room) {
		r.renew(n)
	}
	return r.room[:n:n]
}

// renew makes room for n bytes and more.
func (r *reader) renew(n int) {
	if r.shared != nil {
		r.shared.Release()
		r.shared = nil
	}
	if n > event.BufferSize {
		r.room = make([]byte, n)
		return
	}
	r.shared = r.out.Buffers().Buffer()
	r.room = r.shared.Bytes
}

func (r *reader) used(n int) { r.room = r.room[n:] }

// fetch returns bytes of the file: those of b, which begins at base, or else it reads them.
func (r *reader) fetch(t *tail, base int64, b []byte, from, to int64) string {
	if from >= base && to <= base+int64(len(b)) {
		return view(b[from-base : to-base])
	}
	p := make([]byte, to-from)
	n, err := t.src.readAt(p, from)
	if err != nil {
		t.err = err
	}
	return view(p[:n])
}

// event makes an event of bytes that begin at a place.
func (r *reader) event(t *tail, at int64, text string, valid bool) {
	t.told = true
	if !valid {
		text = t.dec.text(text)
	}
	if r.opts.Mode == cat && r.opts.LineByLine {
		text = strings.TrimSuffix(text, "\r")
	}
	if r.batch == nil {
		r.batch, r.held = r.out.Batch(r.from), nil
	}
	e := r.batch.New()
	if r.held != r.shared {
		r.batch.HoldBuffer(r.shared)
		r.held = r.shared
	}
	e.SetField(event.Data, event.String(text))
	e.SetField(filename, t.name)
	if !r.opts.OffsetField.IsZero() {
		if err := e.Set(r.opts.OffsetField, event.Int(at)); err != nil {
			r.env.Fault(e, r.opts.OffsetField.String(), err)
		}
	}
}

func (r *reader) sendFull(t *tail) error {
	if r.batch == nil || !r.batch.Full(r.out.Size()) {
		return nil
	}
	return r.send(t)
}

// send sends the events on. When they have been delivered, so has everything before the
// record that is under way.
func (r *reader) send(t *tail) error {
	ticket := t.open()
	b := r.batch
	r.batch = nil
	if b == nil {
		ticket.Release(nil)
		return nil
	}
	return r.out.Emit(b, ticket)
}
