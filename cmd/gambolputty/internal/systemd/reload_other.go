//go:build !linux

package systemd

// Reloading does nothing: there is no systemd.
func Reloading() error { return nil }
