package library

import (
	"fmt"

	"go.starlark.net/starlark"
)

// object is what values of our own have in common.
type object struct{ kind string }

// String is a stand-in for what has no text.
func (o object) String() string { return "<" + o.kind + ">" }

// Type is the name of the type.
func (o object) Type() string { return o.kind }

// Freeze does nothing.
func (object) Freeze() {}

// Truth is true.
func (object) Truth() starlark.Bool { return true }

// Hash refuses.
func (o object) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", o.kind) }
