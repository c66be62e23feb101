package actor

// Offered returns what the program offers to its modules as a T, such as the lines of its log
// or the text of its configuration: those that report on the program and let people change
// it need more than modules know. There may be nothing of that kind, as in a test.
func Offered[T any](env Env) (T, bool) {
	for _, o := range env.node.graph.Offers {
		if t, ok := o.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}

// Tap lets somebody look at the events that pass a module.
func (v Env) Tap(o TapOptions) (*Tap, error) { return v.node.graph.Tap(o) }

// Do asks something of a module.
func (v Env) Do(c Command, id string) error { return v.node.graph.Do(c, id) }
