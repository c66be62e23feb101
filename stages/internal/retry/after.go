package retry

import (
	"net/http"
	"strconv"
	"time"
)

// longestPause bounds what a server may ask for.
const longestPause = 10 * time.Minute

// After reads a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3). What
// cannot be read asks for no pause.
func After(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if s, err := strconv.Atoi(header); err == nil {
		return min(time.Duration(max(0, min(s, 1<<20)))*time.Second, longestPause)
	}
	t, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(0, t.Sub(now)), longestPause)
}
