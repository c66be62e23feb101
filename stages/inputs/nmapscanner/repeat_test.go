package nmapscanner

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestThePauseBeginsAtTheEndOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		var starts []time.Duration
		err := repeat(ctx, 10*time.Second, func(context.Context) error {
			starts = append(starts, time.Since(begin))
			if len(starts) == 3 {
				time.AfterFunc(9*time.Second, cancel)
			}
			time.Sleep(5 * time.Second)
			return nil
		})
		if want := []time.Duration{0, 15 * time.Second, 30 * time.Second}; err != nil || !slices.Equal(starts, want) {
			t.Errorf("runs began at %v: %v", starts, err)
		}
		if took := time.Since(begin); took != 39*time.Second {
			t.Errorf("the stop was noticed after %s", took)
		}
	})
}

func TestAnErrorEndsTheRuns(t *testing.T) {
	bad := errors.New("spam")
	if err := repeat(t.Context(), time.Hour, func(context.Context) error { return bad }); !errors.Is(err, bad) {
		t.Error(err)
	}
}
