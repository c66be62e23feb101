package expr

import (
	"strconv"
	"time"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// TimeTemplate is a dynamic string that also takes strftime directives. They are read in
// its literal parts only, never in values of fields, and mean the present time in UTC.
type TimeTemplate struct{ Template }

// ParseTimeTemplate compiles a dynamic string with time directives.
func ParseTimeTemplate(s string) (TimeTemplate, error) {
	t, err := ParseTemplate(s)
	return TimeTemplate{t}, err
}

// UnmarshalText compiles the template.
func (t *TimeTemplate) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTimeTemplate(string(b))
	return err
}

// OptionType describes time templates in tables of options.
func (*TimeTemplate) OptionType() string { return "dynamic string with time pattern" }

// DecodeOption compiles the template of a configuration.
func (t *TimeTemplate) DecodeOption(v *option.Value) error { return t.Template.DecodeOption(v) }

// Append appends the text for e at the present time.
func (t TimeTemplate) Append(dst []byte, e *event.Event) (out []byte, resolved bool) {
	return t.AppendAt(dst, e, time.Now().UTC())
}

// AppendAt appends the text for e at a given time, in the zone of that time.
func (t TimeTemplate) AppendAt(dst []byte, e *event.Event, now time.Time) (out []byte, resolved bool) {
	resolved = true
	for i := range t.parts {
		p := &t.parts[i]
		dst = AppendTime(dst, p.literal, now)
		if p.ref != nil {
			var ok bool
			dst, ok = p.append(dst, e)
			resolved = resolved && ok
		}
	}
	return dst, resolved
}

// Text returns the text for e at the present time.
func (t TimeTemplate) Text(e *event.Event) (s string, resolved bool) {
	out, resolved := t.Append(nil, e)
	return string(out), resolved
}

// AppendMapped is AppendAt with every value of a field, "" for a missing one, passed
// through f, as the names of files need it.
func (t TimeTemplate) AppendMapped(dst []byte, e *event.Event, now time.Time, f func(value string) string) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		dst = AppendTime(dst, p.literal, now)
		if p.ref == nil {
			continue
		}
		value, ok := p.append(nil, e)
		if !ok {
			value = nil
		}
		dst = append(dst, f(string(value))...)
	}
	return dst
}

// AppendTime appends now as format says, with the directives of strftime in the C locale.
// Unknown directives stay as they are.
func AppendTime(dst []byte, format string, now time.Time) []byte {
	start := 0
	for i := 0; i+1 < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		dst = append(dst, format[start:i]...)
		out, known := appendDirective(dst, format[i+1], now)
		start = i + 2
		if !known {
			out = append(dst, format[i:i+2]...)
		}
		dst = out
		i++
	}
	return append(dst, format[min(start, len(format)):]...)
}

// composed are directives that stand for others, and goLayouts those that Go knows.
var (
	composed = map[byte]string{
		'c': "%a %b %e %H:%M:%S %Y", 'x': "%m/%d/%y", 'D': "%m/%d/%y", 'X': "%H:%M:%S", 'T': "%H:%M:%S",
		'F': "%Y-%m-%d", 'R': "%H:%M", 'r': "%I:%M:%S %p",
	}
	goLayouts = map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'p': "PM", 'z': "-0700", 'e': "_2",
	}
)

func appendDirective(dst []byte, c byte, t time.Time) ([]byte, bool) {
	if f, ok := composed[c]; ok {
		return AppendTime(dst, f, t), true
	}
	if l, ok := goLayouts[c]; ok {
		return t.AppendFormat(dst, l), true
	}
	switch c {
	case 'Y':
		return pad(dst, t.Year(), 4, '0'), true
	case 'C':
		return pad(dst, t.Year()/100, 2, '0'), true
	case 'y':
		return pad(dst, t.Year()%100, 2, '0'), true
	case 'm':
		return pad(dst, int(t.Month()), 2, '0'), true
	case 'd':
		return pad(dst, t.Day(), 2, '0'), true
	case 'H':
		return pad(dst, t.Hour(), 2, '0'), true
	case 'k':
		return pad(dst, t.Hour(), 2, ' '), true
	case 'I':
		return pad(dst, twelve(t), 2, '0'), true
	case 'l':
		return pad(dst, twelve(t), 2, ' '), true
	case 'M':
		return pad(dst, t.Minute(), 2, '0'), true
	case 'S':
		return pad(dst, t.Second(), 2, '0'), true
	case 'f':
		return pad(dst, t.Nanosecond()/1000, 6, '0'), true
	case 'j':
		return pad(dst, t.YearDay(), 3, '0'), true
	case 's':
		return strconv.AppendInt(dst, t.Unix(), 10), true
	case 'Z':
		return append(dst, t.Location().String()...), true
	case 'n':
		return append(dst, '\n'), true
	case 't':
		return append(dst, '\t'), true
	case '%':
		return append(dst, '%'), true
	}
	return appendWeek(dst, c, t)
}

func appendWeek(dst []byte, c byte, t time.Time) ([]byte, bool) {
	year, week := t.ISOWeek()
	switch c {
	case 'G':
		return pad(dst, year, 4, '0'), true
	case 'g':
		return pad(dst, year%100, 2, '0'), true
	case 'V':
		return pad(dst, week, 2, '0'), true
	case 'u':
		return pad(dst, (int(t.Weekday())+6)%7+1, 1, '0'), true
	case 'w':
		return pad(dst, int(t.Weekday()), 1, '0'), true
	case 'U':
		return pad(dst, (t.YearDay()+6-int(t.Weekday()))/7, 2, '0'), true
	case 'W':
		return pad(dst, (t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2, '0'), true
	}
	return dst, false
}

func twelve(t time.Time) int {
	if h := t.Hour() % 12; h != 0 {
		return h
	}
	return 12
}

func pad(dst []byte, n, width int, with byte) []byte {
	start := len(dst)
	dst = strconv.AppendInt(dst, int64(n), 10)
	for len(dst)-start < width {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = with
	}
	return dst
}
