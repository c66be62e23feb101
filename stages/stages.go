// Package stages lists the modules of this build.
package stages

import (
	"gambolputty/actor"
	"gambolputty/stages/inputs/file"
	"gambolputty/stages/inputs/httpserver"
	"gambolputty/stages/inputs/kafka"
	"gambolputty/stages/inputs/redischannel"
	"gambolputty/stages/inputs/redislist"
	"gambolputty/stages/inputs/spam"
	"gambolputty/stages/inputs/stdin"
	"gambolputty/stages/inputs/tcpserver"
	"gambolputty/stages/inputs/udpserver"
	"gambolputty/stages/inputs/unixsocket"
	"gambolputty/stages/misc/eventbuffer"
	"gambolputty/stages/misc/facet"
	"gambolputty/stages/misc/keyvaluestore"
	"gambolputty/stages/misc/metrics"
	"gambolputty/stages/misc/noop"
	"gambolputty/stages/misc/redisstore"
	"gambolputty/stages/misc/simplestats"
	"gambolputty/stages/misc/statistics"
	"gambolputty/stages/misc/tarpit"
	"gambolputty/stages/misc/throttle"
	"gambolputty/stages/modifiers/adddatetime"
	"gambolputty/stages/modifiers/adddnslookup"
	"gambolputty/stages/modifiers/addgeoinfo"
	"gambolputty/stages/modifiers/dropevent"
	"gambolputty/stages/modifiers/execpython"
	"gambolputty/stages/modifiers/httprequest"
	"gambolputty/stages/modifiers/math"
	"gambolputty/stages/modifiers/mergeevent"
	"gambolputty/stages/modifiers/modifyfields"
	"gambolputty/stages/modifiers/permutate"
	"gambolputty/stages/outputs/devnullsink"
	"gambolputty/stages/outputs/elasticsearchsink"
	"gambolputty/stages/outputs/filesink"
	"gambolputty/stages/outputs/httpsink"
	"gambolputty/stages/outputs/kafkasink"
	"gambolputty/stages/outputs/loggersink"
	"gambolputty/stages/outputs/redischannelsink"
	"gambolputty/stages/outputs/redislistsink"
	"gambolputty/stages/outputs/stdoutsink"
	"gambolputty/stages/outputs/syslogsink"
	"gambolputty/stages/outputs/tcpsink"
	"gambolputty/stages/outputs/udpsink"
	"gambolputty/stages/parsers/base64parser"
	"gambolputty/stages/parsers/collectdparser"
	"gambolputty/stages/parsers/csvparser"
	"gambolputty/stages/parsers/datetimeparser"
	"gambolputty/stages/parsers/domainnameparser"
	"gambolputty/stages/parsers/encodingparser"
	"gambolputty/stages/parsers/inflateparser"
	"gambolputty/stages/parsers/jsonparser"
	"gambolputty/stages/parsers/lineparser"
	"gambolputty/stages/parsers/msgpackparser"
	"gambolputty/stages/parsers/netflowparser"
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
		httpserver.Spec,
		kafka.Spec,
		file.Spec,
		redischannel.Spec,
		redislist.Spec,
		spam.Spec,
		stdin.Spec,
		tcpserver.Spec,
		udpserver.Spec,
		unixsocket.Spec,

		base64parser.Spec,
		collectdparser.Spec,
		csvparser.Spec,
		datetimeparser.Spec,
		domainnameparser.Spec,
		encodingparser.Spec,
		inflateparser.Spec,
		jsonparser.Spec,
		lineparser.Spec,
		msgpackparser.Spec,
		netflowparser.Spec,
		regexparser.Spec,
		syslogparser.Spec,
		syslogprivalparser.Spec,
		urlparser.Spec,
		useragentparser.Spec,
		xpathparser.Spec,

		adddatetime.Spec,
		adddnslookup.Spec,
		addgeoinfo.Spec,
		dropevent.Spec,
		httprequest.Spec,
		execpython.Spec,
		math.Spec,
		mergeevent.Spec,
		modifyfields.Spec,
		permutate.Spec,

		facet.Spec,
		metrics.Spec,
		noop.Spec,
		simplestats.Spec,
		statistics.Spec,
		tarpit.Spec,
		throttle.Spec,

		devnullsink.Spec,
		elasticsearchsink.Spec,
		elasticsearchsink.Multiple,
		filesink.Spec,
		httpsink.Spec,
		kafkasink.Spec,
		loggersink.Spec,
		redischannelsink.Spec,
		redislistsink.Spec,
		stdoutsink.Spec,
		syslogsink.Spec,
		tcpsink.Spec,
		udpsink.Spec,

		eventbuffer.Spec,
		keyvaluestore.Spec,
		redisstore.Spec,
	}
}
