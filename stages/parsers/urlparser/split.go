package urlparser

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// parts are the parts of a URL as they stand in it (RFC 3986, with the params of RFC 1808).
type parts struct {
	scheme, netloc, path, params, query, fragment string
	user, password                                *string
	host                                          string
	port                                          int // -1 is none
}

// Faults of a URL.
var (
	errPort     = errors.New("the port is not a number between 0 and 65535")
	errBrackets = errors.New("the brackets around the host are not those of an IPv6 address")
)

// split cuts a URL without decoding anything.
func split(s string) (u parts, err error) {
	u.port = -1
	if scheme, rest, ok := strings.Cut(s, ":"); ok && validScheme(scheme) {
		u.scheme, s = strings.ToLower(scheme), rest
	}
	s, u.fragment, _ = strings.Cut(s, "#")
	s, u.query, _ = strings.Cut(s, "?")
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		u.netloc, s = rest[:end], rest[end:]
	}
	u.path = s
	if semicolon := strings.IndexByte(s[strings.LastIndexByte(s, '/')+1:], ';'); semicolon >= 0 {
		semicolon += strings.LastIndexByte(s, '/') + 1
		u.path, u.params = s[:semicolon], s[semicolon+1:]
	}
	return u, u.splitNetloc()
}

func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !(s[i] >= '0' && s[i] <= '9') && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// splitNetloc reads user, password, host and port.
func (u *parts) splitNetloc() error {
	host := u.netloc
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		user, password, has := strings.Cut(host[:at], ":")
		u.user = &user
		if has {
			u.password = &password
		}
		host = host[at+1:]
	}
	port := ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 || host[end+1:] != "" && host[end+1] != ':' {
			return errBrackets
		}
		if ip, err := netip.ParseAddr(host[1:end]); err != nil || !ip.Is6() {
			return errBrackets
		}
		port = strings.TrimPrefix(host[end+1:], ":")
		host = host[1:end]
	} else {
		if strings.ContainsAny(host, "[]") {
			return errBrackets
		}
		host, port, _ = strings.Cut(host, ":")
	}
	u.host = host
	if port == "" {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return errPort
	}
	u.port = int(n)
	return nil
}

// unescape decodes %XX. A sequence that is none stays as it is.
func unescape(s string, plusIsBlank bool) string {
	if strings.IndexByte(s, '%') < 0 && !(plusIsBlank && strings.IndexByte(s, '+') >= 0) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && plusIsBlank:
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			out = append(out, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// escape encodes all bytes but those that are safe in a path.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if letter || c >= '0' && c <= '9' || strings.IndexByte("_.-~/", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		out.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
	}
	return out.String()
}
