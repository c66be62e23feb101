// Package datetime reads times by the directives of strptime, as Python knows them, in
// the C locale.
package datetime

import (
	"errors"
	"fmt"
	"math"
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

// SinceEpoch returns the number that stands for a time in a format that is one since 1970.
func SinceEpoch(format string, t time.Time) (n int64, ok bool) {
	switch format {
	case Epoch:
		return t.Unix(), true
	case EpochMillis:
		return t.UnixMilli(), true
	case EpochNanos:
		return t.UnixNano(), true
	}
	return 0, false
}

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
	p := Parser{Zone: zone}
	return p.Parse(s, format)
}

// Parser reads times one after the other. It belongs to one goroutine.
type Parser struct {
	// Zone is that of times without an offset.
	Zone *time.Location
	// Year is that of times without a year. 0 is 1900, as in Python.
	Year int
	// Nearest takes the year for them that brings the time nearest to the present.
	Nearest bool

	offsets map[int]*time.Location
	reader  reader
}

// Parse reads a time.
func (p *Parser) Parse(s, format string) (time.Time, error) {
	s = strings.TrimSpace(s)
	switch format {
	case Epoch:
		return sinceEpoch(s, time.Second)
	case EpochMillis:
		return sinceEpoch(s, time.Millisecond)
	case EpochNanos:
		return sinceEpoch(s, time.Nanosecond)
	}
	year := p.Year
	if year == 0 {
		year = 1900
	}
	r := &p.reader
	*r = reader{rest: s, year: year, month: 1, day: 1, zone: p.Zone, offsets: &p.offsets}
	var err error
	if format == ISO8601 {
		err = r.iso()
	} else {
		err = r.read(format)
	}
	if err != nil {
		return time.Time{}, err
	}
	if r.rest != "" {
		return time.Time{}, &mismatch{want: "the end", at: r.rest}
	}
	if p.Nearest && !r.yearGiven && !r.epochGiven {
		return r.nearest(time.Now())
	}
	return r.time()
}

// The times that four digits can tell the year of.
var (
	earliest = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

var (
	errNumber = errors.New("the number is no time since 1970")
	errRange  = errors.New("the time is not between the years 0 and 9999")
)

// sinceEpoch reads a number of units since 1970, exactly: a float would lose nanoseconds.
func sinceEpoch(s string, unit time.Duration) (time.Time, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return sinceEpochFloat(s, unit)
	}
	const digits = "000000000"
	part, err := strconv.ParseInt((fraction + digits)[:len(digits)], 10, 64)
	if err != nil {
		return time.Time{}, errNumber
	}
	if strings.HasPrefix(s, "-") {
		part = -part
	}
	perSecond := int64(time.Second / unit)
	return unix(n/perSecond, n%perSecond*int64(unit)+part/perSecond)
}

// sinceEpochFloat reads what has an exponent or is beyond 64 bits.
func sinceEpochFloat(s string, unit time.Duration) (time.Time, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}, errNumber
	}
	seconds, fraction := math.Modf(f * unit.Seconds())
	if !(seconds > float64(earliest) && seconds < float64(latest)) {
		return time.Time{}, errRange
	}
	return unix(int64(seconds), int64(fraction*float64(time.Second)))
}

func unix(seconds, nanos int64) (time.Time, error) {
	if seconds <= earliest || seconds >= latest {
		return time.Time{}, errRange
	}
	return time.Unix(seconds, nanos), nil
}
