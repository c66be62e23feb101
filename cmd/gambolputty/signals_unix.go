//go:build unix

package main

import (
	"os"
	"syscall"
)

// stateSignals make the program log its state.
var stateSignals = []os.Signal{syscall.SIGUSR1}

func isStateSignal(s os.Signal) bool { return s == syscall.SIGUSR1 }

// reloadSignals make the program read its configuration again, beside SIGHUP. SIGALRM is the
// one that the Python program listened to.
var reloadSignals = []os.Signal{syscall.SIGALRM}
