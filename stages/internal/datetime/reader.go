package datetime

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// reader holds what has been read of a time.
type reader struct {
	rest                      string
	year, month, day, yearDay int
	hour, minute, second      int
	nanos                     int
	epoch                     int64
	afternoon, twelve         bool
	yearGiven, epochGiven     bool
	zone                      *time.Location
	offsets                   *map[int]*time.Location
}

// mismatch is what was expected in a text, and what stood there. Its words are put together
// when somebody wants to read them: where several formats are tried, nobody does.
type mismatch struct {
	want      string
	low, high int // of a number
	at        string
}

// Error shows the beginning of what stood there.
func (m *mismatch) Error() string {
	const most = 40
	want := m.want
	if want == "" {
		want = fmt.Sprintf("a number between %d and %d", m.low, m.high)
	}
	return fmt.Sprintf("expected %s at %q", want, m.at[:min(len(m.at), most)])
}

func (r *reader) time() (time.Time, error) {
	if r.epochGiven {
		return time.Unix(r.epoch, int64(r.nanos)), nil
	}
	hour := r.hour
	if r.twelve {
		hour %= 12
		if r.afternoon {
			hour += 12
		}
	}
	month, day := r.month, r.day
	if r.yearDay > 0 {
		month, day = 1, r.yearDay
	}
	t := time.Date(r.year, time.Month(month), day, hour, r.minute, r.second, r.nanos, r.zone)
	if r.yearDay == 0 && day > 28 && !exists(r.year, month, day) {
		return t, fmt.Errorf("there is no day %d in that month", day)
	}
	return t, nil
}

func exists(year, month, day int) bool {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() == day
}

// nearest is the time in the year that brings it nearest to now. Around New Year this is
// not always the present one.
func (r *reader) nearest(now time.Time) (best time.Time, err error) {
	this := now.In(r.zone).Year()
	found := false
	for _, r.year = range [...]int{this, this - 1, this + 1} {
		t, problem := r.time()
		if problem != nil {
			err = problem
			continue
		}
		if !found || t.Sub(now).Abs() < best.Sub(now).Abs() {
			best, found = t, true
		}
	}
	if found {
		return best, nil
	}
	return best, err
}

func (r *reader) read(format string) error {
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == '%' && i+1 < len(format):
			i++
			if err := r.directive(format[i]); err != nil {
				return err
			}
		case c == ' ' || c == '\t' || c == '\n':
			r.rest = strings.TrimLeft(r.rest, " \t\n\r\v\f")
		case r.rest == "" || lower(r.rest[0]) != lower(c):
			return &mismatch{want: format[i : i+1], at: r.rest}
		default:
			r.rest = r.rest[1:]
		}
	}
	return nil
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c - 'A' + 'a'
	}
	return c
}

// iso reads a time as ISO 8601 and RFC 3339 have it. All behind the date may be missing.
func (r *reader) iso() error {
	if err := r.read("%Y-%m-%d"); err != nil || r.rest == "" {
		return err
	}
	if c := r.rest[0]; c != 'T' && c != 't' && c != ' ' {
		return &mismatch{want: `"T"`, at: r.rest}
	}
	r.rest = r.rest[1:]
	if err := r.read("%H:%M"); err != nil {
		return err
	}
	if r.skip(":") {
		if err := r.number(&r.second, 2, 0, 61); err != nil {
			return err
		}
	}
	if r.skip(".") || r.skip(",") {
		if err := r.fraction(); err != nil {
			return err
		}
	}
	if r.rest == "" {
		return nil
	}
	return r.offset()
}

func (r *reader) skip(prefix string) bool {
	rest, ok := strings.CutPrefix(r.rest, prefix)
	r.rest = rest
	return ok
}

