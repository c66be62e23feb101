package syslog

import "time"

// Stamp is a time as it stands in a line.
type Stamp struct {
	// Raw is the time as it was written, without the marks of Cisco devices; "" for none.
	Raw string
	// Year is 0 if the line does not say it.
	Year, Month, Day, Hour, Minute, Second, Nanos int
	// Offset is that of the zone in seconds, if HasZone.
	Offset  int
	HasZone bool
}

// two reads two digits at s[i:], -1 if there are none.
func two(s string, i int) int {
	if i+2 > len(s) {
		return -1
	}
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}

// year reads four digits of a year that can be meant.
func year(s string, i int) int {
	a, b := two(s, i), two(s, i+2)
	if y := a*100 + b; a >= 0 && b >= 0 && y >= 1970 && y < 2200 {
		return y
	}
	return -1
}

// month reads the name of a month, 0 if there is none.
func month(s string) int {
	if len(s) < 3 {
		return 0
	}
	switch uint32(s[0]|0x20)<<16 | uint32(s[1]|0x20)<<8 | uint32(s[2]|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// read takes a time of any known form from the front of s and returns its length, 0 if there
// is none.
func (t *Stamp) read(s string) int {
	if len(s) < len("Jan 1 00:00:00") {
		return 0
	}
	if s[0] > '9' {
		return t.named(s, 0)
	}
	if n := t.iso(s); n > 0 {
		return n
	}
	if y := year(s, 0); y > 0 && s[4] == ' ' { // 2014 Mar  1 18:46:11
		return t.named(s, y)
	}
	return 0
}

// named reads Oct 11 22:14:15, with a year behind the day or the time, a fraction, and a zone
// that says UTC. A year that is known already stands in front.
func (t *Stamp) named(s string, y int) int {
	*t = Stamp{Year: y}
	i := 0
	if y > 0 {
		i = len("2014 ")
	}
	if t.Month = month(s[i:]); t.Month == 0 || len(s) < i+5 || s[i+3] != ' ' {
		return 0
	}
	i += len("Oct ")
	if s[i] == ' ' {
		i++
	}
	n := digits(s[i:], 2)
	if n == 0 {
		return 0
	}
	t.Day = int(s[i] - '0')
	if n == 2 {
		t.Day = two(s, i)
	}
	if i += n; i >= len(s) || s[i] != ' ' {
		return 0
	}
	i++
	if y := year(s, i); y > 0 && i+4 < len(s) && s[i+4] == ' ' { // as in Oct 11 2005 22:14:15
		t.Year = y
		i += 5
	}
	n = t.clock(s, i)
	if n == 0 {
		return 0
	}
	if i += n; t.Year == 0 && i+5 < len(s) && s[i] == ' ' && (s[i+5] == ' ' || s[i+5] == ':') {
		if y := year(s, i+1); y > 0 {
			t.Year = y
			i += 5
		}
	}
	if !t.exists() {
		return 0
	}
	i += t.zoneName(s[i:])
	t.Raw = s[:i]
	return i
}

// zoneName reads a zone that everybody means the same by, behind a blank.
func (t *Stamp) zoneName(s string) int {
	for _, name := range [...]string{" UTC", " GMT", " Z"} {
		if len(s) > len(name) && s[:len(name)] == name && (s[len(name)] == ' ' || s[len(name)] == ':') {
			t.HasZone = true
			return len(name)
		}
	}
	return 0
}

// iso reads 2003-10-11T22:14:15.003Z. Between date and time a blank may stand, and the zone may
// be missing.
func (t *Stamp) iso(s string) int {
	*t = Stamp{}
	const date = len("2003-10-11T")
	if len(s) < date || s[4] != '-' || s[7] != '-' || s[10] != 'T' && s[10] != ' ' && s[10] != 't' {
		return 0
	}
	a, b := two(s, 0), two(s, 2)
	if a < 0 || b < 0 {
		return 0
	}
	t.Year, t.Month, t.Day = a*100+b, two(s, 5), two(s, 8)
	n := t.clock(s, date)
	if n == 0 || !t.exists() {
		return 0
	}
	i := date + n
	i += t.zone(s[i:])
	t.Raw = s[:i]
	return i
}

// clock reads 22:14:15 with a fraction, and returns its length.
func (t *Stamp) clock(s string, at int) int {
	const seconds = len("22:14:15")
	if len(s) < at+seconds || s[at+2] != ':' || s[at+5] != ':' {
		return 0
	}
	t.Hour, t.Minute, t.Second = two(s, at), two(s, at+3), two(s, at+6)
	if t.Hour < 0 || t.Hour > 23 || t.Minute < 0 || t.Minute > 59 || t.Second < 0 || t.Second > 60 {
		return 0
	}
	i := at + seconds
	if i+1 >= len(s) || s[i] != '.' && s[i] != ',' || s[i+1]-'0' > 9 {
		return seconds
	}
	i++
	for unit := 100_000_000; i < len(s) && s[i]-'0' < 10; i++ {
		t.Nanos += int(s[i]-'0') * unit
		unit /= 10
	}
	return i - at
}

// zone reads Z, +02:00, +0200 or +02, and returns its length.
func (t *Stamp) zone(s string) int {
	if s == "" {
		return 0
	}
	switch s[0] {
	case 'Z', 'z':
		t.HasZone = true
		return 1
	case '+', '-':
	default:
		return 0
	}
	hours, minutes, n := two(s, 1), 0, 3
	if hours < 0 || hours > 23 {
		return 0
	}
	at := n
	if at < len(s) && s[at] == ':' {
		at++
	}
	if m := two(s, at); m >= 0 && m < 60 {
		minutes, n = m, at+2
	}
	if t.Offset = hours*3600 + minutes*60; s[0] == '-' {
		t.Offset = -t.Offset
	}
	t.HasZone = true
	return n
}

// monthDays are the days of the months; February has the most it can have.
var monthDays = [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// exists reports whether there is such a day, in some year if the year is not known.
func (t *Stamp) exists() bool {
	if t.Month < 1 || t.Month > 12 || t.Day < 1 || t.Day > monthDays[t.Month] {
		return false
	}
	return t.Year == 0 || t.Month != 2 || t.Day < 29 || leap(t.Year)
}

// Clock completes times for messages that come at about the same moment.
type Clock struct {
	// Fixed is the year for times that do not say it; 0 is the one that brings them nearest
	// to now.
	Fixed int

	zone             *time.Location
	now              time.Time
	year, month, day int
}

// Set makes it now, in the zone of times that do not say it.
func (c *Clock) Set(now time.Time, zone *time.Location) {
	c.zone, c.now = zone, now.In(zone)
	y, m, d := c.now.Date()
	c.year, c.month, c.day = y, int(m), d
}

// Complete finds the year and the offset of the zone of a time. ok is false if the year that
// is fixed has no such day.
func (c *Clock) Complete(t *Stamp) (year, offset int, ok bool) {
	if year = t.Year; year == 0 {
		if year = c.Fixed; year == 0 {
			year = c.nearest(t)
		}
		if t.Month == 2 && t.Day == 29 && !leap(year) {
			return year, 0, false
		}
	}
	switch {
	case t.HasZone:
		return year, t.Offset, true
	case c.zone == time.UTC:
		return year, 0, true
	}
	_, offset = t.date(year, c.zone).Zone()
	return year, offset, true
}

func (t *Stamp) date(year int, zone *time.Location) time.Time {
	return time.Date(year, time.Month(t.Month), t.Day, t.Hour, t.Minute, t.Second, t.Nanos, zone)
}

func leap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

// nearest is the year that brings a time nearest to now. The 29th of February may be years
// away.
func (c *Clock) nearest(t *Stamp) int {
	const surely = 150 // days within which no other year is nearer
	leapDay := t.Month == 2 && t.Day == 29
	if days := (t.Month-c.month)*31 + t.Day - c.day; -surely < days && days < surely && !leapDay {
		return c.year
	}
	best, least := c.year, time.Duration(-1)
	around := 1
	if leapDay {
		around = 8
	}
	for y := c.year - around; y <= c.year+around; y++ {
		if leapDay && !leap(y) {
			continue
		}
		if d := t.date(y, c.zone).Sub(c.now).Abs(); least < 0 || d < least {
			best, least = y, d
		}
	}
	return best
}
