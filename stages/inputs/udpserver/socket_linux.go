package udpserver

import (
	"bufio"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// soReusePort is SO_REUSEPORT of Linux, which package syscall does not name.
const soReusePort = 15

// reusePort lets other sockets share the port.
func reusePort(_, _ string, c syscall.RawConn) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1) }); err != nil {
		return err
	}
	return failed
}

// grantedBuffer is the receive buffer in bytes that the kernel really uses.
func grantedBuffer(conn *net.UDPConn) (size int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	if err := raw.Control(func(fd uintptr) {
		size, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	}); err != nil {
		return 0
	}
	return size
}

// dropCounter follows the number of datagrams that the kernel dropped for one socket, as
// /proc/net/udp shows it (proc_net_udp in the documentation of the kernel).
type dropCounter struct {
	inode string
	next  time.Time
	seen  int
}

const dropInterval = time.Minute

func newDropCounter(conn *net.UDPConn) dropCounter {
	raw, err := conn.SyscallConn()
	if err != nil {
		return dropCounter{}
	}
	var st syscall.Stat_t
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Fstat(int(fd), &st) }); err != nil || failed != nil {
		return dropCounter{}
	}
	return dropCounter{inode: strconv.FormatUint(st.Ino, 10)}
}

// since returns the drops since the last look, at most once a minute.
func (d *dropCounter) since(now time.Time) int {
	if d.inode == "" || now.Before(d.next) {
		return 0
	}
	d.next = now.Add(dropInterval)
	total := dropsOf(d.inode, "/proc/net/udp") + dropsOf(d.inode, "/proc/net/udp6")
	n := total - d.seen
	d.seen = total
	return n
}

// dropsOf finds the line of a socket; the inode is its tenth column, the drops are its
// last.
func dropsOf(inode, path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) < 13 || columns[9] != inode {
			continue
		}
		n, err := strconv.Atoi(columns[len(columns)-1])
		if err == nil {
			return n
		}
	}
	return 0
}
