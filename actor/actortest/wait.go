package actortest

import (
	"testing"
	"time"
)

// Until polls until something is true that cannot be waited for in another way, such as the
// state of a server. Its limit is meant for a busy machine.
func Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
