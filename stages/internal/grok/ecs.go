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
		patterns.Rails, patterns.Redis, patterns.Ruby, patterns.Squid, patterns.Syslog, moreECS,
	} {
		maps.Copy(l.patterns, set)
	}
	for name, text := range l.patterns {
		kind, _, _ := strings.Cut(name, "_")
		for _, of := range []string{name, kind} {
			if names, ok := namesECS[of]; ok {
				text = names.Replace(text)
			}
		}
		l.patterns[name] = repairs.Replace(text)
	}
	return l
})

// repairs writes names of types and groups as this package has them, and mends what is
// misspelt in the sets or has the brackets of names and of classes of letters mixed up.
var repairs = strings.NewReplacer(
	":long}", ":int}", ":double}", ":float}", ":boolean}", ":bool}",
	"(?P<", "(?<", "___", ".",
	`(?::A-Fa-f0-9{2}:A-Fa-f0-9{2})?`, `(?::[A-Fa-f0-9]{2}:[A-Fa-f0-9]{2})?`,
	"source.user.name?}", "source.user.name}", "bing.log", "bind.log",
	`\\s*%{DATA:[cisco.asa.burst.object}`, `\[\s*%{DATA:cisco.asa.burst.object}`,
)

// moreECS is what the sets leave out or do not find.
var moreECS = map[string]string{
	// The name of the host stands without parentheses, that of the greeting with them.
	"EXIM_REMOTE_HOST": `H=(?:(?<source.host.name>[^\s(]\S*) )?(?:\(%{NOTSPACE:exim.log.remote_address}\) )?\[%{IP:source.address}\](?::%{POSINT:source.port:int})?`,
	"URIHOST":          `%{IPORHOST}(?::%{POSINT})?`,
	"SYSLOGPROG":       `%{PROG:process.name}(?:\[%{POSINT:process.pid:int}\])?`,
	"SYSLOGFACILITY":   `<%{NONNEGINT:log.syslog.facility.code:int}.%{NONNEGINT:log.syslog.priority:int}>`,
	"SYSLOGBASE":       `%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:host.hostname} %{SYSLOGPROG}:`,
	"SYSLOGBASE2":      `(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp})(?: %{SYSLOGFACILITY})?(?: %{SYSLOGHOST:host.hostname})?(?: %{SYSLOGPROG}:)?`,
	"SYSLOGLINE":       `%{SYSLOGBASE2} %{GREEDYDATA:message}`,
}

