package actortest

import (
	"slices"
	"testing"
)

// Same ends the test unless two lists are the same, and shows where they begin to differ:
// whole lists may be long.
func Same(t testing.TB, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Fatalf("got %d, want %d; number %d and what follows is %.40q, want %.40q", len(got), len(want), at, got[at:min(len(got), at+10)], want[at:min(len(want), at+10)])
}
