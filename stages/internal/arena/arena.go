// Package arena puts many small texts together in few pieces of memory.
package arena

import (
	"strings"

	"gambolputty/actor/event"
)

// Arena is written to like a strings.Builder. What was written stays where it is, so that
// values may be cut out of it while it grows. It belongs to one goroutine; the values are
// good for ever.
type Arena struct{ strings.Builder }

const (
	size  = 4096
	least = 256
)

// Next makes room for a text and returns where it begins. Texts that need more room are
// fine, too.
func (a *Arena) Next() int {
	if a.Cap()-a.Len() < least {
		a.Builder = strings.Builder{}
		a.Grow(size)
	}
	return a.Len()
}

// Since is the text from a place that Next returned.
func (a *Arena) Since(begin int) event.Value { return event.String(a.String()[begin:]) }

// Add adds a text at once.
func (a *Arena) Add(text []byte) event.Value {
	begin := a.Next()
	a.Write(text)
	return a.Since(begin)
}
