package syslog

import "strings"

// legacy reads what follows the priority in lines that are older than RFC 5424.
func (m *Message) legacy(s string) bool {
	s = trimmed(s)
	rest, found := m.stamped(s)
	if !found {
		if m.Priority == "" && !isMnemonic(s) {
			return false
		}
		m.tag(s)
		return true
	}
	if rest != "" && rest[0] == ':' { // Cisco: no host behind the time
		m.tag(trimmed(rest[1:]))
		return true
	}
	m.tag(m.host(trimmed(rest)))
	return true
}

// trimmed cuts blanks off the front.
func trimmed(s string) string {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	return s
}

// stamped takes the time from the front. Before it Cisco devices write a number, their name,
// and a mark that the clock is not to be trusted.
func (m *Message) stamped(s string) (rest string, found bool) {
	if rest, found = m.time(s); found {
		return rest, true
	}
	const mostDigits = 10
	at := strings.TrimPrefix(s, ": ")
	if n := digits(at, mostDigits); n > 0 && strings.HasPrefix(at[n:], ": ") {
		at = at[n+2:]
	}
	numbered := len(at) < len(s)
	if numbered {
		if rest, found = m.time(at); found {
			return rest, true
		}
	}
	name, behind, ok := word(at)
	if !ok || name[len(name)-1] != ':' || !numbered && behind != "" && behind[0] != '*' && behind[0] != '.' {
		return s, false
	}
	if rest, found = m.time(behind); found {
		m.Host = name[:len(name)-1]
		return rest, true
	}
	return s, false
}

func (m *Message) time(s string) (rest string, found bool) {
	if s != "" && (s[0] == '*' || s[0] == '.') {
		s = s[1:]
	}
	n := m.Stamp.read(s)
	switch {
	case n == 0:
		return s, false
	case n == len(s):
		return "", true
	case s[n] == ':' || strings.HasPrefix(s[n:], " :"):
		return trimmed(s[n:]), true
	case s[n] != ' ':
		return s, false
	}
	return m.zoneBefore(s[n:]), true
}

// zoneBefore skips a zone whose name does not say which one it is, as in
// 18:46:11 CET: %SYS-5-CONFIG_I.
func (m *Message) zoneBefore(s string) string {
	if s[1:] == "" || s[1] < 'A' || s[1] > 'Z' {
		return s
	}
	name, rest, ok := word(s[1:])
	if last := len(name) - 1; ok && last >= 3 && last <= 5 && name[last] == ':' && isName(name[:last]) && strings.HasPrefix(rest, "%") {
		return s[len(name):]
	}
	return s
}

// host takes the name of the host from the front, unless the tag of a program stands there.
func (m *Message) host(s string) (rest string) {
	name, rest, ok := word(s)
	if !ok {
		return s
	}
	if last := name[len(name)-1]; last == ':' || last == ']' && strings.IndexByte(name, '[') > 0 || name[0] == '%' {
		return s
	}
	m.Host = name
	return strings.TrimPrefix(rest, ": ") // as in: host : %ASA-6-302013: ...
}

// tag takes the program and its process id from the front of the text.
func (m *Message) tag(s string) {
	m.Text = s
	i := 0
	for i < len(s) && s[i] > ' ' && s[i] != ':' && s[i] != '[' {
		i++
	}
	if i == 0 || i == len(s) || s[i] <= ' ' || digits(s, i) == i {
		return
	}
	pid, rest := "", s[i:]
	if s[i] == '[' {
		n := strings.IndexByte(rest, ']')
		if n < 2 || strings.IndexByte(rest[:n], ' ') >= 0 {
			return
		}
		pid, rest = rest[1:n], rest[n+1:]
	}
	switch {
	case rest == "":
	case rest[0] == ' ':
		rest = rest[1:]
	case rest[0] == ':' && (len(rest) == 1 || rest[1] == ' '):
		rest = strings.TrimPrefix(rest[1:], " ")
	case rest[0] == ':' && (pid != "" || isLetter(s[0]) && strings.IndexByte(`/\:`, rest[1]) < 0): // no URL, no file
		rest = rest[1:]
	default:
		return
	}
	m.Program, m.PID, m.Text = s[:i], pid, rest
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '%' }

// isMnemonic reports whether s begins as messages of Cisco devices do: %ASA-6-302013:
func isMnemonic(s string) bool {
	if len(s) < 2 || s[0] != '%' {
		return false
	}
	name, _, ok := strings.Cut(s[1:], ":")
	if !ok {
		return false
	}
	facility, rest, ok := strings.Cut(name, "-")
	if !ok || !isName(facility) {
		return false
	}
	for part := range strings.SplitSeq(rest, "-") { // the severity may stand behind a sub-facility
		if !isName(part) {
			return false
		}
		if len(part) == 1 && part[0] >= '0' && part[0] <= '7' {
			return true
		}
	}
	return false
}

// isName reports whether s is made of capitals, digits and underscores.
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && c-'A' > 25 && c-'0' > 9 {
			return false
		}
	}
	return s != ""
}
