package file_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/file"
)

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCatReadsLinesAndWholeFiles(t *testing.T) {
	long := strings.Repeat("0123456789", 60_000)
	cases := map[string]struct {
		options, in string
		want        []string
	}{
		"FILE-1 a file is an event":     {"", "one\r\ntwo\n\nthree", []string{"one\r\ntwo\n\nthree"}},
		"FILE-1 lines without ends":     {"line_by_line: True", "one\r\ntwo\n\nthree", []string{"one", "two", "", "three"}},
		"FILE-6 the last line":          {"line_by_line: True", "a\nb", []string{"a", "b"}},
		"an empty file":                 {"", "", []string{""}},
		"an empty file left out":        {"ignore_empty: True", "", []string{}},
		"no line in an empty file":      {"line_by_line: True", "", []string{}},
		"size_limit":                    {"size_limit: 3", "four", []string{}},
		"size_limit met":                {"size_limit: 4", "four", []string{"four"}},
		"long lines split":              {"line_by_line: True\nmax_line_length: 3", "abcdefgh\nij\n", []string{"abc", "def", "gh", "ij"}},
		"long lines truncated":          {"line_by_line: True\nmax_line_length: 3\nlong_line_action: truncate", "abcdefgh\nij\n", []string{"abc", "ij"}},
		"long lines dropped":            {"line_by_line: True\nmax_line_length: 3\nlong_line_action: drop", "ij\nabcdefgh\nkl", []string{"ij", "kl"}},
		"a long end is dropped":         {"line_by_line: True\nmax_line_length: 3\nlong_line_action: drop", "ij\nabcdefgh", []string{"ij"}},
		"exactly the limit":             {"line_by_line: True\nmax_line_length: 3", "abc\ndef", []string{"abc", "def"}},
		"no character is torn apart":    {"line_by_line: True\nmax_line_length: 4", "ab\u20accd\n", []string{"ab", "\u20acc", "d"}},
		"long whole files":              {"max_line_length: 3", "abcdefgh", []string{"abc", "def", "gh"}},
		"long whole files truncated":    {"max_line_length: 3\nlong_line_action: truncate", "abcdefgh", []string{"abc"}},
		"lines longer than a read":      {"line_by_line: True", long + "\nx\n" + long, []string{long, "x", long}},
		"whole files longer than reads": {"", long, []string{long}},
		"continued lines":               {"line_by_line: True\nmultiline_regex_before: '^\\s'", "a\n b\n\tc\nd\ne\n f", []string{"a\n b\n\tc", "d", "e\n f"}},
		"lines that go on":              {"line_by_line: True\nmultiline_regex_after: '\\\\$'", "a\\\r\nb\\\nc\nd\n", []string{"a\\\r\nb\\\nc", "d"}},
		"most lines of an event":        {"line_by_line: True\nmultiline_regex_before: '^ '\nmultiline_max_lines: 2", "a\n b\n c\n d\ne", []string{"a\n b", " c\n d", "e"}},
		"most bytes of an event":        {"line_by_line: True\nmultiline_regex_before: '^ '\nmax_line_length: 5", "a\n b\n c\nd\n 345678", []string{"a\n b", " c", "d", " 3456", "78"}},
		"wrong bytes":                   {"line_by_line: True", "a\xffb\ngr\u00fcn\n", []string{"a\ufffdb", "gr\u00fcn"}},
		"binary":                        {"encoding: binary", "a\xff\x00b", []string{"a\xff\x00b"}},
		"latin":                         {"line_by_line: True\nencoding: latin-1", "gr\xfcn\nx", []string{"gr\u00fcn", "x"}},
		"UTF-16 with a mark":            {"line_by_line: True\nencoding: utf_16", "\xff\xfea\x00\r\x00\n\x00\x0a\x0a\n\x00b\x00", []string{"a", "\u0a0a", "b"}},
		"UTF-16 the other way":          {"line_by_line: True\nencoding: utf_16", "\xfe\xff\x00a\x00\n\x0a\x00\x00b\x00\n", []string{"a", "\u0a00b"}},
		"UTF-16 without a mark":         {"line_by_line: True\nencoding: utf_16_be", "\x00a\x00\n\x00b", []string{"a", "b"}},
		"UTF-32":                        {"encoding: utf_32", "\xff\xfe\x00\x00a\x00\x00\x00\n\x00\x00\x00", []string{"a\n"}},
		"UTF-8 with a mark":             {"line_by_line: True\nencoding: utf-8-sig", "\xef\xbb\xbfa\nb", []string{"a", "b"}},
		"EBCDIC":                        {"line_by_line: True\nencoding: cp037", "\x81\x25\x82\x25", []string{"a", "b"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "in.log"), c.in)
			for kind, content := range map[string]string{"": c.in, ".gz": packed(t, c.in)} {
				if kind == ".gz" && strings.Contains(c.options, "size_limit") || strings.Contains(c.options, "ignore_empty") {
					continue
				}
				write(t, path+kind, content)
				out := actortest.Source(t, file.Spec, "paths: "+path+kind+"\n"+c.options).Finish()
				if got := actortest.Texts(out); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
					t.Errorf("%s got %.300q", kind, got)
				}
			}
		})
	}
}

func TestCatFindsFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.log", "a.log", "c.txt", ".hidden.log", "sub/d.log", "sub/deep/e.log", "other/f.log", "[x].log"} {
		write(t, filepath.Join(dir, name), name)
	}
	if err := os.Symlink("b.log", filepath.Join(dir, "link.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(dir, "sub", "round")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "broken.log")); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		options string
		want    string
	}{
		"FILE-2 sorted":            {"paths: [DIR/b.log, DIR/a.log]", "a.log b.log"},
		"a directory":              {"paths: DIR\npattern: '*.log'", "[x].log a.log b.log"},
		"all of a directory":       {"paths: DIR/", "[x].log a.log b.log c.txt"},
		"recursive":                {"paths: DIR\nrecursive: True\npattern: '*.log'", "[x].log a.log b.log other/f.log sub/d.log sub/deep/e.log"},
		"FILE-9 a pattern":         {"paths: DIR/*.log", "[x].log a.log b.log"},
		"FILE-9 any depth":         {"paths: DIR/**/*.log", "[x].log a.log b.log other/f.log sub/d.log sub/deep/e.log"},
		"FILE-9 depth in between":  {"paths: DIR/**/deep/*.log", "sub/deep/e.log"},
		"FILE-9 everything below":  {"paths: DIR/sub/**", "sub/d.log sub/deep/e.log"},
		"FILE-9 directories":       {"paths: DIR/*/deep", "sub/deep/e.log"},
		"FILE-9 exclude a name":    {"paths: DIR\nexclude: ['[ab].log', link.log, '*.txt']", "[x].log"},
		"FILE-9 exclude a path":    {"paths: DIR/**/*.log\nexclude: ['**/sub/**', DIR/other/f.log, 'link.log']", "[x].log a.log b.log"},
		"FILE-9 hidden files":      {"paths: DIR/.*.log", ".hidden.log"},
		"a name like a pattern":    {"paths: 'DIR/[x].log'", "[x].log"},
		"two names for a file":     {"paths: [DIR/link.log, DIR/b.log]", "b.log"},
		"a link":                   {"paths: DIR/link.log", "b.log"},
		"through a link, as named": {"paths: DIR/sub/round/a.log", "a.log"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out := actortest.Source(t, file.Spec, strings.ReplaceAll(c.options, "DIR", dir)).Finish()
			if got := strings.Join(actortest.Texts(out), " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestCatTellsWhereEventsComeFrom(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "in.log"), "one\ntwo\n")
	out := actortest.Source(t, file.Spec, "paths: "+path+"\nline_by_line: True\noffset_field: file.offset").Finish()
	host, _ := os.Hostname()
	if got, want := actortest.JSON(out[1]), `{"data":"two","file":{"offset":4},"filename":"`+path+`"}`; got != want {
		t.Errorf("got %s", got)
	}
	if got := actortest.Meta(out[0], "received_from"); got != "file://"+host {
		t.Errorf("received_from is %s", got)
	}
	if got := actortest.Meta(out[0], "source_module"); got != "File" {
		t.Errorf("source_module is %s", got)
	}
}

// IN-10 and the faults of File: the rest is read, and the run fails in the end.
func TestCatReadsOnAfterAFaultAndFails(t *testing.T) {
	dir := t.TempDir()
	ok := write(t, filepath.Join(dir, "z.log"), "text")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	torn := packed(t, strings.Repeat("line\n", 10_000))
	write(t, filepath.Join(dir, "torn.gz"), torn[:len(torn)-20])
	write(t, filepath.Join(dir, "bad.gz"), "this is not packed")
	cases := map[string]struct{ path, problem string }{
		"a missing path":         {"missing.log", "there is no such file"},
		"a pattern without file": {"*.missing", "there is no such file"},
		"a pipe":                 {"pipe", "it is no regular file"},
		"a torn gzip file":       {"torn.gz", "the gzip file is not complete"},
		"no gzip file":           {"bad.gz", "unpack"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, file.Spec, fmt.Sprintf("paths: ['%s', %s]\nline_by_line: True", filepath.Join(dir, c.path), ok))
			err := r.Err()
			if err == nil || !strings.Contains(err.Error(), c.problem) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("the run ended with %v", err)
			}
			if got := actortest.Texts(r.Wait(1)); got[len(got)-1] != "text" {
				t.Errorf("the last event of %d is %q", len(got), got[len(got)-1])
			}
			if log := r.Log(); strings.Contains(log, "restarting") {
				t.Errorf("the module was started again:\n%s", log)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	cases := map[string]struct{ options, want string }{
		"no paths":                 {"mode: cat", "paths"},
		"an empty list":            {"paths: []", "at least one"},
		"an empty path":            {"paths: ['']", "must not be empty"},
		"an unknown mode":          {"paths: a\nmode: head", "cat, tail"},
		"a bad expression":         {"paths: a\nmultiline_regex_before: '('", "multiline_regex_before"},
		"a bad pattern":            {"paths: a\npattern: '['", "pattern"},
		"a bad exclude":            {"paths: a\nexclude: ['[']", "exclude"},
		"no separator":             {"paths: a\nmode: tail\nseparator: ''", "separator"},
		"a separator without code": {"paths: a\nmode: tail\nseparator: '\u20ac'\nencoding: latin-1", "separator"},
		"a bad number of lines":    {"paths: a\nmode: tail\ntail_lines: -1", "at least 0"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := actortest.Options(t, file.Spec, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if got := actortest.Warnings(t, file.Spec, "paths: a\nsincedb_path: b"); len(got) != 1 {
		t.Errorf("warnings: %q", got)
	}
}
