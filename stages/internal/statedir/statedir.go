// Package statedir knows where the program keeps what must outlive it.
package statedir

import (
	"os"
	"path/filepath"
)

const name = "gambolputty"

// Find returns the directory that systemd gives the program (StateDirectory=), /var/lib for
// root, and the place of the XDG Base Directory specification for others. It need not be
// there.
func Find() (string, error) {
	if dirs := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); len(dirs) > 0 && dirs[0] != "" {
		return dirs[0], nil
	}
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib", name), nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", name), nil
}
