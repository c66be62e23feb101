package grok_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/event"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

// match returns the fields that a pattern finds in a text, nil if it does not match.
func match(t testing.TB, l *grok.Library, pattern, text string) map[string]string {
	t.Helper()
	x, err := l.Expand(pattern)
	if err != nil {
		t.Fatal(err)
	}
	p, err := regex.Compile(x.Pattern, regex.Options{Grok: true})
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	caps, err := p.Machine().Search(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if caps == nil {
		return nil
	}
	meaning := map[string]string{}
	for _, f := range x.Fields {
		meaning[f.Group] = f.Path
	}
	got := map[string]string{}
	for g, name := range p.Names() {
		if field, ok := meaning[name]; ok {
			name = field
		}
		if name != "" && caps[2*g] >= 0 {
			got[name] = text[caps[2*g]:caps[2*g+1]]
		}
	}
	return got
}

func TestAllPatternsCompile(t *testing.T) {
	names := grok.Builtin().Names()
	if len(names) < 300 {
		t.Errorf("there are only %d patterns", len(names))
	}
	for _, name := range names {
		x, err := grok.Builtin().Expand("%{" + name + "}")
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := regex.Compile(x.Pattern, regex.Options{Grok: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPatternsFindFields(t *testing.T) {
	cases := map[string]struct {
		pattern, text string
		want          map[string]string
	}{
		"combined log": {
			"%{COMBINEDAPACHELOG}", `203.0.113.7 - alice [07/Mar/2015:23:59:59 +0100] "POST /login HTTP/1.1" 302 154 "http://example.org/" "Mozilla/5.0"`,
			map[string]string{
				"clientip": "203.0.113.7", "ident": "-", "auth": "alice", "timestamp": "07/Mar/2015:23:59:59 +0100", "verb": "POST", "request": "/login",
				"httpversion": "1.1", "response": "302", "bytes": "154", "referrer": `"http://example.org/"`, "agent": `"Mozilla/5.0"`,
			},
		},
		"syslog": {
			"%{SYSLOGLINE}", "Mar 16 00:01:25 evita postfix/smtpd[1713]: connect from camomile.cloud9.net[168.100.1.3]",
			map[string]string{"timestamp": "Mar 16 00:01:25", "logsource": "evita", "program": "postfix/smtpd", "pid": "1713", "message": "connect from camomile.cloud9.net[168.100.1.3]"},
		},
		"syslog 5424": {
			"%{SYSLOG5424LINE}", `<191>1 2009-06-30T18:30:00+02:00 paxton.local grokdebug 4123 - [id1 foo="bar"][id2 baz="something"] Hello, syslog.`,
			map[string]string{
				"syslog5424_pri": "191", "syslog5424_ver": "1", "syslog5424_ts": "2009-06-30T18:30:00+02:00", "syslog5424_host": "paxton.local",
				"syslog5424_app": "grokdebug", "syslog5424_proc": "4123", "syslog5424_sd": `[id1 foo="bar"][id2 baz="something"]`, "syslog5424_msg": "Hello, syslog.",
			},
		},
		"nested":    {"%{IP:net.client} %{NUMBER:[http][took]}", "::1 0.5", map[string]string{"net.client": "::1", "http.took": "0.5"}},
		"odd names": {"%{WORD:@timestamp} %{WORD:close-reason}", "now aged", map[string]string{"@timestamp": "now", "close-reason": "aged"}},
		"wrapped":   {"^a%{HTTPMETHOD}b$", "aGETb", map[string]string{}},
		"redis": {"%{REDISMONLOG}", `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`, map[string]string{
			"timestamp": "1339518083.107412", "database": "0", "client": "127.0.0.1", "port": "60866", "command": "keys", "params": `"*"`}},
		"nagios": {"%{NAGIOSLOGLINE}", "[1427956600] SERVICE ALERT: nagioshost;Load;WARNING;SOFT;1;WARNING - load average: 5.04", map[string]string{
			"nagios_epoch": "1427956600", "nagios_type": "SERVICE ALERT", "nagios_hostname": "nagioshost", "nagios_service": "Load", "nagios_state": "WARNING",
			"nagios_statelevel": "SOFT", "nagios_attempt": "1", "nagios_message": "WARNING - load average: 5.04"}},
		"cisco": {"%{CISCOFW106023}", `Deny tcp src outside:192.0.2.126/53638 dst inside:192.0.2.132/8111 by access-group "acl_out" [0x71761f18, 0x0]`, map[string]string{
			"action": "Deny", "protocol": "tcp", "src_interface": "outside", "src_ip": "192.0.2.126", "src_port": "53638", "dst_interface": "inside",
			"dst_ip": "192.0.2.132", "dst_port": "8111", "policy_id": `"acl_out"`, "hashcode1": "0x71761f18", "hashcode2": "0x0"}},
		"java": {"%{JAVASTACKTRACEPART}", "\tat com.example.Parrot.sleep(Parrot.java:42)", map[string]string{"class": "com.example.Parrot", "method": "sleep", "file": "Parrot.java", "line": "42"}},
		"squid": {"%{SQUID3}", "1525334330.556      3 120.65.1.1 TCP_REFRESH_MISS/200 2014 GET http://www.sample.com/hello_world.txt public-user DIRECT/www.sample.com text/plain", map[string]string{
			"timestamp": "1525334330.556", "duration": "3", "client_address": "120.65.1.1", "cache_result": "TCP_REFRESH_MISS", "status_code": "200", "bytes": "2014",
			"request_method": "GET", "url": "http://www.sample.com/hello_world.txt", "user": "public-user", "hierarchy_code": "DIRECT", "server": "www.sample.com", "content_type": "text/plain"}},
		"haproxy": {"%{HAPROXYHTTP}", `Sep 20 15:42:58 127.0.0.1 haproxy[28604]: 192.168.1.30:39759 [20/Sep/2016:15:42:57.450] loadbalancer default/instance8 0/51/1/0/75 200 17 - - ---- 0/0/0/0/0 0/0 "GET / HTTP/1.1"`, map[string]string{
			"program": "haproxy", "client_ip": "192.168.1.30", "server_name": "instance8", "http_status_code": "200", "time_duration": "75", "http_verb": "GET", "http_request": "/", "http_version": "1.1"}},
		"elb": {"%{ELB_ACCESS_LOG}", `2014-02-15T23:39:43.945958Z my-test-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1"`, map[string]string{
			"elb": "my-test-loadbalancer", "clientip": "192.168.131.39", "clientport": "2817", "backendip": "10.0.0.1", "response": "200", "bytes": "29", "verb": "GET", "urihost": "www.example.com:80", "port": "80", "path": "/"}},
		"bind": {"%{BIND9}", "17-Feb-2018 23:06:56.326 queries: info: client 172.26.0.1#12345 (test.example.com): query: test.example.com IN A +E(0)K (172.26.0.3)", map[string]string{
			"timestamp": "17-Feb-2018 23:06:56.326", "loglevel": "info", "clientip": "172.26.0.1", "clientport": "12345", "querytype": "A +E(0)K", "dns": "172.26.0.3"}},
		"mongodb": {"%{MONGO3_LOG}", "2014-11-03T18:28:32.450-0500 I NETWORK  [initandlisten] waiting for connections on port 27017", map[string]string{
			"timestamp": "2014-11-03T18:28:32.450-0500", "severity": "I", "component": "NETWORK", "context": "initandlisten", "message": "waiting for connections on port 27017"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := match(t, grok.Builtin(), c.pattern, c.text)
			if got == nil {
				t.Fatal("no match")
			}
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s is %q, want %q (of %v)", k, got[k], v, got)
				}
			}
		})
	}
}

func TestPatternsRefuseWhatIsNotMeant(t *testing.T) {
	for pattern, texts := range map[string][]string{
		"^%{IPV4}$": {"256.1.1.1", "1.2.3", "1.2.3.4.5"}, "^%{IPV6}$": {":::", "12345::", "1:2:3:4:5:6:7:8:9"}, "^%{MAC}$": {"00:11:22:33:44", "00-11:22:33:44:55"},
		"^%{INT}$": {"1.5", "x"}, "^%{UUID}$": {"1234"}, "^%{TIME}$": {"24:61:00", "12:00"}, "^%{MONTHDAY}$": {"32", "0"},
	} {
		for _, text := range texts {
			if got := match(t, grok.Builtin(), pattern, text); got != nil {
				t.Errorf("%s matches %q", pattern, text)
			}
		}
	}
	for pattern, texts := range map[string][]string{
		"^%{IPV6}$": {"::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "fe80::1%eth0"}, "^%{NUMBER}$": {"1", "-1.5", ".5"}, "^%{QS}$": {`"a \" b"`, "'x'"},
		"^%{URI}$": {"http://user:pw@example.com:80/a?b=c"}, "^%{PATH}$": {"/var/log/syslog", `C:\Windows\x`}, "^%{TIMESTAMP_ISO8601}$": {"2015-06-01T12:00:00.123+02:00"},
	} {
		for _, text := range texts {
			if match(t, grok.Builtin(), pattern, text) == nil {
				t.Errorf("%s does not match %q", pattern, text)
			}
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	l := grok.Builtin().With(map[string]string{"A": "%{B}", "B": "x%{A}"})
	for pattern, want := range map[string]string{
		"%{NUMBR:x}": "did you mean %{NUMBER}?", "%{NUMBR:x} ": "offset 0", "%{A}": "A -> B -> A", "%{INT:x:long}": "unknown type",
	} {
		if _, err := l.Expand(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestDefinitionsWinOverDirectoriesOverBuiltin(t *testing.T) {
	dir1, dir2 := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(dir1, "mine"): "# comment\nPARROT norwegian\nINT one\n", filepath.Join(dir2, "other"): "PARROT dead\nSPAM spam\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := grok.Builtin()
	for _, dir := range []string{dir1, dir2} {
		var err error
		if l, err = l.AddDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	l = l.With(map[string]string{"SPAM": "eggs"})
	x, err := l.Expand("%{PARROT} %{INT} %{SPAM}")
	if err != nil || x.Pattern != "(?:norwegian) (?:one) (?:eggs)" {
		t.Error(x.Pattern, err)
	}
	if x, _ := grok.Builtin().Expand("%{INT}"); strings.Contains(x.Pattern, "one") {
		t.Error("the built-in library changed")
	}
	if err := os.WriteFile(filepath.Join(dir1, "bad"), []byte("\n\nLONELY\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddDir(dir1); err == nil || !strings.Contains(err.Error(), "bad:3: ") {
		t.Error(err)
	}
}

func TestConvert(t *testing.T) {
	for in, want := range map[[2]string]event.Value{
		{"int", "12"}: event.Int(12), {"integer", "+7"}: event.Int(7), {"int", "1.5"}: event.String("1.5"), {"float", "1.5"}: event.Float(1.5), {"float", "x"}: event.String("x"),
		{"bool", "True"}: event.Bool(true), {"boolean", "maybe"}: event.String("maybe"), {"string", "1"}: event.String("1"), {"", "1"}: event.String("1"),
	} {
		if got := grok.Convert(in[0], in[1]); got.Kind() != want.Kind() || !got.Equal(want) {
			t.Errorf("%v became %s %s", in, got.Kind(), got.Text())
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("%{IP:client} %{WORD:a.b:int}", "%{INT}")
	f.Add("%{A}", "%{A}%{A}")
	f.Fuzz(func(t *testing.T, pattern, definition string) {
		l := grok.Builtin().With(maps.Collect(maps.All(map[string]string{"A": definition})))
		if x, err := l.Expand(pattern); err == nil && len(x.Pattern) > 2<<20 {
			t.Errorf("grew to %d bytes", len(x.Pattern))
		}
	})
}
