package library

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"gambolputty/actor/expr"
)

// stampValue is a datetime or a date of Python. A datetime without a zone is naive: it is kept
// in UTC and means whatever the program takes it for.
type stampValue struct {
	t     time.Time
	aware bool
	date  bool
}

var (
	_ starlark.HasAttrs   = stampValue{}
	_ starlark.Comparable = stampValue{}
	_ starlark.HasBinary  = stampValue{}
)

var dateParts = []string{"year", "month", "day", "hour", "minute", "second", "microsecond"}

// naive drops the zone and keeps what the clock shows.
func naive(t time.Time) stampValue {
	return stampValue{t: time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1000*1000, time.UTC)}
}

func awareIn(t time.Time) stampValue { return stampValue{t: t.Truncate(time.Microsecond), aware: true} }

func dateOf(t time.Time) stampValue {
	return stampValue{t: time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), date: true}
}

// in gives t with or without a zone.
func in(t time.Time, zone starlark.Value) (stampValue, error) {
	if zone == starlark.None {
		return naive(t.Local()), nil
	}
	z, ok := zone.(timezone)
	if !ok {
		return stampValue{}, fmt.Errorf("the zone must be a timezone, got %s", typeName(zone))
	}
	return awareIn(t.In(z.Location)), nil
}

// read makes a value of a time that was read from text.
func read(t time.Time, aware bool) stampValue {
	if aware {
		return awareIn(t)
	}
	return naive(t)
}

func datetimeModule() *starlarkstruct.Module {
	stampClass := &class{name: "datetime", types: []string{"datetime"}, make: func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		return newStamp(stampValue{t: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}, a, named, 3)
	}}
	stampClass.members = members(
		zoned("now", func(a starlark.Tuple, zone starlark.Value) (starlark.Value, error) { return in(time.Now(), zone) }, 0),
		zoned("fromtimestamp", func(a starlark.Tuple, zone starlark.Value) (starlark.Value, error) {
			t, err := fromStamp(a[0], time.UTC)
			if err != nil {
				return nil, err
			}
			return in(t, zone)
		}, 1),
		simple("utcnow", 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) { return naive(time.Now().UTC()), nil }),
		simple("today", 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) { return naive(time.Now()), nil }),
		simple("utcfromtimestamp", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			t, err := fromStamp(a[0], time.UTC)
			return naive(t), err
		}),
		simple("strptime", 2, 2, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			t, aware, err := strptime(a, time.UTC)
			return read(t, aware), err
		}),
		simple("fromisoformat", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return fromISO(a) }),
	)
	dateClass := &class{name: "date", types: []string{"date", "datetime"}, make: func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		return newStamp(stampValue{t: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), date: true}, a, named, 3)
	}}
	dateClass.members = members(
		simple("today", 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) { return dateOf(time.Now()), nil }),
		simple("fromtimestamp", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			t, err := fromStamp(a[0], time.Local)
			return dateOf(t), err
		}),
		simple("fromisoformat", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			v, err := fromISO(a)
			return dateOf(v.t), err
		}),
	)
	zones := &class{name: "timezone", types: []string{"timezone"}, make: newZone, members: starlark.StringDict{"utc": timezone{object{"timezone"}, time.UTC}}}
	deltas := &class{name: "timedelta", types: []string{"timedelta"}, make: newDelta}
	return module("datetime", starlark.StringDict{
		"datetime": stampClass, "date": dateClass, "timedelta": deltas, "timezone": zones, "UTC": zones.members["utc"], "MINYEAR": starlark.MakeInt(1), "MAXYEAR": starlark.MakeInt(9999),
	})
}

func members(list ...*starlark.Builtin) starlark.StringDict {
	d := starlark.StringDict{}
	for _, b := range list {
		d[b.Name()] = b
	}
	return d
}

// zoned makes a function of n values and a zone.
func zoned(name string, f func(a starlark.Tuple, zone starlark.Value) (starlark.Value, error), n int) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		var zone starlark.Value = starlark.None
		if len(a) < n {
			return nil, within(name, errArguments)
		}
		if err := starlark.UnpackArgs(name, a[n:], named, "tz?", &zone); err != nil {
			return nil, err
		}
		v, err := f(a, zone)
		return v, within(name, err)
	})
}

