package filesink

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// rotator moves finished files out of the way: name becomes name.1, name.1 becomes name.2
// and so on.
type rotator struct {
	keep     int  // rotated files that stay; 0 is all
	compress bool // all but the newest

	packing chan error // gets the outcome of the compression under way, if there is one
}

// shift makes room under the given name. Renaming is atomic, and the oldest goes first, so
// that an interruption loses nothing.
func (r *rotator) shift(name string) error {
	if err := r.wait(); err != nil {
		return err
	}
	newest := 0
	for r.find(name, newest+1) != "" {
		newest++
	}
	for i := newest; i >= 1; i-- {
		old := r.find(name, i)
		if r.keep > 0 && i >= r.keep {
			if err := os.Remove(old); err != nil {
				return fmt.Errorf("remove the oldest file: %w", err)
			}
			continue
		}
		if err := os.Rename(old, numbered(name, i+1)+old[len(numbered(name, i)):]); err != nil {
			return fmt.Errorf("rotate: %w", err)
		}
	}
	if err := os.Rename(name, numbered(name, 1)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rotate: %w", err)
	}
	if second := numbered(name, 2); r.compress && exists(second) {
		r.packing = make(chan error, 1)
		go func() { r.packing <- pack(second) }()
	}
	return nil
}

// find returns the name of rotated file number i, compressed or not, or "".
func (r *rotator) find(name string, i int) string {
	for _, ending := range []string{"", ".gz"} {
		if n := numbered(name, i) + ending; exists(n) {
			return n
		}
	}
	return ""
}

// wait waits for the compression that is under way.
func (r *rotator) wait() error {
	if r.packing == nil {
		return nil
	}
	err := <-r.packing
	r.packing = nil
	return err
}

func numbered(name string, i int) string { return name + "." + strconv.Itoa(i) }

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// pack compresses a file. The compressed one appears as a whole before the other goes.
func pack(name string) (err error) {
	in, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("compress a rotated file: %w", err)
	}
	defer in.Close() // it was only read
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(name+".gz.part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return fmt.Errorf("compress a rotated file: %w", err)
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err := errors.Join(err, z.Close(), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("compress %s: %w", name, errors.Join(err, os.Remove(out.Name())))
	}
	if err := os.Rename(out.Name(), name+".gz"); err != nil {
		return err
	}
	return os.Remove(name)
}
