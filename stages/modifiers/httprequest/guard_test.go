package httprequest

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func TestOnlyAllowedHostsAreAsked(t *testing.T) {
	var asked atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/to":
			http.Redirect(w, r, r.URL.Query().Get("u"), http.StatusFound)
		default:
			io.WriteString(w, "secret")
		}
	})
	port := u[strings.LastIndexByte(u, ':')+1:]
	for name, c := range map[string]struct {
		allowed, url string
		ok           bool
		requests     int32
	}{
		"the address":                {"[127.0.0.1]", u, true, 1},
		"the network":                {"[127.0.0.0/8]", u, true, 1},
		"the port":                   {"['127.0.0.1:" + port + "']", u, true, 1},
		"another port":               {"['127.0.0.1:1']", u, false, 0},
		"another host":               {"[example.com]", u, false, 0},
		"a name that leads inside":   {"[localhost]", "http://localhost:" + port, false, 0},
		"with the network":           {"[localhost, 127.0.0.0/8, '::1']", "http://localhost:" + port, true, 1},
		"a number":                   {"[example.com, '*.example.com']", "http://2130706433:" + port, false, 0},
		"an IPv4 address in IPv6":    {"[example.com]", "http://[::ffff:127.0.0.1]:" + port, false, 0},
		"in IPv6, allowed":           {"[127.0.0.1]", "http://[::ffff:127.0.0.1]:" + port, true, 1},
		"a redirection":              {"[127.0.0.1]", u + "/to?u=" + url.QueryEscape(u+"/x"), true, 2},
		"a redirection away":         {"[127.0.0.1]", u + "/to?u=" + url.QueryEscape("http://localhost:"+port+"/x"), false, 1},
		"a redirection to a file":    {"[127.0.0.1]", u + "/to?u=" + url.QueryEscape("file:///etc/passwd"), false, 1},
		"a user that looks like one": {"[example.com]", "http://example.com@127.0.0.1:" + port, false, 0},
		"capitals":                   {"[localhost, 127.0.0.1, '::1']", "http://LOCALHOST:" + port, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			got := one(t, "retries: 3\ntarget_field: r\nallowed_hosts: "+c.allowed+"\nurl: $(u)", `{"u":"`+c.url+`"}`)
			if c.ok != strings.Contains(got, `"r":"secret"`) || asked.Load() != c.requests {
				t.Errorf("got %s after %d requests", got, asked.Load())
			}
		})
	}
}

func TestNamesInTheList(t *testing.T) {
	var h hosts
	for _, s := range []string{"a.example.com", "*.example.org", "b.example.com:8080", "[::1]:80"} {
		one, ok := parseHost(s)
		if !ok {
			t.Fatal(s)
		}
		h = append(h, one)
	}
	for text, want := range map[string]bool{
		"http://a.example.com": true, "https://A.Example.Com.:8443/x": true, "http://x.example.org": true, "http://y.x.example.org": true, "http://b.example.com:8080": true, "http://[::1]/": true,
		"http://example.org": false, "http://xexample.org": false, "http://b.example.com": false, "http://[::1]:81/": false, "http://a.example.com.evil.com": false, "gopher://a.example.com": false, "http:///x": false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.checkURL(u); (err == nil) != want {
			t.Errorf("%s gives %v", text, err)
		}
	}
}

func TestAddressesThatAreNotPublic(t *testing.T) {
	for _, s := range []string{"10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.1.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::a00:1"} {
		if public(netip.MustParseAddr(s)) {
			t.Errorf("%s is taken for public", s)
		}
	}
	for _, s := range []string{"8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"} {
		if !public(netip.MustParseAddr(s)) {
			t.Errorf("%s is not taken for public", s)
		}
	}
	var h hosts
	if err := h.control("tcp", "8.8.8.8:80", nil); err != nil {
		t.Error(err)
	}
	if err := h.control("tcp", "nonsense", nil); err == nil {
		t.Error("nonsense may be asked")
	}
}
