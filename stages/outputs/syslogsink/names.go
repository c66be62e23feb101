package syslogsink

import (
	"slices"
	"strings"

	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/syslog"
)

// severities are the names in messages, in the order of their numbers.
var severities = syslog.SeverityNames(true)

// facilities are the names that may be given. Those in the middle, which have no common name,
// can be given as numbers.
func facilities() []string {
	var list []string
	for _, name := range syslog.Facilities(true) {
		switch name {
		case "auth":
			list = append(list, "auth", "security")
		case "ntp", "audit", "alert", "clock":
		default:
			list = append(list, name)
		}
	}
	return list
}

func facilityNumber(name string) (int, bool) {
	name = strings.ToLower(name)
	if name == "security" {
		name = "auth"
	}
	if n := slices.Index(syslog.Facilities(true), name); n >= 0 && slices.Contains(facilities(), name) {
		return n, true
	}
	for n, long := range syslog.Facilities(false) { // as SyslogParser writes them; of two with one name it is the first
		if strings.EqualFold(long, name) {
			return n, true
		}
	}
	return number(name, len(syslog.Facilities(true))-1)
}

// severityNumber knows the short names, the long ones that SyslogParser writes, and the old
// ones of syslog.h.
func severityNumber(name string) (int, bool) {
	if len(name) == 1 {
		return number(name, len(severities)-1)
	}
	for _, list := range [][]string{severities, syslog.SeverityNames(false), {"panic", "", "critical", "error", "warn", "", "information"}} {
		for n, s := range list {
			if s != "" && strings.EqualFold(s, name) {
				return n, true
			}
		}
	}
	return 0, false
}

// code is a facility or a severity: a name, a number, or a dynamic string that gives one.
type code struct{ expr.Template }

// DecodeOption reads the text of whatever was written.
func (c *code) DecodeOption(v *option.Value) (err error) {
	if v.Kind != option.String && v.Kind != option.Integer {
		return v.Wrong("name or number")
	}
	if c.Template, err = expr.ParseTemplate(v.Text); err != nil {
		return expr.Place(err, v)
	}
	return nil
}
