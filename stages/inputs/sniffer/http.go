package sniffer

import (
	"strings"

	"gambolputty/actor/event"
)

// mostHeaders bounds the headers of a message.
const mostHeaders = 100

// http reads the beginning of a message of HTTP/1 (RFC 9112), if the payload is one.
func (d *decoder) http(payload string) {
	line, rest, ok := strings.Cut(payload, "\n")
	line = strings.TrimSuffix(line, "\r")
	if !ok || len(line) > 8<<10 {
		return
	}
	if !strings.HasPrefix(line, "HTTP/1.") {
		method, target, _ := strings.Cut(line, " ")
		target, version, _ := strings.Cut(target, " ")
		if !isMethod(method) || target == "" || !strings.HasPrefix(version, "HTTP/1.") {
			return
		}
		d.add(methodKey, event.String(method))
		d.add(urlKey, event.String(target))
	}
	m := event.NewMap(8)
	for range mostHeaders {
		line, rest, ok = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if !ok || line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") || len(name) > 256 {
			continue
		}
		value = strings.Trim(value, " \t")
		k := event.Intern(strings.ToLower(name))
		if before, twice := m.Get(k); twice {
			value = before.Str() + ", " + value
		}
		m.Set(k, event.String(value))
	}
	if m.Len() > 0 {
		d.add(headersKey, event.MapOf(m))
	}
}

func isMethod(s string) bool {
	if s == "" || len(s) > 20 {
		return false
	}
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && s[i] != '-' {
			return false
		}
	}
	return true
}
