package grok_test

import (
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
