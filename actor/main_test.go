package actor

import (
	"testing"

	"go.uber.org/goleak"
)

// No goroutine of the runtime may outlive its graph.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