// newStamp replaces parts of a time: the constructor all, the method replace some.
func newStamp(v stampValue, a starlark.Tuple, named []starlark.Tuple, needed int) (starlark.Value, error) {
	parts := []int{v.t.Year(), int(v.t.Month()), v.t.Day(), v.t.Hour(), v.t.Minute(), v.t.Second(), v.t.Nanosecond() / 1000}
	names := dateParts
	if v.date {
		names = dateParts[:3]
	}
	var zone starlark.Value
	var pairs []any
	for i, name := range names {
		if i >= needed {
			name += "?"
		}
		pairs = append(pairs, name, &parts[i])
	}
	if !v.date {
		pairs = append(pairs, "tzinfo?", &zone)
	}
	if err := starlark.UnpackArgs("datetime", a, named, pairs...); err != nil {
		return nil, err
	}
	location := v.t.Location()
	switch z := zone.(type) {
	case timezone:
		location, v.aware = z.Location, true
	case starlark.NoneType:
		location, v.aware = time.UTC, false
	}
	t := time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], parts[6]*1000, location)
	if t.Year() != parts[0] || int(t.Month()) != parts[1] || t.Day() != parts[2] || parts[3] < 0 || parts[3] > 23 || parts[4] < 0 || parts[4] > 59 ||
		parts[5] < 0 || parts[5] > 59 || parts[6] < 0 || parts[6] > 999_999 || parts[0] < 1 || parts[0] > 9999 {
		return nil, errors.New("there is no such time")
	}
	v.t = t
	return v, nil
}

// isoLayouts are the forms that fromisoformat reads; a zone may follow.
var isoLayouts = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func fromISO(a starlark.Tuple) (stampValue, error) {
	s, err := argument(a, 0)
	if err != nil {
		return stampValue{}, err
	}
	for _, layout := range isoLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return naive(t), nil
		}
		if t, err := time.Parse(layout+"Z07:00", s); err == nil {
			return awareIn(t), nil
		}
	}
	return stampValue{}, fmt.Errorf("%s is no time in ISO 8601", quote(s))
}

// isoformat writes a time as Python does, with microseconds if there are some.
func (v stampValue) isoformat(sep string) string {
	if v.date {
		return v.t.Format("2006-01-02")
	}
	layout := "15:04:05"
	if v.t.Nanosecond() != 0 {
		layout += ".000000"
	}
	if v.aware {
		layout += "-07:00"
	}
	return v.t.Format("2006-01-02") + sep + v.t.Format(layout)
}

func (v stampValue) text() string { return v.isoformat(" ") }

func (v stampValue) format(spec string) string {
	if !v.aware {
		spec = strings.NewReplacer("%%", "%%", "%z", "", "%Z", "").Replace(spec)
	}
	return string(expr.AppendTime(nil, spec, v.t))
}

// String is what Python shows.
func (v stampValue) String() string {
	parts := []int{v.t.Year(), int(v.t.Month()), v.t.Day()}
	if !v.date {
		parts = append(parts, v.t.Hour(), v.t.Minute())
		if micros := v.t.Nanosecond() / 1000; micros != 0 {
			parts = append(parts, v.t.Second(), micros)
		} else if v.t.Second() != 0 {
			parts = append(parts, v.t.Second())
		}
	}
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(parts), " ", ", "), "[]")
	if v.aware {
		text += ", tzinfo=" + v.zone().String()
	}
	return "datetime." + v.Type() + "(" + text + ")"
}

// Type is the name of the type.
func (v stampValue) Type() string {
	if v.date {
		return "date"
	}
	return "datetime"
}

// Freeze does nothing: times do not change.
func (v stampValue) Freeze() {}

// Truth is true.
func (v stampValue) Truth() starlark.Bool { return true }

// Hash makes times keys of dicts.
func (v stampValue) Hash() (uint32, error) { return uint32(v.t.UnixMicro()), nil }

var errMixed = errors.New("a time with a zone cannot be compared with one without")

// CompareSameType orders times.
func (v stampValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	o := y.(stampValue)
	if v.aware != o.aware {
		switch op {
		case syntax.EQL:
			return false, nil
		case syntax.NEQ:
			return true, nil
		}
		return false, errMixed
	}
	return ordered(op, v.t.Compare(o.t)), nil
}

// Binary adds and subtracts durations, and subtracts times.
func (v stampValue) Binary(op syntax.Token, y starlark.Value, side starlark.Side) (starlark.Value, error) {
	switch o := y.(type) {
	case delta:
		if op == syntax.PLUS || op == syntax.MINUS && side == starlark.Left {
			if op == syntax.MINUS {
				o = -o
			}
			return v.plus(o)
		}
	case stampValue:
		if op == syntax.MINUS && side == starlark.Left && v.date == o.date {
			if v.aware != o.aware {
				return nil, errMixed
			}
			return delta(v.t.UnixMicro() - o.t.UnixMicro()), nil
		}
	}
	return nil, nil
}

