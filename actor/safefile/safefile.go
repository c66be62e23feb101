// Package safefile keeps files from harm: from a second program by locks, and from a loss of
// power by syncing directories, as far as the operating system has that.
package safefile