// namesECS has the names of fields for patterns that are in none of the sets, by the name of
// a pattern or by how it begins. They are those that Logstash publishes.
var namesECS = map[string]*strings.Replacer{
	"CISCOFW106023": fields( // in its set with the names of old
		"action", "cisco.asa.outcome", "icmp_type", "cisco.asa.icmp_type:int", "icmp_code", "cisco.asa.icmp_code:int",
		"policy_id", "cisco.asa.rule_name",
		"hashcode1", "metadata.cisco.asa.hashcode1", "hashcode2", "metadata.cisco.asa.hashcode2",
	),
	"NAGIOS": nagiosECS, "NAGIOSTIME": nagiosECS, "NAGIOSLOGLINE": nagiosECS,
	"BACULA": fields(
		"bts", "timestamp", "hostname", "host.hostname", "jobid", "bacula.job_id", "job", "bacula.job.name",
		"elapsed", "bacula.job.elapsed_time", "runjob", "bacula.job.client_run_before_command",
		"volume", "bacula.volume.name", "device", "bacula.volume.device", "client", "bacula.client.name",
		"berror", "error.message", "duplicate", "bacula.job.other_id",
	),
	"ZEEK_CONN":  fields("duration", "zeek.connection.duration:float", "local_orig", "zeek.connection.local_orig"),
	"ZEEK_FILES": fields("duration", "zeek.files.duration:float", "local_orig", "zeek.files.local_orig"),
	"ZEEK": fields(
		"ts", "timestamp", "uid", "zeek.session_id", "orig_h", "source.ip", "orig_p", "source.port:int",
		"resp_h", "destination.ip", "resp_p", "destination.port:int", "proto", "network.transport",
		"trans_depth", "zeek.http.trans_depth:int", "method", "http.request.method", "domain", "url.domain",
		"uri", "url.original", "referrer", "http.request.referrer", "version", "http.version",
		"user_agent", "user_agent.original", "origin", "zeek.http.origin",
		"request_body_len", "http.request.body.bytes:int", "response_body_len", "http.response.body.bytes:int",
		"status_code", "http.response.status_code:int", "status_msg", "zeek.http.status_msg",
		"info_code", "zeek.http.info_code:int", "info_msg", "zeek.http.info_msg", "zeek_tags", "zeek.http.tags",
		"username", "url.username", "password", "url.password", "proxied", "zeek.http.proxied",
		"orig_fuids", "zeek.http.orig_fuids", "orig_filenames", "zeek.http.orig_filenames",
		"orig_mime_types", "http.request.mime_type", "resp_fuids", "zeek.http.resp_fuids",
		"resp_filenames", "zeek.http.resp_filenames", "resp_mime_types", "http.response.mime_type",

		"trans_id", "dns.id:int", "rtt", "zeek.dns.rtt:float", "query", "dns.question.name",
		"qclass", "zeek.dns.qclass:int", "qclass_name", "zeek.dns.qclass_name", "qtype", "zeek.dns.qtype:int",
		"qtype_name", "dns.question.type", "rcode", "zeek.dns.rcode:int", "rcode_name", "dns.response_code",
		"AA", "zeek.dns.AA", "TC", "zeek.dns.TC", "RD", "zeek.dns.RD", "RA", "zeek.dns.RA", "Z", "zeek.dns.Z:int",
		"answers", "zeek.dns.answers", "TTLs", "zeek.dns.TTLs", "rejected", "zeek.dns.rejected",

		"service", "network.protocol", "orig_bytes", "zeek.connection.orig_bytes:int",
		"resp_bytes", "zeek.connection.resp_bytes:int", "conn_state", "zeek.connection.state",
		"local_resp", "zeek.connection.local_resp", "missed_bytes", "zeek.connection.missed_bytes:int",
		"history", "zeek.connection.history", "orig_pkts", "source.packets:int", "orig_ip_bytes", "source.bytes:int",
		"resp_pkts", "destination.packets:int", "resp_ip_bytes", "destination.bytes:int",
		"tunnel_parents", "zeek.connection.tunnel_parents", "orig_l2_addr", "source.mac", "resp_l2_addr", "destination.mac",

		"fuid", "zeek.files.fuid", "tx_hosts", "zeek.files.tx_hosts", "rx_hosts", "zeek.files.rx_hosts",
		"conn_uids", "zeek.files.session_ids", "source", "zeek.files.source", "depth", "zeek.files.depth:int",
		"analyzers", "zeek.files.analyzers", "mime_type", "file.mime_type", "filename", "file.name",
		"is_orig", "zeek.files.is_orig", "seen_bytes", "zeek.files.seen_bytes:int", "total_bytes", "file.size:int",
		"missing_bytes", "zeek.files.missing_bytes:int", "overflow_bytes", "zeek.files.overflow_bytes:int",
		"timedout", "zeek.files.timedout", "parent_fuid", "zeek.files.parent_fuid",
		"md5", "file.hash.md5", "sha1", "file.hash.sha1", "sha256", "file.hash.sha256",
		"extracted", "zeek.files.extracted", "extracted_cutoff", "zeek.files.extracted_cutoff",
		"extracted_size", "zeek.files.extracted_size:int",
	),
}

var nagiosECS = fields(
	"nagios_epoch", "timestamp", "nagios_message", "message", "nagios_type", "nagios.log.type",
	"nagios_hostname", "host.hostname", "nagios_service", "service.name", "nagios_state", "nagios.log.status",
	"nagios_statetype", "nagios.log.state_type", "nagios_statelevel", "nagios.log.state_type",
	"nagios_statecode", "nagios.log.attempt:int", "nagios_attempt", "nagios.log.attempt:int",
	"nagios_notifyname", "user.name", "nagios_contact", "nagios.log.notification_command",
	"nagios_comment", "nagios.log.comment", "nagios_event_handler_name", "nagios.log.event_handler_name",
	"nagios_unknown1", "nagios.log.period_from:int", "nagios_unknown2", "nagios.log.period_to:int",
	"nagios_command", "nagios.log.command", "nagios_check_result", "nagios.log.check_result",
	"nagios_start_time", "nagios.log.start_time", "nagios_end_time", "nagios.log.end_time",
	"nagios_fixed", "nagios.log.fixed", "nagios_trigger_id", "nagios.log.trigger_id",
	"nagios_duration", "nagios.log.duration:int", "author", "user.name", "comment", "nagios.log.comment",
)

// fields replaces the names of fields in a pattern, given as pairs of an old one and a new one.
func fields(pairs ...string) *strings.Replacer {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		name, _, _ := strings.Cut(pairs[i+1], ":")
		all = append(all, ":"+pairs[i]+"}", ":"+pairs[i+1]+"}", "(?<"+pairs[i]+">", "(?<"+name+">")
	}
	return strings.NewReplacer(all...)
}