func (v stampValue) plus(d delta) (starlark.Value, error) {
	t := time.UnixMicro(v.t.UnixMicro() + int64(d)).In(v.t.Location())
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, errors.New("the time is out of range")
	}
	if v.date {
		return dateOf(t), nil
	}
	v.t = t
	return v, nil
}

func (v stampValue) zone() timezone { return timezone{object{"timezone"}, v.t.Location()} }

// Attr returns a member.
func (v stampValue) Attr(name string) (starlark.Value, error) {
	for i, n := range []int{v.t.Year(), int(v.t.Month()), v.t.Day(), v.t.Hour(), v.t.Minute(), v.t.Second(), v.t.Nanosecond() / 1000} {
		if dateParts[i] == name && (i < 3 || !v.date) {
			return starlark.MakeInt(n), nil
		}
	}
	none := func(f func() starlark.Value) (starlark.Value, error) {
		return simple(name, 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) { return f(), nil }), nil
	}
	switch name {
	case "weekday":
		return none(func() starlark.Value { return starlark.MakeInt(weekday(v.t)) })
	case "isoweekday":
		return none(func() starlark.Value { return starlark.MakeInt(weekday(v.t) + 1) })
	case "timetuple":
		return none(func() starlark.Value { return moment{object{"struct_time"}, v.t} })
	case "ctime":
		return none(func() starlark.Value { return starlark.String(v.t.Format(time.ANSIC)) })
	case "isoformat":
		return simple(name, 0, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			sep := "T"
			if len(a) > 0 {
				sep = Str(a[0])
			}
			return starlark.String(v.isoformat(sep)), nil
		}), nil
	case "strftime":
		return simple(name, 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			f, err := argument(a, 0)
			if err != nil {
				return nil, err
			}
			return starlark.String(v.format(f)), charge(t, 16*len(f))
		}), nil
	case "replace":
		return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			return newStamp(v, a, named, 0)
		}), nil
	}
	if v.date {
		return nil, nil
	}
	return v.member(name, none)
}

// member returns a member that dates do not have.
func (v stampValue) member(name string, none func(func() starlark.Value) (starlark.Value, error)) (starlark.Value, error) {
	switch name {
	case "tzinfo":
		if !v.aware {
			return starlark.None, nil
		}
		return v.zone(), nil
	case "date":
		return none(func() starlark.Value { return dateOf(v.t) })
	case "timestamp":
		return none(func() starlark.Value { return starlark.Float(stamp(v.instant())) })
	case "utctimetuple":
		return none(func() starlark.Value { return moment{object{"struct_time"}, v.t.UTC()} })
	case "utcoffset":
		return none(func() starlark.Value {
			if !v.aware {
				return starlark.None
			}
			_, offset := v.t.Zone()
			return delta(offset) * 1e6
		})
	case "astimezone":
		return zoned(name, func(_ starlark.Tuple, zone starlark.Value) (starlark.Value, error) {
			if zone == starlark.None {
				zone = timezone{object{"timezone"}, time.Local}
			}
			return in(v.instant(), zone)
		}, 0), nil
	}
	return nil, nil
}

// instant is the point in time; without a zone the clock is that of this host.
func (v stampValue) instant() time.Time {
	if v.aware {
		return v.t
	}
	return time.Date(v.t.Year(), v.t.Month(), v.t.Day(), v.t.Hour(), v.t.Minute(), v.t.Second(), v.t.Nanosecond(), time.Local)
}

// AttrNames lists the members.
func (v stampValue) AttrNames() []string {
	return append([]string{"astimezone", "ctime", "date", "isoformat", "isoweekday", "replace", "strftime", "timestamp", "timetuple", "tzinfo", "utcoffset", "utctimetuple", "weekday"}, dateParts...)
}

// timezone is a zone with a fixed offset, or that of this host.
type timezone struct {
	object
	*time.Location
}

func newZone(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) == 0 || len(a) > 2 {
		return nil, errArguments
	}
	d, ok := a[0].(delta)
	const day = 24 * 3600 * 1e6
	if !ok || d <= -day || d >= day {
		return nil, errors.New("the offset must be a timedelta of less than a day")
	}
	name := ""
	if len(a) > 1 {
		name = Str(a[1])
	} else if name = "UTC"; d != 0 {
		name += time.Unix(0, 0).In(time.FixedZone("", int(d/1e6))).Format("-07:00")
	}
	return timezone{object{"timezone"}, time.FixedZone(name, int(d/1e6))}, nil
}

func (z timezone) text() string { return z.Location.String() }

// String is what Python shows.
func (z timezone) String() string {
	_, offset := time.Unix(0, 0).In(z.Location).Zone()
	if offset == 0 {
		return "datetime.timezone.utc"
	}
	return "datetime.timezone(" + (delta(offset) * 1e6).String() + ")"
}
