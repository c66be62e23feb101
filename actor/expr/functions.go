package expr

import (
	"fmt"

	"gambolputty/actor/event"
)

// Functions lists what Function knows, in no order.
func Functions() []string {
	var names []string
	for name := range calcFunctions {
		names = append(names, name)
	}
	return append(names, "round")
}

// Function calls a function of calculations, such as math.sqrt or round, for those who have
// another language around it. As in calculations wrong types are errors.
func Function(name string, args ...event.Value) (event.Value, error) {
	a, known := calcFunctions[name]
	if name == "round" {
		a, known = functions[name], true
	}
	if !known {
		return event.Null, fmt.Errorf("unknown function %s", name)
	}
	if len(args) < a.min || len(args) > a.max {
		return event.Null, fmt.Errorf("takes %s, got %d", a, len(args))
	}
	var room [2]val
	vals := room[:0]
	for _, v := range args {
		vals = append(vals, of(v))
	}
	x, err := strictCall(nil, name, vals)
	if err != nil {
		return event.Null, err
	}
	return x.Value, nil
}
