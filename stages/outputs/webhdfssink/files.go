package webhdfssink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"gambolputty/stages/internal/outfile"
)

// memory is how long files and directories are believed to be as they were.
const memory = 5 * time.Minute

// files knows the files that were written lately.
type files struct {
	client *client
	opts   *Options
	now    func() time.Time
	known  map[string]*file
	dirs   map[string]time.Time
}

type file struct {
	length int64
	since  time.Time
	number int // of the rotated file that comes next, 0 if it is not known
}

func newFiles(c *client, o *Options) *files {
	return &files{client: c, opts: o, now: time.Now, known: map[string]*file{}, dirs: map[string]time.Time{}}
}

// piece is what is appended in one request.
type piece struct {
	body   []byte
	to     int   // where its lines end
	begun  bool  // it was sent, and nobody knows whether it has arrived
	before int64 // length of the file in front of it
}

// write appends what is left of p. After a failure p knows how much of it is in the file.
func (l *files) write(ctx context.Context, p *pending) error {
	name := p.path + outfile.Endings[l.opts.Compress]
	for p.done < len(p.data) {
		f, err := l.ensure(ctx, name)
		if err != nil {
			return err
		}
		if p.piece.begun {
			if err := l.settle(ctx, name, f, p); err != nil {
				return err
			}
			continue
		}
		if err := l.prepare(p, f); err != nil {
			return err
		}
		if l.full(f, p) {
			if err := l.rotate(ctx, p.path, name, f); err != nil {
				return err
			}
			continue
		}
		if err := l.send(ctx, name, f, p); err != nil {
			return err
		}
	}
	return nil
}

// ensure makes sure that a file is there.
func (l *files) ensure(ctx context.Context, name string) (*file, error) {
	now := l.now()
	if f := l.known[name]; f != nil && now.Sub(f.since) < memory {
		return f, nil
	}
	length, err := l.client.length(ctx, name)
	if isMissing(err) {
		length, err = l.create(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	f := l.known[name]
	if f == nil {
		f = &file{}
		l.known[name] = f
	}
	f.length, f.since = length, now
	return f, nil
}

func (l *files) create(ctx context.Context, name string) (int64, error) {
	dir := path.Dir(name)
	if now := l.now(); now.Sub(l.dirs[dir]) >= memory {
		if err := l.client.mkdirs(ctx, dir); err != nil {
			return 0, err
		}
		l.dirs[dir] = now
	}
	err := l.client.create(ctx, name)
	if err == nil {
		return 0, nil
	}
	if isMissing(err) { // somebody has removed the directory
		delete(l.dirs, dir)
	}
	if length, failed := l.client.length(ctx, name); failed == nil {
		return length, nil // it was made all the same, perhaps by somebody else
	}
	return 0, err
}

// prepare makes the next piece.
func (l *files) prepare(p *pending, f *file) error {
	to := p.ends.UpTo(p.done, cmp.Or(l.opts.RotateSize, -1)) // 0 is no limit
	body := p.data[p.done:to]
	if l.opts.Compress != "" {
		var err error
		if body, err = outfile.Compress(l.opts.Compress, body, f.length > 0); err != nil {
			return fmt.Errorf("compress: %w", err)
		}
	}
	p.piece = piece{body: body, to: to}
	return nil
}

// full reports whether the file must be rotated in front of the piece. The rest of a line
// that was begun always fits.
func (l *files) full(f *file, p *pending) bool {
	return l.opts.RotateSize > 0 && f.length > 0 && f.length+int64(len(p.piece.body)) > l.opts.RotateSize && p.ends.Between(p.done)
}

// send appends a piece.
func (l *files) send(ctx context.Context, name string, f *file, p *pending) error {
	p.piece.before = f.length
	err := l.client.append(ctx, name, p.piece.body)
	if err == nil {
		l.arrived(f, p)
		return nil
	}
	p.piece.begun = errors.Is(err, errData)
	if isMissing(err) && !p.piece.begun {
		delete(l.known, name) // somebody has removed or moved it
	}
	return err
}

func (l *files) arrived(f *file, p *pending) {
	l.client.env.Count("bytes", len(p.piece.body))
	f.length, f.since = p.piece.before+int64(len(p.piece.body)), l.now()
	p.done = p.piece.to
	p.piece = piece{}
}

// settle finds out what has become of a piece whose answer was lost. To append nothing
// succeeds only when nobody writes to the file any more: before, its length would tell
// nothing.
func (l *files) settle(ctx context.Context, name string, f *file, p *pending) error {
	if err := l.client.append(ctx, name, []byte{}); err != nil {
		if isMissing(err) {
			p.piece.begun = false
			delete(l.known, name)
			return nil
		}
		return err
	}
	length, err := l.client.length(ctx, name)
	if err != nil {
		return err
	}
	grown := length - p.piece.before
	switch {
	case grown >= int64(len(p.piece.body)):
		l.arrived(f, p)
		f.length = length
		return nil
	case grown > 0 && l.opts.Compress != "": // a piece of it would make the rest unreadable
		if err := l.client.truncate(ctx, name, p.piece.before); err != nil {
			return err
		}
		length = p.piece.before
	case grown > 0:
		p.done += int(grown)
	}
	f.length = length
	p.piece = piece{}
	return nil
}

// rotate gives a file the next number. Higher numbers are newer.
func (l *files) rotate(ctx context.Context, base, name string, f *file) error {
	numbered := func(n int) string { return fmt.Sprintf("%s.%d%s", base, n, outfile.Endings[l.opts.Compress]) }
	if f.number == 0 {
		n, err := l.free(ctx, numbered)
		if err != nil {
			return err
		}
		f.number = n
	}
	if err := l.client.rename(ctx, name, numbered(f.number)); err != nil {
		f.number = 0
		delete(l.known, name)
		return fmt.Errorf("rotate: %w", err)
	}
	l.known[name] = &file{number: f.number + 1} // the new one is made when something is written
	return nil
}

// free finds the first number that is not in use, in about as many requests as it has
// digits in binary.
func (l *files) free(ctx context.Context, numbered func(int) string) (int, error) {
	used := func(n int) (bool, error) {
		_, err := l.client.length(ctx, numbered(n))
		if isMissing(err) {
			return false, nil
		}
		return err == nil, err
	}
	low, high := 0, 1
	for {
		in, err := used(high)
		if err != nil {
			return 0, err
		}
		if !in {
			break
		}
		low, high = high, high*2
	}
	for high-low > 1 {
		middle := (low + high) / 2
		in, err := used(middle)
		switch {
		case err != nil:
			return 0, err
		case in:
			low = middle
		default:
			high = middle
		}
	}
	return high, nil
}

// age forgets what was not used for a while.
func (l *files) age(now time.Time) {
	for name, f := range l.known {
		if now.Sub(f.since) >= memory {
			delete(l.known, name)
		}
	}
	for dir, since := range l.dirs {
		if now.Sub(since) >= memory {
			delete(l.dirs, dir)
		}
	}
}
