package math_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/math"
)

func TestCalculations(t *testing.T) {
	actortest.Cases(t, math.Spec, map[string]actortest.Case{
		"nginx": {Options: "filter: if $(server_type) == \"nginx\"\ntarget_field: request_time\nfunction: float($(request_time)) * 1000",
			In: "{\"server_type\": \"nginx\", \"request_time\": \"0.012\"}\n{\"server_type\": \"apache\", \"request_time\": \"7\"}", Want: "{\"request_time\":12.0,\"server_type\":\"nginx\"}\n{\"request_time\":\"7\",\"server_type\":\"apache\"}"},
		"as an integer": {Options: "target_field: r\nfunction: int(float($(a)) * 1000)", In: `{"a": "0.012"}`, Want: `{"a":"0.012","r":12}`},
		"missing":       {Options: "target_field: r\nfunction: $(x) + 1", In: `{"a": 1}`, Want: `{"a":1}`, Tags: "math_failure"},
		"instead":       {Options: "target_field: r\nfunction: $(x) + 1\nmissing_value: 0", In: `{"a": 1}`, Want: `{"a":1,"r":1}`},
		"wrong types":   {Options: "target_field: r\nfunction: $(a) + 1", In: `{"a": "x"}`, Want: `{"a":"x"}`, Tags: "math_failure"},
		"division by 0": {Options: "target_field: r\nfunction: 1 / $(a)", In: `{"a": 0}`, Want: `{"a":0}`, Tags: "math_failure"},
		"infinite":      {Options: "target_field: r\nfunction: 10.0 ** $(a)", In: `{"a": 400}`, Want: `{"a":400}`, Tags: "math_failure"},
		"several":       {Options: "functions: {x: $(a) * 2, y.z: $(a) / 3}\nround_to: 2", In: `{"a": 1}`, Want: `{"a":1,"x":2,"y":{"z":0.33}}`},
	})
}

func TestResultsOfAnInterval(t *testing.T) {
	in := "{\"bytes_send\": \"100\"}\n{\"bytes_send\": \"200\"}\n{\"bytes_send\": \"330\"}"
	actortest.Cases(t, math.Spec, map[string]actortest.Case{
		"average": {Options: "function: int($(bytes_send))\ninterval: 10\nresults_function: sum($(results)) / len($(results))\ntarget_field: avg_bytes", In: in,
			Want: "{\"bytes_send\":\"100\"}\n{\"bytes_send\":\"200\"}\n{\"bytes_send\":\"330\"}\n{\"avg_bytes\":210.0,\"data\":\"\"}"},
		"by group": {Options: "function: $(n)\ninterval: 10\nresults_function: max($(results))\ngroup_by: $(g)", In: "{\"g\": \"a\", \"n\": 1}\n{\"g\": \"b\", \"n\": 5}\n{\"g\": \"a\", \"n\": 3}",
			Want: "{\"g\":\"a\",\"n\":1}\n{\"g\":\"b\",\"n\":5}\n{\"g\":\"a\",\"n\":3}\n{\"data\":\"\",\"group\":\"a\",\"math_result\":3}\n{\"data\":\"\",\"group\":\"b\",\"math_result\":5}"},
		"failing": {Options: "function: $(n)\ninterval: 10\nresults_function: sum($(results)) / 0", In: `{"n": 1}`, Want: `{"n":1}`},
	})
	var in2 []string
	for range 1000 {
		in2 = append(in2, "")
	}
	events := actortest.Events(in2...)
	out := actortest.Batches(t, math.Spec, "function: '1'\ninterval: 10\nresults_function: len($(r))\npool_size: 4", events[:300], events[300:600], events[600:])
	last := out[len(out)-1]
	if actortest.JSON(last) != `{"data":"","math_result":1000}` || last.Type() != "math" || !strings.Contains(actortest.Whole(last), `"source_module":"Math"`) {
		t.Error(actortest.Whole(last))
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, math.Spec, map[string]string{
		"": "function", "function: 1 +": "E041", "function: os.system('x')": "os", "function: '1'\ninterval: 10": "results_function", "function: '1'\ninterval: 0\nresults_function: '1'": "above 0",
		"function: '1'\nfunctions: {a: '1'}": "together", "function: x * 2": "$(x)",
	})
}
