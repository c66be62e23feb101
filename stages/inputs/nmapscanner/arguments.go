package nmapscanner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// split takes words apart as a shell does: blanks separate, single quotes keep everything,
// double quotes everything but a backslash, which takes the meaning of what follows.
func split(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case c == '\\' && quote != '\'':
			if i++; i == len(text) {
				return nil, fmt.Errorf("a backslash stands at the end")
			}
			if quote == '"' && text[i] != '"' && text[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(text[i])
			begun = true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed: %c", quote)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// plain are arguments without a value. They neither read nor write files, nor scan anybody
// else, nor pretend to be somebody.
var plain = strings.Fields("-sS -sT -sA -sW -sM -sU -sN -sF -sX -sY -sZ -sO -sV -sC -O -F -A -R -n -r -6 -f -Pn -P0 -PE -PP -PM -PR -v -vv " +
	"-T0 -T1 -T2 -T3 -T4 -T5 --osscan-limit --osscan-guess --fuzzy --version-light --version-all --version-trace --allports --open --reason --traceroute " +
	"--system-dns --privileged --unprivileged --send-eth --send-ip --badsum --defeat-rst-ratelimit --defeat-icmp-ratelimit --disable-arp-ping --discovery-ignore-rst --noninteractive --resolve-all --unique")

// valued are arguments with a value, in the same word behind a = or in the next one.
var valued = strings.Fields("-p -T -e -g --top-ports --port-ratio --exclude-ports --version-intensity --max-retries --host-timeout --min-rate --max-rate --scan-delay --max-scan-delay " +
	"--min-rtt-timeout --max-rtt-timeout --initial-rtt-timeout --min-parallelism --max-parallelism --min-hostgroup --max-hostgroup --dns-servers --source-port --data-length --ttl --mtu --script --script-args --script-timeout --max-os-tries")

// joined are arguments whose value follows at once.
var joined = regexp.MustCompile(`^-(p|PS|PA|PU|PY|PO|g|e)[0-9A-Za-z,:*\[\]-]*$|^-vv*$`)

// value is what a value may hold: no blanks, and nothing that names a file.
var value = regexp.MustCompile(`^[0-9A-Za-z_.,:*?=\[\]{}-]+$`)

// scripts are names and categories of scripts, but no files.
var scripts = regexp.MustCompile(`^[0-9A-Za-z_,*-]+$`)

// allowed refuses arguments that could do more than scan.
func allowed(args []string) error {
	for i := 0; i < len(args); i++ {
		name, given, has := strings.Cut(args[i], "=")
		switch {
		case !has && slices.Contains(plain, name):
			continue
		case !slices.Contains(valued, name):
			if joined.MatchString(args[i]) {
				continue
			}
			return fmt.Errorf("%q is not allowed here", args[i])
		case !has && i+1 == len(args):
			return fmt.Errorf("%s needs a value", name)
		case !has:
			i++
			given = args[i]
		}
		if !value.MatchString(given) || given[0] == '-' && name != "-p" || name == "--script" && !scripts.MatchString(given) {
			return fmt.Errorf("the value %q of %s is not allowed here", given, name)
		}
	}
	return nil
}

// choosesPorts reports whether an argument says which ports to scan.
func choosesPorts(arg string) bool {
	return strings.HasPrefix(arg, "-p") || strings.HasPrefix(arg, "--top-ports") || strings.HasPrefix(arg, "--port-ratio")
}

// privileged returns an argument that only root may use, "" if there is none.
func privileged(args []string) string {
	for _, a := range args {
		if slices.Contains(strings.Fields("-sS -sA -sW -sM -sU -sN -sF -sX -sY -sZ -sO -O -A -f --traceroute --send-eth --badsum"), a) {
			return a
		}
	}
	return ""
}
