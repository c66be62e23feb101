package execpython_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/execpython"
)

// BenchmarkPrograms measures programs on lines of an access log.
func BenchmarkPrograms(b *testing.B) {
	const line = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /wiki/Monty_Python/?spanish=inquisition&x=1&x=2 HTTP/1.0" 200 3395`
	for _, c := range []struct{ name, program string }{
		{"number", "event['request_time'] = math.ceil(0.0123 * len(event['data']))"},
		{"branches", "status = 200\nif 100 <= status < 300 and event['data'] != 'GET':\n    event['class'] = 'ok'\nelse:\n    event['class'] = 'nok'"},
		{"text", "event['first'] = event['data'].split(' ', 1)[0].lower().strip()"},
		{"loop", "n = 0\nfor i in range(100):\n    if i % 2:\n        n += i\nevent['n'] = n"},
		{"pattern", "m = re.search(r'\"(\\w+) (\\S+)', event['data'])\nevent['path'] = m.group(2)"},
	} {
		b.Run(c.name, func(b *testing.B) { actortest.Bench(b, execpython.Spec, block("source", c.program), line) })
	}
}
