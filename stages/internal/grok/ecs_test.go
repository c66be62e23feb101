package grok_test

import (
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

func TestEveryPatternWithECSNamesCompiles(t *testing.T) {
	l := grok.ECS()
	for _, name := range l.Names() {
		x, err := l.Expand("%{" + name + "}")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := regex.Compile(x.Pattern, regex.Options{Dialect: regex.Oniguruma}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestECSNamesOfPublishedPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          map[string]string
	}{
		{"%{COMBINEDAPACHELOG}", access, map[string]string{"source.address": "192.168.2.20", "http.request.method": "GET", "http.response.status_code": "200", "http.response.body.size": "3395", "http.request.referrer": "http://www.example.org/start.html"}},
		{"%{SYSLOGLINE}", syslogLine, map[string]string{"host.hostname": "evita", "process.name": "postfix/smtpd", "process.pid": "1713", "timestamp": "Mar 16 00:01:25"}},
		{"%{HAPROXYHTTP}", haproxy, map[string]string{"source.address": "127.0.0.1", "source.port": "39759", "http.response.status_code": "200"}},
		{"%{JAVASTACKTRACEPART}", "\tat com.example.Parrot.<init>(Parrot.java:42)", map[string]string{"java.log.origin.class.name": "com.example.Parrot", "log.origin.function": "<init>", "log.origin.file.name": "Parrot.java", "log.origin.file.line": "42"}},
		{"%{REDISMONLOG}", `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`, map[string]string{"timestamp": "1339518083.107412", "redis.database.id": "0", "client.port": "60866", "redis.command.name": "keys", "redis.command.args": `"*"`}},
		{"%{MONGO3_LOG}", "2014-11-03T18:28:32.450-0500 I NETWORK  [initandlisten] waiting for connections on port 27017", map[string]string{"log.level": "I", "message": "waiting for connections on port 27017"}},
		{"%{BIND9}", "17-Feb-2018 23:06:56.326 queries: info: client 172.26.0.1#12345 (test.example.com): query: test.example.com IN A +E(0)K (172.26.0.3)", map[string]string{"bind.log.category": "queries", "log.level": "info", "client.port": "12345", "dns.question.name": "test.example.com", "dns.question.class": "IN", "dns.question.type": "A", "bind.log.question.flags": "+E(0)K"}},
		{"%{ELB_ACCESS_LOG}", `2014-02-15T23:39:43.945958Z my-loadbalancer 192.0.2.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/cheese?kind=brie HTTP/1.1"`, map[string]string{"aws.elb.name": "my-loadbalancer", "aws.elb.backend.ip": "10.0.0.1", "aws.elb.backend_processing_time.sec": "0.001048", "http.request.method": "GET", "url.domain": "www.example.com", "url.port": "80", "url.path": "/cheese", "url.query": "kind=brie"}},
		{"%{CISCOFW302013_302014_302015_302016}", `Teardown TCP connection 18 for outside:192.0.2.66/1234(LOCAL\alice) to inside:198.51.100.2/443 duration 0:02:24 bytes 65 TCP FINs (alice)`, map[string]string{"cisco.asa.outcome": "Teardown", "cisco.asa.network.transport": "TCP", "cisco.asa.connection_id": "18", "source.user.name": `LOCAL\alice`, "source.port": "1234", "network.bytes": "65"}},
		{"%{CISCOFW106023}", `Deny tcp src outside:192.0.2.126/53638 dst inside:192.0.2.132/8111 by access-group "acl_out" [0x71761f18, 0x0]`, map[string]string{"cisco.asa.outcome": "Deny", "cisco.asa.rule_name": "acl_out", "destination.port": "8111"}},
		{"%{IPTABLES}", "IN=eth0 OUT= MAC=00:50:56:00:5b:6e:00:50:56:00:5b:6f:08:00 SRC=192.0.2.22 DST=198.51.100.4 LEN=60 TOS=0x00 PREC=0x00 TTL=54 ID=9476 DF PROTO=TCP SPT=37842 DPT=22 WINDOW=14600", map[string]string{"observer.ingress.interface.name": "eth0", "source.mac": "00:50:56:00:5b:6f", "iptables.fragment_flags": "DF", "network.transport": "TCP", "destination.port": "22"}},
		{"%{EXIM}", "1995-10-31 08:57:53 0tACW1-0005MB-00 <= kryten@dwarf.example H=mailer.example (helo.example) [192.0.2.123] U=exim P=smtp S=5678", map[string]string{"exim.log.flags": "<=", "source.host.name": "mailer.example", "exim.log.remote_address": "helo.example", "source.address": "192.0.2.123", "network.protocol.name": "smtp"}},
		{"%{NAGIOSLOGLINE}", "[1427956600] SERVICE ALERT: brian;Load;WARNING;SOFT;1;WARNING - load average: 5.04", map[string]string{"timestamp": "1427956600", "nagios.log.type": "SERVICE ALERT", "host.hostname": "brian", "service.name": "Load", "nagios.log.status": "WARNING", "nagios.log.state_type": "SOFT", "nagios.log.attempt": "1", "message": "WARNING - load average: 5.04"}},
		{"%{BACULA_LOG}", `11-Jan 23:05 arthur JobId 12: New volume "Vol-7" mounted on device "Drive-1" (/dev/nst0) at 11-Jan-2026 23:05.`, map[string]string{"timestamp": "11-Jan 23:05", "host.hostname": "arthur", "bacula.job_id": "12", "bacula.volume.name": "Vol-7", "bacula.volume.device": "Drive-1"}},
		{"%{ZEEK_DNS}", strings.ReplaceAll("1359565680.761790 UWkUyAuUGXf 192.168.6.10 53209 192.168.129.36 53 udp 41477 - paypal.com 1 C_INTERNET 48 DNSKEY 0 NOERROR F F T F 1 - - F", " ", "\t"), map[string]string{"zeek.session_id": "UWkUyAuUGXf", "source.ip": "192.168.6.10", "destination.port": "53", "network.transport": "udp", "dns.id": "41477", "dns.question.name": "paypal.com", "dns.question.type": "DNSKEY", "dns.response_code": "NOERROR"}},
	} {
		got := match(t, grok.ECS(), c.pattern, c.text)
		for field, want := range c.want {
			if got[field] != want {
				t.Errorf("%s: %s is %v, want %s", c.pattern, field, got[field], want)
			}
		}
	}
}

func TestTheFlavorChoosesTheNames(t *testing.T) {
	for flavor, want := range map[string]string{"legacy": "clientip", "ecs": "source.address"} {
		l, err := (&grok.Options{Flavor: flavor}).Library()
		if err != nil {
			t.Fatal(err)
		}
		if match(t, l, "%{COMMONAPACHELOG}", access)[want] != "192.168.2.20" {
			t.Errorf("%s does not give %s", flavor, want)
		}
	}
}

func TestECSNamesAreOfTheSameLines(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		c := readCorpus(t, file)
		for _, f := range c.Found {
			got := match(t, grok.ECS(), f.Pattern, f.Text)
			if len(got) == 0 && len(f.Fields) > 0 {
				t.Errorf("%s finds nothing in %q", f.Pattern, f.Text)
			}
			for name := range got {
				if strings.Contains(name, "__") {
					t.Errorf("%s finds %s", f.Pattern, name)
				}
			}
		}
	}
}

// A pattern that came in with its names of old would show here.
func TestNearlyEveryFieldHasItsNameInTheSchema(t *testing.T) {
	left := map[string]bool{}
	for _, name := range grok.ECS().Names() {
		x, err := grok.ECS().Expand("%{" + name + "}")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range x.Fields {
			if !strings.Contains(f.Path, ".") {
				left[f.Path] = true
			}
		}
	}
	for _, path := range []string{"timestamp", "message", "loglevel", "file", "line", "MONGO_QUERY"} { // of PHP and MongoDB
		delete(left, path)
	}
	if len(left) > 0 {
		t.Error(left)
	}
}
