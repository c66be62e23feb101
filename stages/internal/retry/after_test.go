package retry

import (
	"testing"
	"time"
)

func TestPausesThatServersAskFor(t *testing.T) {
	now := time.Date(2015, 10, 21, 7, 28, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "99999999999": longestPause, "soon": 0, "Wed, 21 Oct 2015 07:28:30 GMT": 30 * time.Second, "Wed, 21 Oct 2015 07:00:00 GMT": 0, "Wed, 21 Oct 2099 07:00:00 GMT": longestPause,
	} {
		if got := After(text, now); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
}
