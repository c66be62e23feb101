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
	"gambolputty/stages/misc/tarpit"
	"gambolputty/stages/modifiers/dropevent"
	"gambolputty/stages/outputs/devnullsink"
	"gambolputty/stages/outputs/filesink"
	"gambolputty/stages/outputs/loggersink"
	"gambolputty/stages/outputs/stdoutsink"
)

// All returns the modules of this build. A new module is entered here and nowhere else.
func All() []actor.Spec {
	return []actor.Spec{
		spam.Spec,
		stdin.Spec,
		tcpserver.Spec,
		udpserver.Spec,
		unixsocket.Spec,

		dropevent.Spec,

		noop.Spec,
		simplestats.Spec,
		tarpit.Spec,

		devnullsink.Spec,
		filesink.Spec,
		loggersink.Spec,
		stdoutsink.Spec,
	}
}
