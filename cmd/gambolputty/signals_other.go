//go:build !unix

package main

import "os"

// stateSignals is empty: the system has no signal for it.
var stateSignals []os.Signal

func isStateSignal(os.Signal) bool { return false }

// reloadSignals is empty: there are no others than SIGHUP.
var reloadSignals []os.Signal
