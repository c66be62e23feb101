package logging

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestALevelHoldsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Levels
		a, b := l.Of("a", slog.LevelInfo), l.Of("b", slog.LevelWarn)
		want := func(wantA, wantB slog.Level) {
			t.Helper()
			synctest.Wait()
			if a.Level() != wantA || b.Level() != wantB {
				t.Errorf("a is %v and b is %v", a.Level(), b.Level())
			}
		}
		want(slog.LevelInfo, slog.LevelWarn)
		l.Set("a", slog.LevelDebug, time.Minute)
		want(slog.LevelDebug, slog.LevelWarn)
		l.Set("", slog.LevelError, time.Hour)
		want(slog.LevelDebug, slog.LevelError)
		time.Sleep(30 * time.Second) // in no time, as the clock is that of the test
		l.Set("a", slog.LevelDebug, time.Minute)
		time.Sleep(40 * time.Second)
		want(slog.LevelDebug, slog.LevelError)
		time.Sleep(30 * time.Second)
		want(slog.LevelError, slog.LevelError)
		l.Set("", 0, 0)
		want(slog.LevelInfo, slog.LevelWarn)
	})
}
