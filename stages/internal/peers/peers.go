// Package peers is the option that says which networks may send events.
package peers

import (
	"errors"
	"fmt"
	"net/netip"

	"gambolputty/actor/option"
)

// Networks are those that may send; none means all.
type Networks []netip.Prefix

// OptionType describes the option in tables.
func (*Networks) OptionType() string { return "list of string" }

// DecodeOption reads addresses and networks such as 10.0.0.0/8.
func (n *Networks) DecodeOption(v *option.Value) error {
	items, ok := v.OneOrMore()
	if !ok {
		return v.Wrong("list")
	}
	var errs []error
	for _, item := range items {
		p, err := parse(item.Text)
		if err != nil || item.Kind != option.String {
			errs = append(errs, item.Faultf(option.NotAllowed, "must be an address or a network such as 10.0.0.0/8, got %s", item.Describe()))
			continue
		}
		*n = append(*n, p)
	}
	return errors.Join(errs...)
}

func parse(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("parse network: %w", err)
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

// Allow reports whether a peer may send.
func (n Networks) Allow(ip netip.Addr) bool {
	for _, p := range n {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return len(n) == 0
}
