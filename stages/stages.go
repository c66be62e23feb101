// Package stages lists the modules of this build.
package stages

import (
	"gambolputty/actor"
	"gambolputty/stages/inputs/spam"
	"gambolputty/stages/inputs/stdin"
	"gambolputty/stages/inputs/tcpserver"
	"gambolputty/stages/inputs/udpserver"
	"gambolputty/stages/inputs/unixsocket"
	"gambolputty/stages/misc/noop"
	"gambolputty/stages/misc/simplestats"
	"gambolputty/stages/misc/statistics"
	"gambolputty/stages/misc/tarpit"
	"gambolputty/stages/modifiers/adddatetime"
	"gambolputty/stages/modifiers/addgeoinfo"
	"gambolputty/stages/modifiers/dropevent"
	"gambolputty/stages/modifiers/execpython"
	"gambolputty/stages/modifiers/math"
	"gambolputty/stages/modifiers/modifyfields"
	"gambolputty/stages/modifiers/permutate"
	"gambolputty/stages/outputs/devnullsink"
	"gambolputty/stages/outputs/filesink"
	"gambolputty/stages/outputs/loggersink"
	"gambolputty/stages/outputs/stdoutsink"
	"gambolputty/stages/parsers/csvparser"
	"gambolputty/stages/parsers/jsonparser"
	"gambolputty/stages/parsers/lineparser"
	"gambolputty/stages/parsers/msgpackparser"
	"gambolputty/stages/parsers/regexparser"
	"gambolputty/stages/parsers/syslogparser"
	"gambolputty/stages/parsers/syslogprivalparser"
	"gambolputty/stages/parsers/urlparser"
	"gambolputty/stages/parsers/useragentparser"
	"gambolputty/stages/parsers/xpathparser"
)

// All returns the modules of this build. A new module is entered here and nowhere else.
func All() []actor.Spec {
	return []actor.Spec{
		spam.Spec,
		stdin.Spec,
		tcpserver.Spec,
		udpserver.Spec,
		unixsocket.Spec,

		csvparser.Spec,
		jsonparser.Spec,
		lineparser.Spec,
		msgpackparser.Spec,
		regexparser.Spec,
		syslogparser.Spec,
		syslogprivalparser.Spec,
		urlparser.Spec,
		useragentparser.Spec,
		xpathparser.Spec,

		adddatetime.Spec,
		addgeoinfo.Spec,
		dropevent.Spec,
		execpython.Spec,
		math.Spec,
		modifyfields.Spec,
		permutate.Spec,

		noop.Spec,
		simplestats.Spec,
		statistics.Spec,
		tarpit.Spec,

		devnullsink.Spec,
		filesink.Spec,
		loggersink.Spec,
		stdoutsink.Spec,
	}
}
