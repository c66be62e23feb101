// Package datetime reads times by the directives of strptime, as Python knows them, in
// the C locale.
package datetime

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Special formats beside directives.
const (
	Epoch       = "epoch"
	EpochMillis = "epoch_millis"
	EpochNanos  = "epoch_nanos"
	ISO8601     = "iso8601"
)

// Check reports a directive in a format that Parse does not know.
func Check(format string) error {
	if special(format) {
		return nil
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		i++
		if i == len(format) || strings.IndexByte(directives, format[i]) < 0 {
			return fmt.Errorf("unknown directive %q", format[i-1:min(i+1, len(format))])
		}
	}
	return nil
}

const directives = "YymdHIMSfjUWwaAbBhpzZcxXsTFDRen%t"

func special(format string) bool {
	return format == Epoch || format == EpochMillis || format == EpochNanos || format == ISO8601
}

// Parse reads a time. One without an offset is taken to be in zone.
func Parse(s, format string, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	switch format {
	case ISO8601:
		return time.ParseInLocation(time.RFC3339Nano, s, zone)
	case Epoch:
		f, err := strconv.ParseFloat(s, 64)
		sec := int64(f)
		return time.Unix(sec, int64((f-float64(sec))*1e9)), err
	case EpochMillis:
		n, err := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(n), err
	case EpochNanos:
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(0, n), err
	}
	p := &reader{rest: s, year: 1900, month: 1, day: 1, zone: zone}
	if err := p.read(format); err != nil {
		return time.Time{}, err
	}
	if p.rest != "" {
		return time.Time{}, fmt.Errorf("%q is left over", p.rest)
	}
	return p.time()
}

// reader holds what has been read.
type reader struct {
	rest                      string
	year, month, day, yearDay int
	hour, minute, second      int
	nanos                     int
	afternoon, twelve         bool
	epoch                     *int64
	zone                      *time.Location
}

func (p *reader) time() (time.Time, error) {
	if p.epoch != nil {
		return time.Unix(*p.epoch, int64(p.nanos)), nil
	}
	if p.twelve {
		p.hour %= 12
		if p.afternoon {
			p.hour += 12
		}
	}
	if p.yearDay > 0 {
		p.month, p.day = 1, p.yearDay
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.nanos, p.zone)
	if p.yearDay == 0 && t.Day() != p.day {
		return t, fmt.Errorf("there is no day %d in that month", p.day)
	}
	return t, nil
}

func (p *reader) read(format string) error {
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == '%' && i+1 < len(format):
			i++
			if err := p.directive(format[i]); err != nil {
				return err
			}
		case c == ' ' || c == '\t' || c == '\n':
			p.rest = strings.TrimLeft(p.rest, " \t\n\r\v\f")
		case p.rest == "" || p.rest[0] != c:
			return fmt.Errorf("expected %q at %q", c, p.rest)
		default:
			p.rest = p.rest[1:]
		}
	}
	return nil
}

