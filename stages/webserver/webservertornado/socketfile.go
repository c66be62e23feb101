package webservertornado

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"
)

const (
	// socketPrefix marks an interface that is the path of a Unix socket.
	socketPrefix = "unix:"
	// longestPath is what fits into the address of a socket on Linux.
	longestPath = 107
	// socketMode lets owner and group in.
	socketMode = 0o660
)

// socket is the path of the Unix socket to listen on, if it is to be one.
func (o *Options) socket() (path string, ok bool) {
	if o.Interface == nil {
		return "", false
	}
	return strings.CutPrefix(*o.Interface, socketPrefix)
}

// socketFile is a Unix socket with the file that stands for it.
type socketFile struct {
	*net.UnixListener
	path string
	made fs.FileInfo
}

// makeSocket listens on a Unix socket. A file that somebody who is gone has left is replaced.
func makeSocket(ctx context.Context, path string) (*socketFile, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make the socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // it may be that of a successor by then
	s := &socketFile{UnixListener: l, path: path}
	if err = os.Chmod(path, socketMode); err == nil {
		s.made, err = os.Lstat(path)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("set who may use the socket: %w", err)
	}
	return s, nil
}

func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the socket: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s exists and is no socket", path)
	}
	d := net.Dialer{Timeout: time.Second}
	if c, err := d.DialContext(ctx, "unix", path); err == nil {
		c.Close()
		return fmt.Errorf("another process listens on %s", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove what is left of the socket: %w", err)
	}
	return nil
}

// remove removes the file, if it is still the one that was made.
func (s *socketFile) remove() {
	if s == nil {
		return
	}
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
		os.Remove(s.path) // the next start replaces what is left
	}
}
