package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestEveryEventIsAnswered(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 120, time.Millisecond, time.Millisecond, []string{"10"}); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(out.String(), "| 120 | 10 |"); rows != 2 || strings.Count(out.String(), "| 120 |") != 4 {
		t.Error(out.String())
	}
	if err := run(io.Discard, 1, 0, 0, []string{"x"}); err == nil {
		t.Error("x is taken for the size of a pool")
	}
}
