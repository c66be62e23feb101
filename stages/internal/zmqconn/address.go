package zmqconn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"gambolputty/actor"
)

// Address is where a socket binds or connects to.
type Address struct {
	// Text is the address as it was configured.
	Text string
	// Network is tcp or unix, Target what package net calls the address.
	Network, Target string
}

var errAddress = errors.New("must be host:port or ipc:// with a path, with an IPv6 address in brackets")

// ParseAddress reads host:port, which may begin with tcp://, and ipc://path. To bind, the host
// may be * and the port 0.
func ParseAddress(s string, bind bool) (Address, error) {
	bad := fmt.Errorf("%w, got %q", errAddress, s)
	if path, ok := strings.CutPrefix(s, "ipc://"); ok {
		if path == "" || path == "@" || path == "*" {
			return Address{}, bad
		}
		if len(path) > longestPath {
			return Address{}, fmt.Errorf("the path must have at most %d bytes, got %q", longestPath, s)
		}
		return Address{s, "unix", path}, nil
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(s, "tcp://"))
	n, wrong := strconv.ParseUint(port, 10, 16)
	if err != nil || wrong != nil || strings.ContainsAny(host, " /[]") {
		return Address{}, bad
	}
	if bind {
		if host == "*" {
			host = ""
		}
	} else if n == 0 || host == "" || host == "*" {
		return Address{}, fmt.Errorf("must name a host and a port to connect to, got %q", s)
	}
	return Address{s, "tcp", net.JoinHostPort(host, port)}, nil
}

// longestPath is what the address of a unix socket can hold.
const longestPath = 107

// ParseAddresses reads several.
func ParseAddresses(list []string, bind bool) ([]Address, error) {
	var all []Address
	var errs []error
	for _, s := range list {
		a, err := ParseAddress(s, bind)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, a)
	}
	if len(list) == 0 {
		errs = append(errs, errAddress)
	}
	return all, errors.Join(errs...)
}

// Listens names what is bound, for the check of a configuration.
func Listens(list []Address, option string) []actor.Address {
	var all []actor.Address
	for _, a := range list {
		if a.Network != "tcp" {
			all = append(all, actor.Address{Option: option, Network: a.Network, Host: a.Target})
			continue
		}
		host, port, _ := net.SplitHostPort(a.Target) // it was parsed
		n, _ := strconv.Atoi(port)
		all = append(all, actor.Address{Option: option, Network: a.Network, Host: host, Port: n})
	}
	return all
}

// listen binds the address. A socket that a program has left behind is replaced.
func (a Address) listen() (net.Listener, error) {
	l, err := net.Listen(a.Network, a.Target)
	if a.Network != "unix" || !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if c, dialed := net.Dial(a.Network, a.Target); dialed == nil {
		c.Close()
		return nil, err
	}
	if info, gone := os.Lstat(a.Target); gone != nil || info.Mode().Type() != os.ModeSocket {
		return nil, err
	}
	if err := os.Remove(a.Target); err != nil {
		return nil, fmt.Errorf("remove a socket that was left behind: %w", err)
	}
	return net.Listen(a.Network, a.Target)
}
