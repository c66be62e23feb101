package domainnameparser

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// suffixes tells how many labels at the end of a name are the public suffix; ok is false
// if no rule speaks of the name.
type suffixes func(name string) (labels int, ok bool)

// builtin goes by the list that is part of the program.
func builtin(name string) (labels int, ok bool) {
	suffix, registry := publicsuffix.PublicSuffix(name)
	dots := strings.Count(suffix, ".")
	// What nobody manages has one label; what a company offers below its own domain has more.
	return dots + 1, registry || dots > 0
}

// rule is what a line of the list says of a name.
type rule uint8

const (
	itself    rule = 1 << iota // the name is a suffix
	below                      // every name below it is one
	exception                  // it is none, although one above says so
)

// read reads a list as publicsuffix.org has it: a rule on every line, up to the first blank.
func read(path string) (suffixes, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rules := map[string]rule{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "//") {
			continue
		}
		name, kind := strings.TrimPrefix(fields[0], "."), itself
		if rest, ok := strings.CutPrefix(name, "!"); ok {
			name, kind = rest, exception
		} else if rest, ok := strings.CutPrefix(name, "*."); ok {
			name, kind = rest, below
		}
		_, ascii, err := clean(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no rule for suffixes", path, fields[0])
		}
		rules[ascii] |= kind
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("%s: there are no rules in the file", path)
	}
	return func(name string) (int, bool) { return apply(rules, name) }, nil
}

// apply walks from the last label to the first; the longest rule counts.
func apply(rules map[string]rule, name string) (labels int, ok bool) {
	under := false // the name one label shorter has a rule for all below it
	for at, n := len(name), 1; at >= 0; n++ {
		at = strings.LastIndexByte(name[:at], '.')
		kind := rules[name[at+1:]]
		switch {
		case kind&exception != 0:
			return n - 1, true
		case kind&itself != 0 || under:
			labels = n
		}
		under = kind&below != 0
	}
	return labels, labels > 0
}
