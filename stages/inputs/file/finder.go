package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// finder finds the files that the options mean.
type finder struct {
	opts    *Options
	exclude [][]string // split at slashes; a single part is for names
}

const separator = string(filepath.Separator)

func newFinder(o *Options) *finder {
	f := &finder{opts: o}
	for _, p := range o.Exclude {
		f.exclude = append(f.exclude, strings.Split(p, separator))
	}
	return f
}

// Why files cannot be read.
var (
	errMissing    = errors.New("there is no such file")
	errNotRegular = errors.New("it is no regular file")
)

// search is one look at the file system.
type search struct {
	*finder
	file    func(path string, info fs.FileInfo)
	dir     func(path string)
	problem func(path string, err error)
	found   bool
}

// find calls file for every file that is meant, dir for every directory in which there may
// be some, and problem for what cannot be read. Symbolic links to files are followed,
// those to directories only where they are named.
func (f *finder) find(file func(string, fs.FileInfo), dir func(string), problem func(string, error)) {
	s := &search{finder: f, file: file, dir: dir, problem: problem}
	if dir == nil {
		s.dir = func(string) {}
	}
	for _, p := range f.opts.Paths {
		s.path(filepath.Clean(p))
	}
}

// path looks for what one of the paths means. A file whose name looks like a pattern is
// found under its name, too.
func (s *search) path(p string) {
	info, err := os.Stat(p)
	switch {
	case err == nil && info.IsDir():
		s.list(p)
	case err == nil:
		s.dir(filepath.Dir(p))
		s.take(p, info)
	case isPattern(p):
		s.found = false
		root, parts := fixedPart(p)
		s.glob(root, parts)
		if !s.found {
			s.problem(p, errMissing)
		}
	case errors.Is(err, fs.ErrNotExist):
		s.dir(filepath.Dir(p))
		s.problem(p, errMissing)
	default:
		s.problem(p, err)
	}
}

func isPattern(p string) bool { return strings.ContainsAny(p, `*?[`) }

// fixedPart cuts a pattern into the directory in front of the first pattern, and the rest.
func fixedPart(p string) (root string, parts []string) {
	parts = strings.Split(p, separator)
	n := slices.IndexFunc(parts, isPattern)
	root = strings.Join(parts[:n], separator)
	switch {
	case n == 0:
		root = "."
	case root == "":
		root = separator
	}
	return root, parts[n:]
}

// glob walks the directories below dir that fit the first parts, for files that fit all.
func (s *search) glob(dir string, parts []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.problem(dir, err)
		}
		return
	}
	s.dir(dir)
	first, last := parts[0], len(parts) == 1
	if first == "**" && !last {
		s.globEntries(dir, entries, parts[1:]) // no directory is some, too
	}
	s.globEntries(dir, entries, parts)
}

func (s *search) globEntries(dir string, entries []fs.DirEntry, parts []string) {
	first, last := parts[0], len(parts) == 1
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case first == "**" && e.IsDir() && !hidden(e.Name()):
			s.glob(path, parts)
		case first == "**" && !last, !fits(first, e.Name()):
		case last:
			s.entry(path, e, s.opts.Recursive)
		default:
			info, err := os.Stat(path)
			if err != nil {
				continue
			}
			if info.IsDir() && parts[1] != "**" && !anyPattern(parts[1:]) {
				s.fixed(filepath.Join(append([]string{path}, parts[1:]...)...))
			} else if info.IsDir() {
				s.glob(path, parts[1:])
			}
		}
	}
}

func anyPattern(parts []string) bool { return slices.ContainsFunc(parts, isPattern) }

// fixed takes a file or a directory of which the name is known to the end.
func (s *search) fixed(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		s.dir(filepath.Dir(path))
	case info.IsDir():
		s.found = true
		s.list(path)
	default:
		s.dir(filepath.Dir(path))
		s.take(path, info)
	}
}

// list takes the files of a directory.
func (s *search) list(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.problem(dir, err)
		return
	}
	s.found = true
	s.dir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && s.opts.Recursive && !hidden(e.Name()):
			s.list(path)
		case !e.IsDir() && fits(s.opts.Pattern, e.Name()):
			s.entry(path, e, false)
		}
	}
}

// entry takes a directory entry.
func (s *search) entry(path string, e fs.DirEntry, descend bool) {
	if e.IsDir() {
		if descend {
			s.list(path)
		}
		return
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // gone meanwhile, or a link to nowhere
	case err != nil:
		s.problem(path, err)
	case !info.IsDir():
		s.take(path, info)
	}
}

func (s *search) take(path string, info fs.FileInfo) {
	s.found = true
	switch {
	case s.excluded(path):
	case !info.Mode().IsRegular():
		s.problem(path, errNotRegular)
	default:
		s.file(path, info)
	}
}

func (f *finder) excluded(path string) bool {
	for _, parts := range f.exclude {
		if len(parts) == 1 && fitsPlain(parts[0], filepath.Base(path)) {
			return true
		}
		if len(parts) > 1 && fitsParts(parts, strings.Split(path, separator)) {
			return true
		}
	}
	return false
}

// means reports whether a file that has just come into being might be meant.
func (f *finder) means(path string) bool {
	if f.excluded(path) {
		return false
	}
	parts := strings.Split(path, separator)
	for _, p := range f.opts.Paths {
		p = absolute(p)
		switch {
		case p == path:
			return true
		case isPattern(p) && (fitsParts(strings.Split(p, separator), parts) || f.opts.Recursive || !isPattern(filepath.Base(p))):
			return true
		case !fits(f.opts.Pattern, filepath.Base(path)):
		case filepath.Dir(path) == p, f.opts.Recursive && strings.HasPrefix(path, p+separator):
			return true
		}
	}
	return false
}

// absolute is a path by which the same file is found from anywhere.
func absolute(p string) string {
	if a, err := filepath.Abs(p); err == nil {
		return a
	}
	return p
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// fits matches a name as a shell does: a dot in front must be written.
func fits(pattern, name string) bool {
	if hidden(name) && !hidden(pattern) {
		return false
	}
	return fitsPlain(pattern, name) || pattern == "**"
}

func fitsPlain(pattern, name string) bool {
	ok, err := filepath.Match(pattern, name)
	return ok && err == nil
}

// fitsParts matches a path with a pattern part by part.
func fitsParts(pattern, path []string) bool {
	for len(pattern) > 0 && pattern[0] != "**" {
		if len(path) == 0 || !fitsPlain(pattern[0], path[0]) {
			return false
		}
		pattern, path = pattern[1:], path[1:]
	}
	if len(pattern) == 0 {
		return len(path) == 0
	}
	for skip := range len(path) + 1 {
		if fitsParts(pattern[1:], path[skip:]) {
			return true
		}
	}
	return false
}
