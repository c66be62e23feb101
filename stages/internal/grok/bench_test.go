package grok_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

// measured are the patterns by which log shippers are judged, each with a line that it is
// for, a line of something else, and a line that is broken at its end.
var measured = []struct{ name, pattern, match, other, broken string }{
	{"HttpdAccess", `(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)`,
		access, syslogLine, strings.Replace(access, " 3395 ", " - ", 1)},
	{"HttpCommon", `(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s(?P<x_forwarded_for>\d+\.\d+\.\d+\.\d+)\s(?P<identd>\w+|-)\s(?P<user>\w+|-)\s\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s\"(?P<url>.*)\"\s(?P<http_status>\d+)\s(?P<bytes_send>\d+)`,
		"10.1.0.5 " + access, syslogLine, access},
	{"Iptables", `(?P<syslog_prival>\<\d+\>)(?P<log_timestamp>\w+\s+\d+\s+\d+:\d+:\d+)\s+(?P<host>[\w\-\._]+)\s+kernel:.*?\ iptables\ (?P<iptables_action>.*?)\ :\ IN=(?P<iptables_in_int>.*?)\ OUT=(?P<iptables_out_int>.*?)\ SRC=(?P<iptables_src>.*?)\ DST=(?P<iptables_dst>.*?)\ LEN=(?P<iptables_len>.*?)\ .*?PROTO=(?P<iptables_proto>.*?)\ SPT=(?P<iptables_spt>.*?)\ DPT=(?P<iptables_dpt>.*?)\ WINDOW=.*`,
		iptables, syslogLine, strings.Replace(iptables, "WINDOW", "WINDO", 1)},
	{"COMMONAPACHELOG", `%{COMMONAPACHELOG}`, access, syslogLine, strings.Replace(access, " 200 ", " x ", 1)},
	{"COMBINEDAPACHELOG", `%{COMBINEDAPACHELOG}`, access, syslogLine, strings.TrimSuffix(access, `"`)},
	{"SYSLOGBASE", `%{SYSLOGBASE}`, syslogLine, access, strings.Replace(syslogLine, "[1713]:", "", 1)},
	{"HAPROXYHTTP", `%{HAPROXYHTTP}`, haproxy, access, strings.Replace(haproxy, `HTTP/1.1"`, `HTTP/1.1`, 1)},
	{"NGINX", `%{IPORHOST:clientip} - %{USER:user} \[%{HTTPDATE:time}\] "%{WORD:verb} %{NOTSPACE:request} HTTP/%{NUMBER:version}" %{INT:status} %{INT:bytes} "%{DATA:referrer}" "%{DATA:agent}"`,
		access, syslogLine, strings.TrimSuffix(access, `"`)},
	{"NETSCREEN", `%{NETSCREENSESSIONLOG}`, netscreen, access, strings.Replace(netscreen, "session_id=1", "session_id=x", 1)},
}

const (
	access     = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/index.html?spanish=inquisition&nobody=expects HTTP/1.0" 200 3395 "http://www.example.org/start.html" "Mozilla/5.0 (X11; Linux x86_64; rv:33.0) Gecko/20100101 Firefox/33.0"`
	iptables   = `<4>Mar 11 22:14:07 fw-01 kernel: [86400.123456] iptables DROP : IN=eth0 OUT= SRC=203.0.113.50 DST=192.0.2.10 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=54321 DF PROTO=TCP SPT=44321 DPT=22 WINDOW=29200 RES=0x00 SYN URGP=0`
	syslogLine = `Mar 16 00:01:25 evita postfix/smtpd[1713]: connect from camomile.cloud9.net[168.100.1.3] after a while of waiting for something to happen`
	haproxy    = `Sep 20 15:42:59 127.0.0.1 haproxy[12]: 127.0.0.1:39759 [09/Dec/2013:12:59:46.633] loadbalancer default/instance8 0/51536/1/48082/99627 200 83285 - - ---- 87/87/87/1/0 0/67 {77.24.148.74} "GET /path/to/image HTTP/1.1"`
	netscreen  = `Jun  2 14:53:31 fire00 aka1: NetScreen device_id=aka1  [Root]system-notification-00257(traffic): start_time="2006-06-02 14:53:30" duration=0 policy_id=119 service=udp/port:7001 proto=17 src zone=Trust dst zone=Untrust action=Deny sent=0 rcvd=0 src=192.168.2.1 dst=1.2.3.4 src_port=3036 dst_port=7001 src-xlated ip=1.2.3.4 port=3036 dst-xlated ip=5.6.7.8 port=7001 session_id=1 reason=Denied`
)

func expanded(b *testing.B, pattern string) string {
	x, err := grok.Builtin().Expand(pattern)
	if err != nil {
		b.Fatal(err)
	}
	return x.Pattern
}

// BenchmarkMatch compares engines on the same lines. The package regexp knows no
// lookaround, so it gets the patterns without.
func BenchmarkMatch(b *testing.B) {
	for _, m := range measured {
		for kind, line := range map[string]string{"match": m.match, "other": m.other, "broken": m.broken} {
			pattern := expanded(b, m.pattern)
			b.Run(m.name+"/"+kind+"/engine=ours", func(b *testing.B) { benchOurs(b, pattern, line, kind == "match") })
			b.Run(m.name+"/"+kind+"/engine=regexp", func(b *testing.B) { benchStandard(b, pattern, line) })
			b.Run(m.name+"/"+kind+"/engine=regexp2", func(b *testing.B) { benchRegexp2(b, pattern, line) })
		}
	}
}

func benchOurs(b *testing.B, pattern, line string, matches bool) {
	p, err := regex.Compile(pattern, regex.Options{Dialect: regex.Oniguruma})
	if err != nil {
		b.Fatal(err)
	}
	m := p.Machine()
	b.ReportAllocs()
	for b.Loop() {
		caps, err := m.Search(line, 0)
		if err != nil || (caps != nil) != matches {
			b.Fatal(caps, err)
		}
	}
}

func benchStandard(b *testing.B, pattern, line string) {
	re, err := regexp.Compile(`(?m)` + relaxed(pattern))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		re.FindStringSubmatchIndex(line)
	}
}

func benchRegexp2(b *testing.B, pattern, line string) {
	re, err := regexp2.Compile(strings.ReplaceAll(pattern, "(?P<", "(?<"), regexp2.Multiline)
	if err != nil {
		b.Fatal(err)
	}
	re.MatchTimeout = time.Minute
	b.ReportAllocs()
	for b.Loop() {
		if _, err := re.FindStringMatch(line); err != nil {
			b.Fatal(err)
		}
	}
}

var lookaround = regexp.MustCompile(`\(\?<?[=!](?:[^()\[\]\\]|\\.|\[[^\]]*\])*\)`)

// relaxed takes out of a pattern what the package regexp does not know.
func relaxed(pattern string) string {
	pattern = lookaround.ReplaceAllString(pattern, "")
	pattern = strings.NewReplacer("(?>", "(?:", "++", "+").Replace(pattern)
	names := map[string]bool{}
	return regexp.MustCompile(`\(\?P?<([^>]+)>`).ReplaceAllStringFunc(pattern, func(group string) string {
		if names[group] {
			return "("
		}
		names[group] = true
		return "(?P<" + regexp.MustCompile(`\W+`).ReplaceAllString(group[strings.Index(group, "<")+1:len(group)-1], "_") + ">"
	})
}
