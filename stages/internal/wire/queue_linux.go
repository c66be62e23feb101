package wire

import (
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// knowsQueue says that the system tells what a peer has acknowledged.
const knowsQueue = true

// queued is the number of bytes that the system of the peer has not acknowledged, SIOCOUTQ of
// tcp(7). Of a unix socket it is what the peer has not read.
func queued(raw syscall.RawConn) (n int, err error) {
	failed := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if failed != nil {
		return 0, failed
	}
	return n, err
}

// peek looks for the end of a connection without taking anything from it.
func peek(raw syscall.RawConn) (err error) {
	var b [1]byte
	failed := raw.Control(func(fd uintptr) {
		n, _, got := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case got == unix.EAGAIN, got == unix.EINTR: // nothing has come, as it should be
		case got != nil:
			err = got
		case n == 0:
			err = io.EOF
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// nap sleeps for less than a millisecond.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&t, nil) // a signal may end it early
}
