package webservertornado

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"gambolputty/stages/internal/peers"
)

// client is where a request comes from.
type client struct {
	addr   netip.Addr // not valid over a Unix socket
	socket bool
	secure bool // it came encrypted, be it to a proxy
}

type clientKey struct{}

// withClient notes in a request where it comes from. What a proxy says is heeded only if it is
// one that is trusted, as everybody can write such headers.
func (s *server) withClient(r *http.Request) *http.Request {
	c := client{secure: r.TLS != nil}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if c.socket = err != nil; !c.socket {
		ip, _ := netip.ParseAddr(host) // it comes from a socket
		c.addr = ip.Unmap()
	}
	if c.socket || s.trusts(c.addr) {
		c.addr = s.forwarded(c.addr, r)
		c.secure = c.secure || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
		if host, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Host"), ","); host != "" {
			r.Host = strings.TrimSpace(host)
		}
	}
	return r.WithContext(context.WithValue(r.Context(), clientKey{}, c))
}

func (s *server) trusts(ip netip.Addr) bool { return within(s.opts.Proxies, ip) }

// within is Allow for a list that means nobody when it is empty.
func within(n peers.Networks, ip netip.Addr) bool {
	return len(n) > 0 && ip.IsValid() && n.Allow(ip)
}

// forwarded is the address behind the proxies: the last one that no trusted proxy has.
func (s *server) forwarded(ip netip.Addr, r *http.Request) netip.Addr {
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(list[i]))
		if err != nil {
			break
		}
		if ip = next.Unmap(); !s.trusts(ip) {
			break
		}
	}
	return ip
}

func clientOf(r *http.Request) client {
	c, _ := r.Context().Value(clientKey{}).(client)
	return c
}

// peer is the address that a request comes from.
func peer(r *http.Request) netip.Addr { return clientOf(r).addr }

// from is peer for the log.
func from(r *http.Request) string {
	if c := clientOf(r); c.addr.IsValid() {
		return c.addr.String()
	}
	return "socket"
}

// allowed reports whether whoever asks may connect at all. Who may use a Unix socket is said by
// the permissions of its file.
func (s *server) allowed(r *http.Request) bool {
	c := clientOf(r)
	return c.socket && !c.addr.IsValid() || s.opts.Allow.Allow(c.addr)
}
