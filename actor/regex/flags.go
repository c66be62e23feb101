package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// Flags change the meaning of a pattern.
type Flags uint8

// The flags, with the letters by which patterns name them.
const (
	IgnoreCase Flags = 1 << iota // i
	Multiline                    // m: ^ and $ match at lines
	DotAll                       // s: a dot matches a newline
	Verbose                      // x: blanks and comments are ignored
	Unicode                      // u: \d, \w, \s and \b know more than ASCII

	swapGreed // RE2's U: greedy means lazy, and the reverse
)

// flagNames are the names without the prefix re. Those with the value 0 change nothing:
// log text has no locale, and ASCII is the rule.
var flagNames = map[string]Flags{
	"I": IgnoreCase, "IGNORECASE": IgnoreCase, "M": Multiline, "MULTILINE": Multiline,
	"S": DotAll, "DOTALL": DotAll, "X": Verbose, "VERBOSE": Verbose, "U": Unicode, "UNICODE": Unicode,
	"L": 0, "LOCALE": 0, "A": 0, "ASCII": 0,
}

// pythonBits are the flags in the integer form that Python gives them.
var pythonBits = []struct {
	bit  int
	flag Flags
}{{2, IgnoreCase}, {4, 0}, {8, Multiline}, {16, DotAll}, {32, Unicode}, {64, Verbose}, {256, 0}}

// ParseFlags reads flags as they stand in a configuration: names such as re.IGNORECASE
// or re.I joined by |, or the integer that Python has for them.
func ParseFlags(text string) (Flags, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil {
		return flagsOf(n)
	}
	var all Flags
	for name := range strings.SplitSeq(text, "|") {
		short, dotted := strings.CutPrefix(strings.TrimSpace(name), "re.")
		f, known := flagNames[short]
		if !known || !dotted {
			return 0, fmt.Errorf("unknown flag %q, flags are re.IGNORECASE, re.MULTILINE, re.DOTALL, re.VERBOSE and re.UNICODE", strings.TrimSpace(name))
		}
		all |= f
	}
	return all, nil
}

func flagsOf(n int) (Flags, error) {
	var all Flags
	rest := n
	for _, b := range pythonBits {
		if n&b.bit != 0 {
			all |= b.flag
			rest &^= b.bit
		}
	}
	if rest != 0 {
		return 0, fmt.Errorf("unknown flags %d", n)
	}
	return all, nil
}

// letter returns the flag for a letter in (?i). In Ruby's patterns, which are Oniguruma's,
// m lets a dot match a newline.
func letter(c byte, d Dialect) (Flags, bool) {
	switch {
	case c == 'i':
		return IgnoreCase, true
	case c == 'm' && d == Oniguruma, c == 's':
		return DotAll, true
	case c == 'm':
		return Multiline, true
	case c == 'U' && d == RE2:
		return swapGreed, true
	case d == RE2:
		return 0, false
	case c == 'x':
		return Verbose, true
	case c == 'u':
		return Unicode, true
	case c == 'L', c == 'a':
		return 0, true
	}
	return 0, false
}
