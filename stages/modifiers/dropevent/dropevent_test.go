package dropevent_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/dropevent"
)

func TestDrops(t *testing.T) {
	in := "{\"http_status\": \"304\"}\n{\"http_status\": \"200\"}\n{\"x\": 1}"
	actortest.Cases(t, dropevent.Spec, map[string]actortest.Case{
		"what matches": {Options: "filter: if $(http_status) == '304'", In: in, Want: "{\"http_status\":\"200\"}\n{\"x\":1}"},
		"everything":   {In: in, Want: ""},
		"nothing":      {Options: "sample_rate: 0", In: in, Want: "{\"http_status\":\"304\"}\n{\"http_status\":\"200\"}\n{\"x\":1}"},
	})
}
