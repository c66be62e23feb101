//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package disklog

import "os"

// lockFile does nothing: there are no locks.
func lockFile(*os.File) (bool, error) { return true, nil }

// syncDir does nothing: directories cannot be synced.
func syncDir(string) error { return nil }
