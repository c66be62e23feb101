//go:build !linux

package sniffer

import (
	"errors"
	"time"
)

// longestWait is the pause between two attempts.
const longestWait = time.Second

// capture is there on Linux only.
type capture struct{}

func openCapture(*Options) (*capture, error) {
	return nil, errors.New("packets can be captured on Linux only; pcap_file works everywhere")
}

func (*capture) next(*packet, bool) (bool, error) { return false, nil }
func (*capture) drops(time.Time) int              { return 0 }
func (*capture) lost(time.Time) bool              { return false }
func (*capture) interrupt()                       {}
func (*capture) close() error                     { return nil }
