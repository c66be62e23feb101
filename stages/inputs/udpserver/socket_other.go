//go:build !linux

package udpserver

import (
	"errors"
	"net"
	"syscall"
	"time"
)

func reusePort(string, string, syscall.RawConn) error {
	return errors.New("reuse_port is supported on Linux only")
}

func grantedBuffer(*net.UDPConn) int { return 0 }

// dropCounter counts nothing where the system does not tell.
type dropCounter struct{}

func newDropCounter(*net.UDPConn) dropCounter { return dropCounter{} }

func (*dropCounter) since(time.Time) int { return 0 }
