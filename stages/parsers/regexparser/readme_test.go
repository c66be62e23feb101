package regexparser_test

import (
	"os"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/regexparser"
)

// readmePatterns are the patterns of the first README, as the example has them.
func readmePatterns(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../examples/readme.yml")
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, pattern, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- ")), ": '(?P<")
		if ok {
			patterns[name] = "'(?P<" + pattern
		}
	}
	if len(patterns) != 3 {
		t.Fatalf("the example has the patterns %v", patterns)
	}
	return patterns
}

func TestThePatternsOfTheFirstREADME(t *testing.T) {
	patterns := readmePatterns(t)
	cases := map[string]struct {
		match []string // a line, then the fields that must be there
		none  []string
	}{
		"httpd_access_log": {
			match: []string{
				`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395` + "\x00remote_ip=192.168.2.20\x00bytes_send=3395",
				`203.0.113.7 - alice [07/Mar/2015:23:59:59 +0100] "POST /login?next=%2Fhome HTTP/1.1" 302 0` + "\x00user=alice\x00bytes_send=0",
				`<134>Mar  7 12:00:01 web1 apache2: 198.51.100.23 - - [07/Mar/2015:12:00:01 +0000] "GET /q?s="x" HTTP/1.1" 404 512 "-" "curl/7.38.0"` + "\x00remote_ip=198.51.100.23\x00url=GET /q?s=\"x\" HTTP/1.1\x00http_status=404\x00bytes_send=512",
				`10.1.0.5 203.0.113.9 - - [12/Dec/2014:08:15:30 +0100] "GET /index.html HTTP/1.1" 200 5120` + "\x00remote_ip=203.0.113.9",
			},
			none: []string{
				`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 304 -`,
				`2001:db8::17 - - [28/Jul/2006:10:27:10 -0300] "GET / HTTP/1.0" 200 3395`,
				`192.168.2.20 - j.doe [28/Jul/2006:10:27:10 -0300] "GET / HTTP/1.0" 200 3395`,
				` - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`,
			},
		},
		"http_common_access_log": {
			match: []string{
				`10.1.0.5 203.0.113.9 - - [12/Dec/2014:08:15:30 +0100] "GET /index.html HTTP/1.1" 200 5120` + "\x00remote_ip=10.1.0.5\x00x_forwarded_for=203.0.113.9",
				`10.1.0.6 198.51.100.77 - bob [01/Jan/2015:00:00:00 +0000] "PUT /api/items/7 HTTP/1.1" 204 0` + "\x00user=bob",
				`<142>Jan  5 09:01:02 lb2 nginx: 10.1.0.5 192.0.2.44 - - [05/Jan/2015:09:01:02 -0500] "GET /a?b=1 HTTP/1.1" 500 87 0.012` + "\x00bytes_send=87",
			},
			none: []string{
				`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`,
				`10.1.0.5  203.0.113.9 - - [12/Dec/2014:08:15:30 +0100] "GET /index.html HTTP/1.1" 200 5120`,
				`10.1.0.5 203.0.113.9, 10.9.9.9 - - [12/Dec/2014:08:15:30 +0100] "GET / HTTP/1.1" 200 5120`,
			},
		},
		"iptables": {
			match: []string{
				`<4>Mar 11 22:14:07 fw-01 kernel: [86400.123456] iptables DROP : IN=eth0 OUT= SRC=203.0.113.50 DST=192.0.2.10 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=54321 DF PROTO=TCP SPT=44321 DPT=22 WINDOW=29200 RES=0x00 SYN URGP=0` +
					"\x00syslog_prival=<4>\x00log_timestamp=Mar 11 22:14:07\x00host=fw-01\x00iptables_action=DROP\x00iptables_in_int=eth0\x00iptables_out_int=\x00iptables_src=203.0.113.50\x00iptables_len=60\x00iptables_proto=TCP\x00iptables_spt=44321\x00iptables_dpt=22",
				`<6>Jan  5 09:01:02 gw.example_1 kernel: iptables ACCEPT : IN=eth1 OUT=eth0 SRC=10.0.0.8 DST=198.51.100.4 LEN=1500 TOS=0x08 TTL=63 ID=1 PROTO=TCP SPT=51000 DPT=443 WINDOW=512 RES=0x00 ACK URGP=0` + "\x00iptables_out_int=eth0",
				`<132>Dec 31 23:59:59 r2 kernel: audit iptables REJECT in : IN=ppp0 OUT= SRC=192.0.2.99 DST=192.0.2.1 LEN=40 TTL=244 ID=7 PROTO=TCP SPT=1 DPT=3389 WINDOW=1024 RES=0x00 RST URGP=0` + "\x00iptables_action=REJECT in",
				`<4>Mar 11 22:14:07 fw-01 kernel: [1.5] iptables DROP : IN=eth0 OUT= MAC=00:11:22:33:44:55 SRC=203.0.113.50 DST=192.0.2.10 LEN=60 TTL=52 PROTO=TCP SPT=44321 DPT=22 WINDOW=29200 RES=0x00` + "\x00iptables_out_int= MAC=00:11:22:33:44:55",
			},
			none: []string{
				`<4>Mar 11 22:14:08 fw-01 kernel: [86401.5] iptables DROP : IN=eth0 OUT= SRC=203.0.113.50 DST=192.0.2.10 LEN=76 TTL=52 ID=2 PROTO=UDP SPT=123 DPT=123 LEN=56`,
				`Mar 11 22:14:07 fw-01 kernel: [86400.123456] iptables DROP : IN=eth0 OUT= SRC=203.0.113.50 DST=192.0.2.10 LEN=60 TTL=52 PROTO=TCP SPT=44321 DPT=22 WINDOW=29200`,
				`<4>Mar 11 22:14:07 fw-01 kernel: [UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.50 DST=192.0.2.10 LEN=60 TTL=52 PROTO=TCP SPT=44321 DPT=22 WINDOW=29200 RES=0x00`,
			},
		},
	}
	for name, c := range cases {
		options := "field_extraction_patterns: [{" + name + ": " + strings.TrimSpace(patterns[name]) + "}]"
		for _, line := range c.match {
			parts := strings.Split(line, "\x00")
			e := actortest.Process(t, regexparser.Spec, options, actortest.Events(parts[0])...)[0]
			if e.Type() != name {
				t.Errorf("%s does not match %s", name, parts[0])
			}
			for _, field := range parts[1:] {
				key, want, _ := strings.Cut(field, "=")
				if v, ok := e.Field(event.Intern(key)); !ok || v.Str() != want {
					t.Errorf("%s: %s is %q, want %q", name, key, v.Str(), want)
				}
			}
		}
		for _, line := range c.none {
			if e := actortest.Process(t, regexparser.Spec, options, actortest.Events(line)...)[0]; e.Type() != "Unknown" {
				t.Errorf("%s matches %s", name, line)
			}
		}
	}
}
