package domainnameparser

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxName is the length of the longest text that may be a name: 253 characters of four
// bytes each.
const maxName = 253 * 4

var (
	errNoName  = errors.New("there is no host name in the text")
	errAddress = errors.New("the host is an IP address and no name")
)

// hostOf cuts the host out of a URL, or out of what a host name stands in without being one:
// host:port, host/path, user@host.
func hostOf(text string) string {
	s := strings.TrimSpace(text)
	if before, after, ok := strings.Cut(s, "://"); ok && !strings.ContainsAny(before, "/?#@") {
		s = after
	} else {
		s = strings.TrimPrefix(s, "//")
	}
	if end := strings.IndexAny(s, `/?#\`); end >= 0 {
		s = s[:end]
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	if strings.HasPrefix(s, "[") { // an IPv6 address in a URL
		s, _, _ = strings.Cut(s[1:], "]")
		return s
	}
	if name, port, ok := strings.Cut(s, ":"); ok && strings.Trim(port, "0123456789") == "" {
		s = name
	}
	return strings.TrimSuffix(s, ".")
}

// names makes names comparable as browsers do.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// clean returns a name in small letters, as it is shown and as it is in lists of suffixes.
func clean(name string) (shown, ascii string, err error) {
	if strings.IndexByte(name, ':') >= 0 || name != "" && name[len(name)-1]-'0' < 10 {
		if _, err := netip.ParseAddr(name); err == nil {
			return "", "", errAddress
		}
	}
	plain := true
	for i := range len(name) {
		plain = plain && name[i] < utf8.RuneSelf
	}
	if plain {
		shown = strings.ToLower(name)
		return shown, shown, check(shown)
	}
	if ascii, err = names.ToASCII(name); err != nil {
		return "", "", errNoName
	}
	if shown, err = names.ToUnicode(ascii); err != nil {
		return "", "", errNoName
	}
	return shown, ascii, check(ascii)
}

// check wants labels of letters, digits, - and _, as there are more names about than the
// standards allow.
func check(name string) error {
	const longest, longestLabel = 253, 63
	label := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '.' && label == 0:
			return errNoName
		case c == '.':
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return errNoName
		}
		if label++; label > longestLabel {
			return errNoName
		}
	}
	if label == 0 || len(name) > longest {
		return errNoName
	}
	return nil
}
