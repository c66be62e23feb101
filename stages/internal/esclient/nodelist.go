package esclient

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"gambolputty/actor/option"
)

// nodeList are the nodes of the configuration. What stands in front of an @ is taken out,
// so that it cannot get into any message.
type nodeList struct {
	nodes []*url.URL // without a scheme where there was none
	login string     // user:password of the first node that has them
}

// OptionType describes the option in tables.
func (*nodeList) OptionType() string { return "string or list of string" }

// DecodeOption reads one node or a list of them.
func (l *nodeList) DecodeOption(v *option.Value) error {
	items, ok := v.OneOrMore()
	if !ok {
		return v.Wrong("string or list of strings")
	}
	var errs []error
	for _, item := range items {
		if item.Kind != option.String {
			errs = append(errs, item.Wrong("string"))
			continue
		}
		if !l.add(item.Text) {
			errs = append(errs, item.Faultf(option.NotAllowed, "must be host, host:port or a URL that begins with http:// or https://, got %q", withoutLogin(item.Text)))
		}
	}
	if len(items) == 0 {
		errs = append(errs, v.Faultf(option.NotAllowed, "must name at least one node"))
	}
	return errors.Join(errs...)
}

// withoutLogin is for messages.
func withoutLogin(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	if i := strings.Index(s, "://"); i >= 0 && i < at {
		return s[:i+3] + s[at+1:]
	}
	return s[at+1:]
}

func (l *nodeList) add(text string) bool {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
		if strings.Count(rest, ":") > 1 && !strings.Contains(rest, "[") && net.ParseIP(rest) != nil {
			rest = "[" + rest + "]"
		}
	}
	u, err := url.Parse("http://" + rest)
	if err != nil || u.Hostname() == "" || strings.ContainsAny(u.Host, " ,") || ok && scheme != "http" && scheme != "https" {
		return false
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return false
		}
	} else {
		u.Host = net.JoinHostPort(u.Hostname(), "9200")
	}
	if password, set := u.User.Password(); set && l.login == "" {
		l.login = u.User.Username() + ":" + password
	}
	l.nodes = append(l.nodes, &url.URL{Scheme: scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")})
	return true
}

// settle returns the addresses in full and whether TLS is needed for any of them.
func (l *nodeList) settle(secure bool, prefix string) (urls []string, anySecure bool) {
	for _, n := range l.nodes {
		u := *n
		if u.Scheme == "" {
			u.Scheme = "http"
			if secure {
				u.Scheme = "https"
			}
		}
		if p := strings.Trim(prefix, "/"); p != "" {
			u.Path += "/" + p
		}
		urls = append(urls, u.String())
		anySecure = anySecure || u.Scheme == "https"
	}
	return urls, anySecure
}
