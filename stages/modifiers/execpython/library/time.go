package library

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"gambolputty/actor/expr"
	"gambolputty/stages/internal/datetime"
)

func timeModule() *starlarkstruct.Module {
	now := func(f func(t time.Time) starlark.Value) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
		return func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) { return f(time.Now()), nil }
	}
	seconds := func(t time.Time) starlark.Value { return starlark.Float(stamp(t)) }
	_, offset := time.Now().Zone()
	return module("time", starlark.StringDict{"struct_time": &class{name: "struct_time", types: []string{"struct_time"}}, "timezone": starlark.MakeInt(-offset)},
		simple("time", 0, 0, now(seconds)), simple("monotonic", 0, 0, now(seconds)), simple("perf_counter", 0, 0, now(seconds)), simple("clock", 0, 0, now(seconds)),
		simple("time_ns", 0, 0, now(func(t time.Time) starlark.Value { return starlark.MakeInt64(t.UnixNano()) })),
		simple("gmtime", 0, 1, broken(time.UTC)), simple("localtime", 0, 1, broken(time.Local)),
		simple("mktime", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			t, err := fromBroken(a[0], time.Local)
			return starlark.Float(stamp(t)), err
		}),
		simple("strftime", 1, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			at := time.Now()
			if len(a) > 1 {
				var err error
				if at, err = fromBroken(a[1], time.Local); err != nil {
					return nil, err
				}
			}
			format, err := argument(a, 0)
			if err != nil {
				return nil, err
			}
			return strftime(t, at, format)
		}),
		simple("strptime", 1, 2, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			at, _, err := strptime(a, time.Local)
			return moment{object{"struct_time"}, at}, err
		}),
		simple("ctime", 0, 1, textOf(time.Local)), simple("asctime", 0, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			at := time.Now()
			if len(a) > 0 {
				var err error
				if at, err = fromBroken(a[0], time.Local); err != nil {
					return nil, err
				}
			}
			return starlark.String(at.Format(time.ANSIC)), nil
		}),
		simple("sleep", 1, 1, sleep),
	)
}

// stamp is a time in seconds since 1970.
func stamp(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// fromStamp reads seconds since 1970, rounded to microseconds.
func fromStamp(v starlark.Value, zone *time.Location) (time.Time, error) {
	var f float64
	if err := toNumber(v, &f); err != nil {
		return time.Time{}, err
	}
	const year10000 = 253402300800
	if math.IsNaN(f) || f >= year10000 || f < -62135596800 {
		return time.Time{}, errors.New("the time is out of range")
	}
	whole := math.Floor(f)
	micros := int64(math.RoundToEven((f - whole) * 1e6))
	return time.Unix(int64(whole), micros*1000).In(zone), nil
}

// sleep waits, but not beyond the time that the program has.
func sleep(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	var f float64
	if err := toNumber(a[0], &f); err != nil || f < 0 {
		return nil, errNumber
	}
	m := machineOf(t)
	d := min(time.Duration(min(f, 1e6)*float64(time.Second)), time.Until(m.deadline))
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.ctx.Done():
	}
	work(t, slice) // so that the clock is looked at
	return starlark.None, nil
}

func broken(zone *time.Location) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	return func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		at, err := orNow(a, zone)
		return moment{object{"struct_time"}, at.Truncate(time.Second)}, err
	}
}

// orNow is the time that the first argument gives in seconds, or the present one.
func orNow(a starlark.Tuple, zone *time.Location) (time.Time, error) {
	if len(a) == 0 || a[0] == starlark.None {
		return time.Now().In(zone), nil
	}
	return fromStamp(a[0], zone)
}

func textOf(zone *time.Location) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	return func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		at, err := orNow(a, zone)
		return starlark.String(at.Format(time.ANSIC)), err
	}
}

func strftime(t *starlark.Thread, at time.Time, format string) (starlark.Value, error) {
	if err := charge(t, 16*len(format)); err != nil {
		return nil, err
	}
	return starlark.String(expr.AppendTime(nil, format, at)), nil
}

// strptime reads a time. aware says that it had a zone.
func strptime(a starlark.Tuple, zone *time.Location) (t time.Time, aware bool, err error) {
	s, err := argument(a, 0)
	if err != nil {
		return t, false, err
	}
	format := "%a %b %d %H:%M:%S %Y"
	if len(a) > 1 {
		if format, err = argument(a, 1); err != nil {
			return t, false, err
		}
	}
	if err := datetime.Check(format); err != nil {
		return t, false, err
	}
	if !strings.Contains(format, "%") { // the words that stand for formats are no directives
		return t, false, fmt.Errorf("%s does not match the format %s", quote(s), quote(format))
	}
	t, err = datetime.Parse(s, format, zone)
	return t, strings.Contains(format, "%z"), err
}

// moment is a time taken apart, as time.localtime gives it.
type moment struct {
	object
	t time.Time
}

var (
	_ starlark.Sequence  = moment{}
	_ starlark.Indexable = moment{}
	_ starlark.HasAttrs  = moment{}
)

var momentFields = []string{"tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst"}

func (m moment) tuple() starlark.Tuple {
	dst := 0
	if m.t.IsDST() {
		dst = 1
	}
	out := starlark.Tuple{}
	for _, n := range []int{m.t.Year(), int(m.t.Month()), m.t.Day(), m.t.Hour(), m.t.Minute(), m.t.Second(), weekday(m.t), m.t.YearDay(), dst} {
		out = append(out, starlark.MakeInt(n))
	}
	return out
}

// weekday counts from Monday.
func weekday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

// Len is the number of parts.
func (m moment) Len() int { return len(momentFields) }

// Index returns a part.
func (m moment) Index(i int) starlark.Value { return m.tuple()[i] }

// Iterate walks the parts.
func (m moment) Iterate() starlark.Iterator { return m.tuple().Iterate() }

// String is what Python shows.
func (m moment) String() string {
	var parts []string
	for i, v := range m.tuple() {
		parts = append(parts, momentFields[i]+"="+v.String())
	}
	return "time.struct_time(" + strings.Join(parts, ", ") + ")"
}

// Attr returns a part by its name.
func (m moment) Attr(name string) (starlark.Value, error) {
	for i, field := range momentFields {
		if field == name {
			return m.Index(i), nil
		}
	}
	return nil, nil
}

// AttrNames lists the parts.
func (m moment) AttrNames() []string { return momentFields }

// fromBroken puts a time together again.
func fromBroken(v starlark.Value, zone *time.Location) (time.Time, error) {
	if m, ok := v.(moment); ok {
		return time.Date(m.t.Year(), m.t.Month(), m.t.Day(), m.t.Hour(), m.t.Minute(), m.t.Second(), 0, zone), nil
	}
	list, ok := v.(starlark.Indexable)
	if !ok || list.Len() != len(momentFields) {
		return time.Time{}, errors.New("must be a time with 9 parts, as time.localtime() makes it")
	}
	var n [6]int
	for i := range n {
		var err error
		if n[i], err = starlark.AsInt32(list.Index(i)); err != nil {
			return time.Time{}, err
		}
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, zone), nil
}
