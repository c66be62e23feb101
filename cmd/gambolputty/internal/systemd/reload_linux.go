package systemd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Reloading tells the service manager that the configuration is being read again, which ends
// with READY=1. The time is that of the clock which systemd compares it with.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return Notify(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}
