//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package safefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"gambolputty/actor/safefile"
)

func TestOneLockAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	if free, err := safefile.Lock(first, true); !free || err != nil {
		t.Fatalf("the first lock: %t %v", free, err)
	}
	if free, err := safefile.Lock(second, false); free || err != nil {
		t.Errorf("a second lock: %t %v", free, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if free, err := safefile.Lock(second, false); !free || err != nil {
		t.Errorf("a lock after the first: %t %v", free, err)
	}
}

func TestADirectoryCanBeSynced(t *testing.T) {
	dir := t.TempDir()
	if err := safefile.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := safefile.SyncDir(filepath.Join(dir, "missing")); err == nil {
		t.Error("a directory that is not there was synced")
	}
}
