// Package syslog takes lines of syslog apart: those of RFC 5424, and those of RFC 3164 as
// programs and devices really send them. Nothing is copied and nothing allocated; all parts
// are pieces of the line.
package syslog

import "strings"

// Message is a line taken apart. Parts that are not known are empty.
type Message struct {
	// Priority is facility times eight plus severity, as digits.
	Priority string
	// Version is that of RFC 5424, "" for older forms.
	Version string
	// Stamp is when it happened.
	Stamp Stamp
	// Host, Program, PID and ID say where the message comes from, and of what kind it is.
	Host, Program, PID, ID string
	// Data is the structured data of RFC 5424, as it stands there.
	Data string
	// Text is what the message says.
	Text string
}

// Format is the form of a line.
type Format string

// The forms. Auto takes all of them.
const (
	Auto   Format = "auto"
	Modern Format = "rfc5424"
	Legacy Format = "rfc3164"
)

// Parse takes a line apart; false means that it has not the form. A line without a priority
// must begin with a time, or with the name of a message as Cisco devices have them.
func (m *Message) Parse(line string, f Format) bool {
	*m = Message{}
	rest := m.priority(unframed(line))
	if m.Priority != "" && f != Legacy {
		if m.modern(rest, f == Modern) {
			return true
		}
		*m = Message{Priority: m.Priority}
	}
	return f != Modern && m.legacy(rest)
}

// unframed removes what RFC 6587 puts around a message for transport: its length in front, or
// a character at the end.
func unframed(line string) string {
	for line != "" && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r' || line[len(line)-1] == 0) {
		line = line[:len(line)-1]
	}
	if line == "" || line[0] == '<' {
		return line
	}
	const mostDigits = 8
	n := digits(line, mostDigits)
	if n > 0 && n+1 < len(line) && line[n] == ' ' && line[n+1] == '<' {
		return line[n+1:]
	}
	return line
}

// digits counts the digits at the beginning of s, up to most.
func digits(s string, most int) int {
	n := 0
	for n < len(s) && n < most && s[n]-'0' < 10 {
		n++
	}
	return n
}

// priority takes <13> from the front.
func (m *Message) priority(s string) (rest string) {
	const mostDigits = 3
	if len(s) < 3 || s[0] != '<' {
		return s
	}
	n := digits(s[1:], mostDigits)
	if n == 0 || n+1 >= len(s) || s[n+1] != '>' {
		return s
	}
	m.Priority = s[1 : n+1]
	return s[n+2:]
}

// word cuts s at the first blank. ok is false if there is none, or if it comes first.
func word(s string) (first, rest string, ok bool) {
	i := strings.IndexByte(s, ' ')
	if i <= 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}
