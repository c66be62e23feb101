package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"gambolputty/actor"
)

// readOnce reads all files in the order of their names.
func (s *source) readOnce(ctx context.Context, out *actor.Outlet) error {
	r, err := newReader(s, out)
	if err != nil {
		return err
	}
	var errs []error
	files := map[string]fileID{}
	problem := func(path string, err error) {
		s.env.Log.Warn("file is skipped", "path", path, "error", err)
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	s.finder.find(func(path string, info fs.FileInfo) {
		if reason := s.opts.unwanted(info); reason != "" {
			s.env.Log.Info("file is left out", "path", path, "reason", reason)
			return
		}
		files[path] = idOf(path, info)
	}, nil, problem)
	var order []string
	for path := range files {
		order = append(order, path)
	}
	slices.Sort(order)
	done := map[fileID]bool{}
	for _, path := range order {
		if ctx.Err() != nil {
			break
		}
		if done[files[path]] {
			continue // another name of the same file
		}
		done[files[path]] = true
		if hard, err := r.whole(ctx, path); hard {
			return err
		} else if err != nil {
			s.env.Log.Error("file was not read", "path", path, "error", err)
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	if ctx.Err() != nil || len(errs) == 0 {
		return nil
	}
	return actor.Final(errors.Join(errs...))
}

// unwanted says why a file is left out.
func (o *Options) unwanted(info fs.FileInfo) string {
	switch {
	case o.SizeLimit > 0 && info.Size() > int64(o.SizeLimit):
		return "it is larger than size_limit"
	case o.IgnoreEmpty && info.Size() == 0:
		return "it is empty"
	}
	return ""
}

// whole reads a file to its end. hard says that the program is being stopped by force.
func (r *reader) whole(ctx context.Context, path string) (hard bool, err error) {
	f, err := openFile(path)
	if err != nil {
		return false, err
	}
	t := newTail(path, 0, head{})
	t.flush = flushFinal
	t.src = newContent(f, path)
	defer t.closeFile()
	for {
		if err := r.turn(ctx, t); err != nil {
			return true, err
		}
		if t.err != nil || !t.more || ctx.Err() != nil {
			return false, t.err
		}
	}
}
