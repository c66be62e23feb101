//go:build !unix

package pack

import "syscall"

// shareAddress leaves the socket as it is.
func shareAddress(string, string, syscall.RawConn) error { return nil }
