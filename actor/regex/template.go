package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// Template is a replacement with references to groups.
type Template struct{ parts []part }

// part is literal text, followed by a group unless that is negative.
type part struct {
	literal string
	group   int
}

// ParseTemplate reads a replacement: \1 to \99, \g<1>, \g<name>, and the escapes \n, \t,
// \r, \f, \v, \a and \\. Any other escaped character keeps its backslash.
func (p *Pattern) ParseTemplate(text string) (*Template, error) {
	t := &Template{}
	var literal []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			literal = append(literal, text[i])
			continue
		}
		i++
		c := text[i]
		switch {
		case c == 'g' && strings.HasPrefix(text[i+1:], "<"):
			name, _, closed := strings.Cut(text[i+2:], ">")
			g, err := p.group(name)
			if !closed || err != nil {
				return nil, fmt.Errorf("bad replacement %q: unknown group %q", text, name)
			}
			t.parts = append(t.parts, part{string(literal), g})
			literal = literal[:0]
			i += len(name) + 2
		case c >= '1' && c <= '9':
			n := 1
			if i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				n = 2
			}
			g, err := p.group(text[i : i+n])
			if err != nil {
				return nil, fmt.Errorf("bad replacement %q: %w", text, err)
			}
			t.parts = append(t.parts, part{string(literal), g})
			literal = literal[:0]
			i += n - 1
		default:
			literal = appendEscape(literal, c)
		}
	}
	t.parts = append(t.parts, part{string(literal), -1})
	return t, nil
}

func appendEscape(dst []byte, c byte) []byte {
	if i := strings.IndexByte(`ntrfva\0`, c); i >= 0 {
		return append(dst, "\n\t\r\f\v\a\\\x00"[i])
	}
	return append(dst, '\\', c)
}

// group finds a group by number or name.
func (p *Pattern) group(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(p.names) {
		return n, nil
	}
	for g, known := range p.names {
		if g > 0 && known == name && name != "" {
			return g, nil
		}
	}
	return 0, fmt.Errorf("unknown group %q", name)
}

func (t *Template) append(dst []byte, s string, caps []int) []byte {
	for _, p := range t.parts {
		dst = append(dst, p.literal...)
		if p.group >= 0 && caps[2*p.group] >= 0 {
			dst = append(dst, s[caps[2*p.group]:caps[2*p.group+1]]...)
		}
	}
	return dst
}
