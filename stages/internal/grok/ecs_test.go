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
