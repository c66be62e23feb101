package stream

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"gambolputty/actor"
)

// Listen binds a TCP port on every address that the interface means, which is an address, a
// host name, or empty for all. keepAlive is the time between probes that find dead peers; 0
// is off.
func Listen(ctx context.Context, env actor.Env, iface string, port int, keepAlive time.Duration) ([]net.Listener, error) {
	hosts := []string{iface}
	if iface != "" && net.ParseIP(iface) == nil {
		var err error
		if hosts, err = net.DefaultResolver.LookupHost(ctx, iface); err != nil {
			return nil, fmt.Errorf("look up interface %s: %w", iface, err)
		}
	}
	lc := net.ListenConfig{KeepAlive: keepAlive}
	if keepAlive == 0 {
		lc.KeepAlive = -1
	}
	var listeners []net.Listener
	var last error
	for _, h := range hosts {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(h, strconv.Itoa(port)))
		if err != nil {
			last = err // such as ::1 where IPv6 is switched off
			continue
		}
		listeners = append(listeners, l)
		env.Log.Info("listening", "address", l.Addr().String())
	}
	if len(listeners) == 0 {
		return nil, fmt.Errorf("listen on interface %q, port %d: %w", iface, port, last)
	}
	return listeners, nil
}
