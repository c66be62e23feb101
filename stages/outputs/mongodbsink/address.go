package mongodbsink

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"gambolputty/actor/option"
)

// Address is where the servers are, as hosts or as a URI of MongoDB.
type Address struct {
	srv   bool
	login string // user:password, as it stands in the URI
	hosts []string
	path  string // the database at which the user is known
	query string
}

// OptionType describes the option in tables.
func (*Address) OptionType() string { return "string" }

// MarshalText shows the hosts. What else stands in a URI may be secret.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.target()), nil }

func (a *Address) target() string { return strings.Join(a.hosts, ",") }

// DecodeOption takes the text apart. Messages do not repeat the password.
func (a *Address) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	*a = Address{}
	rest, isURI := strings.CutPrefix(v.Text, "mongodb://")
	if !isURI {
		rest, a.srv = strings.CutPrefix(v.Text, "mongodb+srv://")
	}
	if isURI || a.srv {
		rest, a.query, _ = strings.Cut(rest, "?")
		rest, a.path, _ = strings.Cut(rest, "/")
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			a.login, rest = rest[:at], rest[at+1:]
		}
	}
	a.hosts = strings.Split(rest, ",")
	for i, h := range a.hosts {
		if ip := net.ParseIP(h); ip != nil && strings.Contains(h, ":") {
			a.hosts[i] = "[" + h + "]"
			continue
		}
		if !validHost(h) || a.srv && (len(a.hosts) > 1 || strings.Contains(h, ":")) { // a name server tells the ports
			return v.Faultf(option.NotAllowed, "must be host, host:port, several of them, or a URI as in mongodb://user:password@host:port/?replicaSet=rs0, got the host %q", h)
		}
	}
	if _, err := url.ParseQuery(a.query); err != nil || strings.ContainsAny(a.login, "/?#[]@") || strings.Count(a.login, ":") > 1 {
		return v.Faultf(option.NotAllowed, "must be a URI in which special characters of the user, the password and the options are written as in %%40")
	}
	if _, password, _ := strings.Cut(a.login, ":"); password != "" && !v.FromEnv {
		return v.Faultf(option.PlainSecret, "the password stands in the file as plain text; it is safer in an environment variable, as in ${NAME}")
	}
	return nil
}

// validHost accepts a host with or without a port, and the path of a socket as it is written
// in a URI.
func validHost(s string) bool {
	if len(s) > 3 && strings.EqualFold(s[:3], "%2F") {
		return true
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "1"
		if strings.Contains(host, ":") && (net.ParseIP(host) == nil || !strings.HasPrefix(s, "[")) {
			return false
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && host != "" && !strings.ContainsAny(host, " /@?#")
}

// discreet is the text of an error without passwords.
func (o *Options) discreet(err error) string {
	text := err.Error()
	_, inHost, _ := strings.Cut(o.Host.login, ":")
	plain, _ := url.PathUnescape(inHost) // it was checked
	for _, secret := range []string{o.Password, url.QueryEscape(o.Password), inHost, plain} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