var (
	months   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

func (p *reader) directive(c byte) (err error) {
	ignored := 0
	switch c {
	case 'Y':
		return p.number(&p.year, 4, 0, 9999)
	case 'y':
		if err = p.number(&p.year, 2, 0, 99); err == nil {
			if p.year += 1900; p.year < 1969 {
				p.year += 100
			}
		}
		return err
	case 'm':
		return p.number(&p.month, 2, 1, 12)
	case 'd', 'e':
		p.rest = strings.TrimLeft(p.rest, " ")
		return p.number(&p.day, 2, 1, 31)
	case 'H':
		return p.number(&p.hour, 2, 0, 23)
	case 'I':
		p.twelve = true
		return p.number(&p.hour, 2, 1, 12)
	case 'M':
		return p.number(&p.minute, 2, 0, 59)
	case 'S':
		return p.number(&p.second, 2, 0, 61)
	case 'f':
		return p.fraction()
	case 'j':
		return p.number(&p.yearDay, 3, 1, 366)
	case 'U', 'W':
		return p.number(&ignored, 2, 0, 53)
	case 'w':
		return p.number(&ignored, 1, 0, 6)
	case 'a', 'A':
		return p.name(weekdays, &ignored)
	case 'b', 'B', 'h':
		return p.name(months, &p.month)
	case 'p':
		return p.halfDay()
	case 'z', 'Z':
		return p.offset()
	case 's':
		return p.seconds()
	case 'T', 'X':
		return p.read("%H:%M:%S")
	case 'F':
		return p.read("%Y-%m-%d")
	case 'D', 'x':
		return p.read("%m/%d/%y")
	case 'R':
		return p.read("%H:%M")
	case 'c':
		return p.read("%a %b %d %H:%M:%S %Y")
	case 'n', 't':
		p.rest = strings.TrimLeft(p.rest, " \t\n")
		return nil
	case '%':
		if !strings.HasPrefix(p.rest, "%") {
			return fmt.Errorf("expected %% at %q", p.rest)
		}
		p.rest = p.rest[1:]
		return nil
	}
	return fmt.Errorf("unknown directive %%%c", c)
}

// digits takes at most n digits.
func (p *reader) digits(n int) string {
	i := 0
	for i < len(p.rest) && i < n && p.rest[i]-'0' < 10 {
		i++
	}
	s := p.rest[:i]
	p.rest = p.rest[i:]
	return s
}

func (p *reader) number(to *int, most, low, high int) error {
	before := p.rest
	n, err := strconv.Atoi(p.digits(most))
	if err != nil || n < low || n > high {
		return fmt.Errorf("expected a number between %d and %d at %q", low, high, before)
	}
	*to = n
	return nil
}

func (p *reader) fraction() error {
	s := p.digits(9)
	if s == "" {
		return fmt.Errorf("expected a fraction at %q", p.rest)
	}
	n, err := strconv.Atoi(s + "000000000"[len(s):])
	p.nanos = n
	return err
}

func (p *reader) seconds() error {
	n, err := strconv.ParseInt(p.digits(18), 10, 64)
	p.epoch = &n
	return err
}

// name takes the longest of the names, in full or their first three letters.
func (p *reader) name(names []string, to *int) error {
	lower := strings.ToLower(p.rest)
	for i, n := range names {
		for _, spelling := range []string{n, n[:3]} {
			if strings.HasPrefix(lower, spelling) {
				*to = i + 1
				p.rest = p.rest[len(spelling):]
				return nil
			}
		}
	}
	return fmt.Errorf("expected a name such as %q at %q", names[0], p.rest)
}

func (p *reader) halfDay() error {
	switch lower := strings.ToLower(p.rest); {
	case strings.HasPrefix(lower, "am"):
		p.afternoon = false
	case strings.HasPrefix(lower, "pm"):
		p.afternoon = true
	default:
		return fmt.Errorf("expected AM or PM at %q", p.rest)
	}
	p.rest = p.rest[2:]
	return nil
}

// offset reads +HHMM, +HH:MM, Z, UTC or GMT.
func (p *reader) offset() error {
	for _, name := range []string{"UTC", "GMT", "Z"} {
		if strings.HasPrefix(strings.ToUpper(p.rest), name) {
			p.rest, p.zone = p.rest[len(name):], time.UTC
			return nil
		}
	}
	if p.rest == "" || p.rest[0] != '+' && p.rest[0] != '-' {
		return fmt.Errorf("expected an offset such as +0100 at %q", p.rest)
	}
	sign := 1
	if p.rest[0] == '-' {
		sign = -1
	}
	p.rest = p.rest[1:]
	var hours, minutes int
	if err := p.number(&hours, 2, 0, 24); err != nil {
		return err
	}
	p.rest = strings.TrimPrefix(p.rest, ":")
	if err := p.number(&minutes, 2, 0, 59); err != nil {
		return err
	}
	p.zone = time.FixedZone("", sign*(hours*3600+minutes*60))
	return nil
}
