package httprequest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"gambolputty/actor/option"
)

// hosts are those to which requests may go; none means all.
type hosts []host

// host is a name, all names below a name, or a network; port is "" for any.
type host struct {
	name, below string
	network     netip.Prefix
	port        string
}

// OptionType describes the option in tables.
func (*hosts) OptionType() string { return "list of string" }

// DecodeOption reads the list.
func (h *hosts) DecodeOption(v *option.Value) error {
	items, ok := v.OneOrMore()
	if !ok {
		return v.Wrong("list")
	}
	if len(items) == 0 {
		return v.Faultf(option.NotAllowed, "must name at least one host; leave the option out to allow all")
	}
	var errs []error
	for _, item := range items {
		one, ok := parseHost(item.Text)
		if !ok || item.Kind != option.String {
			errs = append(errs, item.Faultf(option.NotAllowed, "must be a host such as www.example.com, *.example.com, 10.0.0.1 or 10.0.0.0/8, got %s", item.Describe()))
			continue
		}
		*h = append(*h, one)
	}
	return errors.Join(errs...)
}

func parseHost(s string) (h host, ok bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return host{network: p.Masked()}, true
	}
	name := s
	if before, port, err := net.SplitHostPort(s); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return h, false
		}
		name, h.port = before, port
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if a, err := netip.ParseAddr(name); err == nil {
		h.network = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return h, true
	}
	below, wild := strings.CutPrefix(name, "*.")
	if name = below; wild {
		name, h.below = "", below
	}
	h.name = name
	return h, below != "" && !strings.ContainsAny(below, "*/ :@")
}

// covers reports whether an address is in the list, as an address or in a network.
func (h hosts) covers(a netip.Addr, port string) bool {
	a = a.Unmap().WithZone("")
	for _, one := range h {
		if one.network.IsValid() && one.network.Contains(a) && (one.port == "" || one.port == port) {
			return true
		}
	}
	return false
}

// refused says that a request must not go where it would.
type refused string

// Error tells why.
func (r refused) Error() string { return string(r) }

var errScheme = errors.New("the URL must begin with http:// or https:// and a host")

// checkURL tells whether a request may go to a URL, as far as the name tells that.
func (h hosts) checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errScheme
	}
	if len(h) == 0 {
		return nil
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if a, err := netip.ParseAddr(name); err == nil {
		if h.covers(a, port) {
			return nil
		}
		return refused("the host " + name + " is not in allowed_hosts")
	}
	for _, one := range h {
		fits := one.name != "" && one.name == name || one.below != "" && strings.HasSuffix(name, "."+one.below)
		if fits && (one.port == "" || one.port == port) {
			return nil
		}
	}
	return refused("the host " + name + " is not in allowed_hosts")
}

// special are networks beside the private ones that are no part of the public Internet, or
// that lead to addresses that are not.
var special = func() []netip.Prefix {
	var list []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// public reports whether an address is one of the public Internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// control is called with the address that a name has led to, right before a connection is
// made. So it does not matter what the name led to when it was looked at before.
func (h hosts) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %s is none: %w", address, err)
	}
	if public(ap.Addr()) || h.covers(ap.Addr(), fmt.Sprint(ap.Port())) {
		return nil
	}
	return refused("the address " + ap.Addr().String() + " is not public and not in allowed_hosts")
}