var (
	months   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

func (r *reader) directive(c byte) error {
	ignored := 0
	switch c {
	case 'Y':
		r.yearGiven = true
		return r.number(&r.year, 4, 0, 9999)
	case 'y':
		return r.shortYear()
	case 'm':
		return r.number(&r.month, 2, 1, 12)
	case 'd', 'e':
		r.rest = strings.TrimLeft(r.rest, " ")
		return r.number(&r.day, 2, 1, 31)
	case 'j':
		return r.number(&r.yearDay, 3, 1, 366)
	case 'U', 'W':
		return r.number(&ignored, 2, 0, 53)
	case 'w':
		return r.number(&ignored, 1, 0, 6)
	case 'a', 'A':
		return r.name(weekdays, &ignored)
	case 'b', 'B', 'h':
		return r.name(months, &r.month)
	case 'n', 't':
		r.rest = strings.TrimLeft(r.rest, " \t\n")
		return nil
	case '%':
		if !r.skip("%") {
			return &mismatch{want: "%", at: r.rest}
		}
		return nil
	}
	return r.clock(c)
}

// clock reads the directives that say more than the day.
func (r *reader) clock(c byte) error {
	switch c {
	case 'H':
		return r.number(&r.hour, 2, 0, 23)
	case 'I':
		r.twelve = true
		return r.number(&r.hour, 2, 1, 12)
	case 'M':
		return r.number(&r.minute, 2, 0, 59)
	case 'S':
		return r.number(&r.second, 2, 0, 61)
	case 'f':
		return r.fraction()
	case 'p':
		return r.halfDay()
	case 'z', 'Z':
		return r.offset()
	case 's':
		return r.seconds()
	}
	return r.composed(c)
}

// composed reads directives that stand for several others.
func (r *reader) composed(c byte) error {
	switch c {
	case 'T', 'X':
		return r.read("%H:%M:%S")
	case 'F':
		return r.read("%Y-%m-%d")
	case 'D', 'x':
		return r.read("%m/%d/%y")
	case 'R':
		return r.read("%H:%M")
	case 'c':
		return r.read("%a %b %d %H:%M:%S %Y")
	}
	return fmt.Errorf("unknown directive %%%c", c)
}

// digits takes at most n digits.
func (r *reader) digits(n int) string {
	i := 0
	for i < len(r.rest) && i < n && r.rest[i]-'0' < 10 {
		i++
	}
	s := r.rest[:i]
	r.rest = r.rest[i:]
	return s
}

func (r *reader) number(to *int, most, low, high int) error {
	before := r.rest
	n, err := strconv.Atoi(r.digits(most))
	if err != nil || n < low || n > high {
		return &mismatch{low: low, high: high, at: before}
	}
	*to = n
	return nil
}

func (r *reader) shortYear() error {
	if err := r.number(&r.year, 2, 0, 99); err != nil {
		return err
	}
	r.yearGiven = true
	if r.year += 1900; r.year < 1969 {
		r.year += 100
	}
	return nil
}

func (r *reader) fraction() error {
	s := r.digits(9)
	if s == "" {
		return &mismatch{want: "a fraction", at: r.rest}
	}
	n, err := strconv.Atoi((s + "000000000")[:9])
	r.nanos = n
	return err
}

func (r *reader) seconds() error {
	before := r.rest
	n, err := strconv.ParseInt(r.digits(18), 10, 64)
	if err != nil || n >= latest {
		return &mismatch{want: "seconds since 1970", at: before}
	}
	r.epoch, r.epochGiven = n, true
	return nil
}

// name takes one of the names, in full or its first three letters.
func (r *reader) name(names []string, to *int) error {
	const short = 3
	for i, n := range names {
		if !foldPrefix(r.rest, n[:short]) {
			continue
		}
		*to = i + 1
		if foldPrefix(r.rest, n) {
			r.rest = r.rest[len(n):]
		} else {
			r.rest = r.rest[short:]
		}
		return nil
	}
	return &mismatch{want: names[0] + " or the like", at: r.rest}
}

// foldPrefix reports whether s begins with a prefix in small letters, in any letter case.
func foldPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

func (r *reader) halfDay() error {
	switch {
	case foldPrefix(r.rest, "am"):
		r.afternoon = false
	case foldPrefix(r.rest, "pm"):
		r.afternoon = true
	default:
		return &mismatch{want: "AM or PM", at: r.rest}
	}
	r.rest = r.rest[2:]
	return nil
}

// offset reads +HHMM, +HH:MM, +HH, Z, UTC or GMT.
func (r *reader) offset() error {
	for _, name := range [...]string{"utc", "gmt", "z"} {
		if foldPrefix(r.rest, name) {
			r.rest, r.zone = r.rest[len(name):], time.UTC
			return nil
		}
	}
	if r.rest == "" || r.rest[0] != '+' && r.rest[0] != '-' {
		return &mismatch{want: "an offset such as +0100", at: r.rest}
	}
	sign := 1
	if r.rest[0] == '-' {
		sign = -1
	}
	r.rest = r.rest[1:]
	var hours, minutes int
	if len(r.rest) < 2 || r.rest[1]-'0' > 9 {
		return &mismatch{want: "two digits", at: r.rest}
	}
	if err := r.number(&hours, 2, 0, 24); err != nil {
		return err
	}
	if r.skip(":") || r.rest != "" && r.rest[0]-'0' < 10 {
		if err := r.number(&minutes, 2, 0, 59); err != nil {
			return err
		}
	}
	r.zone = r.fixed(sign * (hours*3600 + minutes*60))
	return nil
}

// fixed returns the zone of an offset in seconds. There are not many of them.
func (r *reader) fixed(offset int) *time.Location {
	if *r.offsets == nil {
		*r.offsets = map[int]*time.Location{}
	}
	zone := (*r.offsets)[offset]
	if zone == nil {
		zone = time.FixedZone("", offset)
		(*r.offsets)[offset] = zone
	}
	return zone
}
