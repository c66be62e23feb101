package noop_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/misc/noop"
)

func TestTheOptionsOfEveryModule(t *testing.T) {
	actortest.Cases(t, noop.Spec, map[string]actortest.Case{
		"nothing":            {In: `{"a": 1}`, Want: `{"a":1}`},
		"fields and type":    {Options: "add_fields: {c: '$(a)-$(b)', n: 5}\ndelete_fields: [a]\nevent_type: t_$(c)", In: `{"data": "x", "a": "1", "b": "2"}`, Want: `{"b":"2","c":"1-2","data":"x","n":5}`, Type: "t_1-2"},
		"the rename idiom":   {Options: "add_fields: {new: $(old)}\ndelete_fields: old", In: `{"old": "x"}`, Want: `{"new":"x"}`},
		"copy and rename":    {Options: "copy_fields: {b: a}\nrename_fields: {a: c.d}", In: `{"a": 5}`, Want: `{"b":5,"c":{"d":5}}`},
		"a parent is text":   {Options: "add_fields: {a.b: x, c: y}", In: `{"a": "text"}`, Want: `{"a":"text","c":"y"}`},
		"one field missing":  {Options: "add_fields: {x: '$(nope)', y: '$(a)'}", In: `{"a": 1}`, Want: `{"a":1,"x":"$(nope)","y":"1"}`},
		"dynamic names":      {Options: "add_fields: {'$(k)_x': [1, '$(a)', {z: '$(k)'}]}", In: `{"a": 1, "k": "n"}`, Want: `{"a":1,"k":"n","n_x":[1,"1",{"z":"n"}]}`},
		"type stays":         {Options: "event_type: web_$(nope)", In: `{"gambolputty": {"event_type": "old"}}`, Want: `{}`, Type: "old"},
		"no match no action": {Options: "filter: $(a) == 2\nadd_fields: {x: y}", In: `{"a": 1}`, Want: `{"a":1}`},
		"list items":         {Options: "delete_fields: [l.0, 'm.$(k)']", In: `{"l": [1, 2], "k": "x", "m": {"x": 1, "y": 2}}`, Want: `{"k":"x","l":[2],"m":{"y":2}}`},
	})
}

func TestAssertionsAndTheLog(t *testing.T) {
	out := actortest.Process(t, noop.Spec, "assert: $(count) > 0", actortest.Event(t, `{"count": 1}`), actortest.Event(t, `{"count": 0}`))
	if a, b := actortest.Tags(out[0]), actortest.Tags(out[1]); a != "" || b != "noop_failure" {
		t.Errorf("tags %q and %q", a, b)
	}
	feed := make(chan string, 1)
	feed <- "parrot"
	close(feed)
	r := actortest.Start(t, "- Lines\n- Noop:\n    log: true\n- TestCatch\n", noop.Spec, actortest.Lines(feed))
	r.Finish()
	if !strings.Contains(r.Log(), "events pass") || !strings.Contains(r.Log(), "parrot") {
		t.Errorf("log: %s", r.Log())
	}
	actortest.Wrong(t, noop.Spec, map[string]string{"assert: '1 +'": "E029"})
}
