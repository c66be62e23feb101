//go:build !linux

package wire

import (
	"syscall"
	"time"
)

// knowsQueue says that the system does not tell what a peer has acknowledged. What it has taken
// counts as delivered then.
const knowsQueue = false

func queued(syscall.RawConn) (int, error) { return 0, nil }

// peek finds nothing: the reader of the connection does.
func peek(syscall.RawConn) error { return nil }

func nap(d time.Duration) { time.Sleep(d) }
