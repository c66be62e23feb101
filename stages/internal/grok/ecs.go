package grok

import (
	"maps"
	"strings"
	"sync"

	"github.com/elastic/go-grok/patterns"
)

// ECS returns the expressions with the names of fields of the Elastic Common Schema, as
// later versions of Logstash have them: source.address instead of clientip. What names no
// fields is that of Builtin.
func ECS() *Library { return ecs() }

var ecs = sync.OnceValue(func() *Library {
	l := Builtin().clone()
	for _, set := range []map[string]string{
		patterns.AWS, patterns.Bind9, patterns.Bro, patterns.Exim, patterns.Firewalls, patterns.HAProxy, patterns.Httpd,
		patterns.Java, patterns.Junos, patterns.Maven, patterns.MCollective, patterns.MongoDB, patterns.PostgreSQL,
		patterns.Rails, patterns.Redis, patterns.Ruby, patterns.Squid, patterns.Syslog, syslogECS,
	} {
		maps.Copy(l.patterns, set)
	}
	for name, text := range l.patterns {
		l.patterns[name] = repairs.Replace(text)
	}
	return l
})

// repairs writes names of types as this package has them, and mends CISCOFW733100, whose
// opening bracket ended up in the name of the field.
var repairs = strings.NewReplacer(
	":long}", ":int}", ":double}", ":float}", ":boolean}", ":bool}",
	`\\s*%{DATA:[cisco.asa.burst.object}`, `\[\s*%{DATA:cisco.asa.burst.object}`,
)

// syslogECS names the parts of the head of a line, some of which the sets leave out.
var syslogECS = map[string]string{
	"SYSLOGPROG":     `%{PROG:process.name}(?:\[%{POSINT:process.pid:int}\])?`,
	"SYSLOGFACILITY": `<%{NONNEGINT:log.syslog.facility.code:int}.%{NONNEGINT:log.syslog.priority:int}>`,
	"SYSLOGBASE":     `%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:host.hostname} %{SYSLOGPROG}:`,
	"SYSLOGBASE2":    `(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp})(?: %{SYSLOGFACILITY})?(?: %{SYSLOGHOST:host.hostname})?(?: %{SYSLOGPROG}:)?`,
	"SYSLOGLINE":     `%{SYSLOGBASE2} %{GREEDYDATA:message}`,
}
