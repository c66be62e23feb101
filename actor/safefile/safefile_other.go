//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package safefile

import "os"

// Lock does nothing: there are no locks.
func Lock(*os.File, bool) (bool, error) { return true, nil }

// SyncDir does nothing: directories cannot be synced.
func SyncDir(string) error { return nil }
