package nmapscanner

import (
	"errors"
	"regexp"
	"strings"

	"gambolputty/actor/option"
)

var (
	errQuote     = errors.New("a quote is not closed")
	errBackslash = errors.New("nothing follows the last backslash")
	errZero      = errors.New("a zero byte cannot be passed to a program")
)

// split takes a command line apart as a shell does, by the rules for quoting of POSIX (Shell
// Command Language, 2.2), and without anything else that a shell does.
func split(line string) ([]string, error) {
	if strings.IndexByte(line, 0) >= 0 {
		return nil, errZero
	}
	var words []string
	var word []byte
	open := false // a word has begun, which may be empty
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			if open {
				words, word, open = append(words, string(word)), word[:0], false
			}
			continue
		case '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, errQuote
			}
			word = append(word, line[i+1:i+1+end]...)
			i += end + 1
		case '"':
			n := 0
			if word, n = quoted(word, line[i+1:]); n < 0 {
				return nil, errQuote
			}
			i += n
		case '\\':
			if i++; i == len(line) {
				return nil, errBackslash
			}
			if line[i] == '\n' { // joins lines
				continue
			}
			word = append(word, line[i])
		default:
			word = append(word, c)
		}
		open = true
	}
	if open {
		words = append(words, string(word))
	}
	return words, nil
}

// quoted appends the text up to the closing double quote and returns the length of what it has
// read, -1 if there is no such quote.
func quoted(word []byte, rest string) ([]byte, int) {
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			return word, i + 1
		case c == '\\' && i+1 < len(rest) && strings.IndexByte("$`\"\\\n", rest[i+1]) >= 0:
			if i++; rest[i] != '\n' {
				word = append(word, rest[i])
			}
		default:
			word = append(word, c)
		}
	}
	return word, -1
}

// What an argument may be. nmap takes long options with one or two dashes, abbreviated, and with _
// for -, so that a list of what is forbidden would have holes; this is a list of what is allowed.
var (
	flag = regexp.MustCompile(`^(?:` +
		`-s[STAWMUNFXYZOVC]+|-[OFArnR6]|-v+|-f{1,2}|-Pn|-P[EPM]|-P[SAUYO][0-9,-]*|-T[0-5]|` +
		`-p(?:[0-9\[-]|[TUSP]:)[A-Za-z0-9:,*?_\[\]-]*|` +
		`--(?:osscan-limit|osscan-guess|fuzzy|version-light|version-all|allports|traceroute|system-dns|` +
		`randomize-hosts|defeat-rst-ratelimit|defeat-icmp-ratelimit|disable-arp-ping|discovery-ignore-rst|` +
		`reason|open|send-eth|send-ip|privileged|unprivileged|badsum|adler32|unique|resolve-all|noninteractive))$`)
	valued = regexp.MustCompile(`^(?:-[pTDSeg]|` +
		`--(?:exclude-ports|top-ports|port-ratio|version-intensity|max-os-tries|dns-servers|scanflags|` +
		`(?:min|max)-(?:hostgroup|parallelism|rate)|(?:min|max|initial)-rtt-timeout|max-retries|host-timeout|` +
		`scan-delay|max-scan-delay|mtu|source-port|proxies|data|data-string|data-length|ip-options|ttl|` +
		`spoof-mac|script|script-args|script-timeout))$`)
	scriptNames = regexp.MustCompile(`^[A-Za-z0-9_,*()+ -]+$`)
)

// refused says why for those that somebody may want. The first pattern that fits counts.
var refused = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`^--?o[NXSGAMHm]|^-o|^--?append[-_]output`), "the module reads the output of nmap, which must not go to files"},
	{regexp.MustCompile(`^--?(?:stylesheet|webxml|no[-_]stylesheet)`), "the module reads the output of nmap, which must stay as it is"},
	{regexp.MustCompile(`^--?resume`), "the module starts every scan itself"},
	{regexp.MustCompile(`^--?i[LR]|^--$|^[^-]|^-?$`), "the hosts to scan come from network"},
	{regexp.MustCompile(`^--?exclude`), "there is the option exclude"},
	{regexp.MustCompile(`^--?(?:script[-_]args[-_]file|script[-_]updatedb|datadir|servicedb|versiondb)`), "nmap must use the files that it came with"},
	{regexp.MustCompile(`^-s[nPL]|^-s[A-Z]*[nPL]|^--?(?:iflist|script[-_]help|version|help)$|^-[Vh]$`), "nothing would be scanned"},
	{regexp.MustCompile(`^-d|^--?(?:debug|packet[-_]trace|version[-_]trace|script[-_]trace)`), "there is nobody to read the trace"},
}

// checkArguments finds arguments that are not allowed.
func checkArguments(words []string) error {
	var errs []error
	for i := 0; i < len(words); i++ {
		word := words[i]
		if flag.MatchString(word) {
			continue
		}
		name, value, attached := strings.Cut(word, "=")
		if !valued.MatchString(name) || attached && !strings.HasPrefix(name, "--") {
			errs = append(errs, refuse(word))
			continue
		}
		if !attached {
			if i++; i == len(words) {
				errs = append(errs, fault("arguments", option.NotAllowed, "the argument %s needs a value", name))
				break
			}
			value = words[i]
		}
		if name == "--script" && !scriptNames.MatchString(value) {
			errs = append(errs, fault("arguments", option.NotAllowed, "the argument --script takes names of scripts that came with nmap and of their categories, no files, got %q", value))
		}
	}
	return errors.Join(errs...)
}

func refuse(word string) error {
	for _, r := range refused {
		if r.pattern.MatchString(word) {
			return fault("arguments", option.NotAllowed, "the argument %q is not allowed: %s", word, r.reason)
		}
	}
	return fault("arguments", option.NotAllowed, "the argument %q is not one of those that are allowed; the page of the module lists them", word)
}
