package syslog

// Severities is the number of severities, Highest the largest priority that there are names
// for.
const (
	Severities = 8
	Highest    = 191
)

// Facilities names the facilities by their numbers: long, or short as programs call them.
func Facilities(short bool) []string {
	if short {
		return []string{
			"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
			"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
		}
	}
	return []string{
		"kernel messages", "user-level", "mail", "system", "security/authorization", "syslogd", "line printer", "network news", "UUCP",
		"clock", "security/authorization", "FTP", "NTP", "log audit", "log alert", "clock",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}

// SeverityNames names the severities in the same way.
func SeverityNames(short bool) []string {
	if short {
		return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
	}
	return []string{"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"}
}
