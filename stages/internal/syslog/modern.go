package syslog

import "strings"

// modern reads what follows the priority in RFC 5424. strict refuses structured data that is
// wrong; otherwise it is part of the text, because many senders leave it out.
func (m *Message) modern(s string, strict bool) bool {
	n := digits(s, 3)
	if n == 0 || n >= len(s) || s[n] != ' ' || s[0] == '0' {
		return false
	}
	m.Version, s = s[:n], s[n+1:]
	stamp, s, ok := word(s)
	if !ok {
		return false
	}
	if stamp != "-" {
		n := m.Stamp.iso(stamp)
		if n != len(stamp) || !m.Stamp.HasZone {
			return false
		}
	}
	for _, to := range [...]*string{&m.Host, &m.Program, &m.PID, &m.ID} {
		var part string
		if part, s, ok = word(s); !ok {
			if to != &m.ID || strict || s == "" || s[0] == ' ' {
				return false
			}
			part, s = s, "-" // nothing stands behind it
		}
		if part != "-" {
			*to = part
		}
	}
	n = DataLen(s)
	switch {
	case n < 0 && strict:
		return false
	case n < 0:
		n = 0
	case s[0] != '-':
		m.Data = s[:n]
	}
	m.Text = strings.TrimPrefix(strings.TrimPrefix(s[n:], " "), "\ufeff")
	return true
}

// DataLen is the length of the structured data at the beginning of s, with 1 for a dash; -1 if
// there is none.
func DataLen(s string) int {
	if s == "-" || strings.HasPrefix(s, "- ") {
		return 1
	}
	i := 0
	for i < len(s) && s[i] == '[' {
		n := elementLen(s[i:])
		if n < 0 {
			return -1
		}
		i += n
	}
	if i == 0 || i < len(s) && s[i] != ' ' {
		return -1
	}
	return i
}

// elementLen is the length of one element, [id name="value" ...], or -1.
func elementLen(s string) int {
	i := 1 + nameLen(s[1:])
	if i == 1 {
		return -1
	}
	for i < len(s) && s[i] == ' ' {
		n := nameLen(s[i+1:])
		i += 1 + n
		if n == 0 || !strings.HasPrefix(s[i:], `="`) {
			return -1
		}
		n = valueLen(s[i+2:])
		if n < 0 {
			return -1
		}
		i += n + 3
	}
	if i >= len(s) || s[i] != ']' {
		return -1
	}
	return i + 1
}

// nameLen is the length of a name of structured data.
func nameLen(s string) int {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '=' || c == ']' || c == '"' || c == 0x7f {
			return i
		}
	}
	return len(s)
}

// valueLen is the length of a value up to its quote, or -1 if there is none.
func valueLen(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// Elements calls element for every element of structured data that is known to be right, and
// param for its parameters.
func Elements(data string, element func(id string), param func(name, value string)) {
	for len(data) > 0 && data[0] == '[' {
		n := nameLen(data[1:])
		element(data[1 : n+1])
		data = data[n+1:]
		for data[0] == ' ' {
			n := nameLen(data[1:])
			name := data[1 : n+1]
			data = data[n+3:]
			n = valueLen(data)
			param(name, unescape(data[:n]))
			data = data[n+1:]
		}
		data = data[1:]
	}
}

// unescape resolves \", \\ and \]; any other backslash stays.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || s[i+1] == ']') {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
