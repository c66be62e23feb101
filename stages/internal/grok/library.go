// Package grok knows regular expressions by name, so that %{IP:client} may stand in a
// pattern for an address that becomes the field client.
package grok

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

//go:embed patterns/*.txt
var files embed.FS

// longestLine bounds a line of a pattern file, in bytes.
const longestLine = 64 << 10

// Library is a set of named expressions. It is immutable and safe for concurrent use.
type Library struct {
	patterns map[string]string
	settled  map[string]bool // names that later directories do not change
}

// Builtin returns the expressions that come with the program: those of Logstash, with the
// field names that it had before the Elastic Common Schema.
func Builtin() *Library { return builtin() }

var builtin = sync.OnceValue(func() *Library {
	dir, err := fs.Sub(files, "patterns")
	if err != nil {
		panic("grok: " + err.Error()) // the files are part of the program
	}
	patterns := map[string]string{}
	if err := readDir(patterns, dir, ""); err != nil {
		panic("grok: " + err.Error())
	}
	return &Library{patterns: patterns}
})

// With returns the library with further definitions. They win over all others, also over
// those of directories that are added later.
func (l *Library) With(definitions map[string]string) *Library {
	if len(definitions) == 0 {
		return l
	}
	c := l.clone()
	for name, pattern := range definitions {
		c.patterns[name], c.settled[name] = pattern, true
	}
	return c
}

// AddDir returns the library with the expressions of all files in a directory, but not of
// hidden files and of directories in it. They win over those that are built in, while a
// directory that was added before wins over this one. A line of a file is a name, blanks
// and an expression, is empty, or is a comment that begins with #. The error names file
// and line.
func (l *Library) AddDir(dir string) (*Library, error) {
	added := map[string]string{}
	if err := readDir(added, os.DirFS(dir), dir); err != nil {
		return nil, err
	}
	c := l.clone()
	for name, pattern := range added {
		if !c.settled[name] {
			c.patterns[name], c.settled[name] = pattern, true
		}
	}
	return c, nil
}

// Names lists the names of all expressions, in no order.
func (l *Library) Names() []string {
	names := make([]string, 0, len(l.patterns))
	for name := range l.patterns {
		names = append(names, name)
	}
	return names
}

func (l *Library) clone() *Library {
	c := &Library{maps.Clone(l.patterns), map[string]bool{}}
	maps.Copy(c.settled, l.settled)
	return c
}

// readDir reads the files of a directory, which errors call by the given name.
func readDir(patterns map[string]string, dir fs.FS, name string) error {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return fmt.Errorf("read patterns of %s: %w", name, err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := readFile(patterns, dir, e.Name(), filepath.Join(name, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func readFile(patterns map[string]string, dir fs.FS, file, name string) error {
	f, err := dir.Open(file)
	if err != nil {
		return fmt.Errorf("read patterns of %s: %w", name, err)
	}
	defer f.Close() // it was only read
	return read(patterns, f, name)
}

// definition is a line of a pattern file. Blanks at its end belong to the expression.
var definition = regexp.MustCompile(`^\s*(\d*[A-Za-z_][\w-]*)[ \t]+(\S.*)$`)

func read(patterns map[string]string, r io.Reader, name string) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	n := 1
	for ; lines.Scan(); n++ {
		text := lines.Text()
		if start := strings.TrimSpace(text); start == "" || start[0] == '#' {
			continue
		}
		m := definition.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("%s:%d: a line must be a name and an expression, got %q", name, n, text[:min(len(text), 60)])
		}
		patterns[m[1]] = m[2]
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, n, err)
	}
	return nil
}
