// Package systemd tells the service manager how the program is doing.
package systemd

import (
	"fmt"
	"net"
	"os"
)

// Notify sends a state such as READY=1 to the socket in NOTIFY_SOCKET. Without one, it
// does nothing. See sd_notify(3).
func Notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}
