package graphitesink

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/eventtime"
)

// points are the metrics of a batch.
type points struct {
	env    actor.Env
	opts   *Options
	clock  eventtime.Clock
	warned []bool // by entry of formats

	text  []byte
	list  []point
	items []item
}

// item is an event with its metrics in the list.
type item struct {
	event    *event.Event
	from, to int
}

// point is one value of a metric. Path and value lie in the text.
type point struct {
	owner            *event.Event
	start, path, end int
	number           float64
	at               int64
}

func newPoints(env actor.Env, o *Options) (*points, error) {
	p := &points{env: env, opts: o, clock: eventtime.UTC, warned: make([]bool, len(o.Formats))}
	p.clock.TimestampField = o.TimestampField
	return p, p.clock.CheckTime()
}

// add renders what an event says about each metric.
func (p *points) add(e *event.Event, now time.Time) {
	at := p.clock.Of(p.env, e, now).Unix()
	sent, from := p.env.Payload(e), len(p.list)
	for i := range p.opts.Formats {
		one := point{owner: e, start: len(p.text), at: at}
		if !p.render(&one, i, sent) {
			p.text = p.text[:one.start]
			p.env.Count("skipped", 1)
			continue
		}
		p.list = append(p.list, one)
	}
	p.items = append(p.items, item{e, from, len(p.list)})
}

// render writes one metric. It reports false for one that is no metric in this event.
func (p *points) render(one *point, i int, e *event.Event) bool {
	m := &p.opts.Formats[i]
	resolved := true
	if !p.opts.Prefix.IsZero() {
		if p.text, resolved = p.opts.Prefix.AppendWith(p.text, e, p.tidy); !resolved {
			return false
		}
		if n := len(p.text); n > one.start && p.text[n-1] != '.' {
			p.text = append(p.text, '.')
		}
	}
	bare := len(p.text)
	if p.text, resolved = m.path.AppendWith(p.text, e, p.tidy); !resolved {
		return false
	}
	path := p.text[bare:]
	if len(path) == 0 || m.value.IsZero() || m.value.Source() == "" || strings.ContainsFunc(string(path), unfit) {
		p.complain(i)
		return false
	}
	for _, t := range p.opts.Tags {
		p.tag(t, e)
	}
	one.path = len(p.text)
	if p.text, resolved = m.value.Append(p.text, e); !resolved {
		return false
	}
	return p.number(one)
}

// complain tells once that an entry is no metric, whatever the event.
func (p *points) complain(i int) {
	if p.warned[i] {
		return
	}
	p.warned[i] = true
	p.env.Log.Warn("entry of formats is skipped, because it is not a path, a blank and a value", "entry", p.opts.Formats[i].source)
}

// tag adds a tag to the path, unless it has no value.
func (p *points) tag(t tag, e *event.Event) {
	start := len(p.text)
	p.text = append(append(append(p.text, ';'), t.name...), '=')
	value := len(p.text)
	var resolved bool
	p.text, resolved = t.value.Append(p.text, e)
	if !resolved || len(p.text) == value {
		p.text = p.text[:start]
		return
	}
	p.text = replace(p.text, value, func(r rune) bool { return unfit(r) || r == ';' })
	if p.text[value] == '~' {
		p.text[value] = '_'
	}
}

// tidy makes the text of a field a part of a path.
func (p *points) tidy(dst []byte, from int) []byte {
	if p.opts.EscapeDots {
		return replace(dst, from, func(r rune) bool { return r == '.' || unfit(r) })
	}
	return replace(dst, from, unfit)
}

// unfit tells what must not stand in a path.
func unfit(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// replace puts _ where bad says so, and in the place of what is not UTF-8, which ends connections
// to carbon.
func replace(dst []byte, from int, bad func(rune) bool) []byte {
	to := from
	for i := from; i < len(dst); {
		r, n := rune(dst[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(dst[i:])
		}
		if bad(r) || r == utf8.RuneError && n == 1 {
			dst[to] = '_'
			to++
		} else {
			to += copy(dst[to:], dst[i:i+n])
		}
		i += n
	}
	return dst[:to]
}

// number reads the value, which must be finite. It becomes 1 or 0 if it is a boolean.
func (p *points) number(one *point) bool {
	switch text := p.text[one.path:]; {
	case strings.EqualFold(string(text), "true"):
		p.text = append(p.text[:one.path], '1')
	case strings.EqualFold(string(text), "false"):
		p.text = append(p.text[:one.path], '0')
	}
	one.end = len(p.text)
	text := string(p.text[one.path:])
	if v, ok := event.Number(text); ok && strings.TrimSpace(text) == text {
		one.number, ok = v.Float()
		return ok && !math.IsInf(one.number, 0) && !math.IsNaN(one.number)
	}
	return false
}

// of walks the metrics of some of the events, which stand in their order.
func (p *points) of(events []*event.Event) iter.Seq[*point] {
	return func(yield func(*point) bool) {
		rest := p.items
		for _, e := range events {
			for len(rest) > 0 && rest[0].event != e {
				rest = rest[1:] // it was delivered by an earlier attempt
			}
			if len(rest) == 0 {
				return
			}
			for i := rest[0].from; i < rest[0].to; i++ {
				if !yield(&p.list[i]) {
					return
				}
			}
		}
	}
}

func (p *points) appendLine(dst []byte, one *point) []byte {
	dst = append(append(dst, p.text[one.start:one.path]...), ' ')
	dst = append(append(dst, p.text[one.path:one.end]...), ' ')
	return append(strconv.AppendInt(dst, one.at, 10), '\n')
}

// keepText is the memory for texts that is kept from batch to batch.
const keepText = 1 << 20

func (p *points) reset() {
	clear(p.list)
	clear(p.items)
	p.text, p.list, p.items = p.text[:0], p.list[:0], p.items[:0]
	if cap(p.text) > keepText {
		p.text = nil
	}
}
