package eventbuffer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// Kept is one event that a former life has left.
type Kept struct {
	// Input is the id of the input that made it.
	Input string
	Event *event.Event
	// Where names it in its place.
	Where string
	// Living says that the process which keeps it is at work.
	Living bool
	// Err says that it cannot be read.
	Err error

	number uint64
}

// log keeps events in a log on disk. A record is the id of the input and the event.
type diskPlace struct {
	log     *disklog.Log
	dir     string
	records sync.Pool
}

func openDisk(env actor.Env, o Options) (*diskPlace, error) {
	dir, err := o.Directory()
	if err != nil {
		return nil, fmt.Errorf("path is not set, and there is no place for it: %w", err)
	}
	log, err := disklog.Open(disklog.Options{
		Dir: dir, Fsync: disklog.Policy(o.Fsync), MaxBytes: o.MaxSize, MaxAge: o.MaxAge, WhenFull: o.WhenFull, FS: o.FS, Log: env.Log,
	})
	if err != nil {
		return nil, err
	}
	return &diskPlace{log: log, dir: dir}, nil
}

// diskParcel is records, which are numbered once they have been stored.
type diskParcel struct {
	records *disklog.Records
	first   uint64
	n       int
}

func (p *diskParcel) count() int { return p.n }

func (d *diskPlace) target() string { return d.dir }

func (d *diskPlace) prepare(input string, events eventList) parcel {
	r, _ := d.records.Get().(*disklog.Records)
	if r == nil {
		r = new(disklog.Records)
	}
	r.Reset()
	for _, e := range events {
		r.Add(func(to []byte) []byte { return appendKept(to, input, e) })
	}
	return &diskParcel{records: r, n: len(events)}
}

func appendKept(to []byte, input string, e *event.Event) []byte {
	to = binary.AppendUvarint(to, uint64(len(input)))
	return event.AppendRecord(append(to, input...), e)
}

func (d *diskPlace) put(ctx context.Context, p parcel) error {
	dp := p.(*diskParcel)
	first, err := d.log.Append(ctx, dp.records)
	if errors.Is(err, disklog.ErrFull) {
		return errUnkept
	}
	if err != nil {
		return err
	}
	dp.first = first
	d.records.Put(dp.records)
	dp.records = nil
	return nil
}

func (d *diskPlace) remove(p parcel) {
	switch p := p.(type) {
	case *diskParcel:
		if p.first > 0 { // or it has never been stored
			d.log.Finish(p.first, p.n)
		}
	case again:
		for _, k := range p {
			d.log.Finish(k.number, 1)
		}
	}
}

// again is events that have been there before.
type again []Kept

func (a again) count() int { return len(a) }

// Each walks what is left.
func (d *diskPlace) Each(ctx context.Context, take func(Kept) bool) error {
	var decoder event.RecordDecoder
	var errs []error
	for r, err := range d.log.Unfinished() {
		if err != nil { // one segment cannot be read; the others can
			errs = append(errs, err)
			continue
		}
		k := Kept{number: r.Number, Where: fmt.Sprint(r.Number)}
		n, size := binary.Uvarint(r.Data)
		if size <= 0 || n > uint64(len(r.Data)-size) {
			k.Err = errors.New("the record is no event")
		} else {
			text := string(r.Data[size:])
			k.Input = text[:n]
			k.Event, k.Err = decoder.Decode(text[n:])
		}
		if !take(k) || ctx.Err() != nil {
			return nil
		}
	}
	for _, err := range errs {
		take(Kept{Err: err})
	}
	return nil
}

// Look is Each, because a directory belongs to one process.
func (d *diskPlace) Look(ctx context.Context, take func(Kept) bool) error { return d.Each(ctx, take) }

// Move makes a kept event one of another input.
func (d *diskPlace) Move(ctx context.Context, k Kept, input string) error {
	if k.Err != nil {
		return k.Err
	}
	p := d.prepare(input, eventList{k.Event})
	if err := d.put(ctx, p); err != nil {
		return err
	}
	return d.Remove(ctx, k)
}

// Remove removes a kept event.
func (d *diskPlace) Remove(_ context.Context, k Kept) error {
	d.log.Finish(k.number, 1)
	return nil
}

func (d *diskPlace) maintain(context.Context) { d.log.Maintain(time.Now()) }

func (d *diskPlace) age() time.Duration {
	if oldest := d.log.Stats().Oldest; !oldest.IsZero() {
		return time.Since(oldest)
	}
	return 0
}

func (d *diskPlace) Close(context.Context) error { return d.log.Close() }
