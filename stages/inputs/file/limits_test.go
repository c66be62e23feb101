package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/file"
)

func TestTailCutsLines(t *testing.T) {
	long := strings.Repeat("0123456789", 60_000)
	cases := map[string]struct {
		options string
		writes  []string
		want    []string
	}{
		"FILE-1 a separator of its own":      {"separator: '<end>'", []string{"a<en", "d>b\n<end>c<end"}, []string{"a", "b\n"}},
		"FILE-6 nothing is made of a rest":   {"", []string{"a\nb"}, []string{"a"}},
		"FILE-6 until it is late":            {"incomplete_line_timeout_in_secs: 0.05", []string{"a\nb"}, []string{"a", "b"}},
		"long lines as they grow":            {"max_line_length: 3", []string{"abcd", "ef", "ghi", "j\nk\n"}, []string{"abc", "def", "ghi", "j", "k"}},
		"long lines truncated":               {"max_line_length: 3\nlong_line_action: truncate", []string{"abcd", "ef", "ghi", "j\nk\n"}, []string{"abc", "k"}},
		"long lines dropped":                 {"max_line_length: 3\nlong_line_action: drop", []string{"abcd", "ef", "ghi", "j\nk\n"}, []string{"k"}},
		"a long separator is not torn":       {"max_line_length: 3\nseparator: '<end>'", []string{"abc<", "en", "d>abcd<end>"}, []string{"abc", "abc", "d"}},
		"a line that grows for long":         {"", []string{long[:100_000], long[100_000:300_000], long[300_000:], "\nx\n"}, []string{long, "x"}},
		"FILE-8 lines that belong together":  {"multiline_regex_before: '^ '\nmultiline_timeout_in_secs: 60", []string{"a\n", " b\n", " c\nd\n"}, []string{"a\n b\n c"}},
		"FILE-8 a line that is continued":    {"multiline_regex_after: '\\\\$'\nmultiline_timeout_in_secs: 60", []string{"a\\\n", "b\\\n", "c\nd\n"}, []string{"a\\\nb\\\nc"}},
		"FILE-8 silence ends an event":       {"multiline_regex_before: '^ '\nmultiline_timeout_in_secs: 0.05", []string{"a\n b\n c"}, []string{"a\n b"}},
		"FILE-8 silence, also of half lines": {"multiline_regex_before: '^ '\nmultiline_timeout_in_secs: 0.05\nincomplete_line_timeout_in_secs: 0.1", []string{"a\n b\nc"}, []string{"a\n b", "c"}},
		"FILE-8 large events":                {"multiline_regex_before: '^ '\nmultiline_timeout_in_secs: 60", []string{"a\n", " " + long + "\n", " b\nc\n"}, []string{"a\n " + long + "\n b"}},
		"FILE-8 most lines":                  {"multiline_regex_before: '^ '\nmultiline_timeout_in_secs: 60\nmultiline_max_lines: 2", []string{"a\n b\n", " c\n d\ne\n"}, []string{"a\n b", " c\n d"}},
		"wrong bytes":                        {"", []string{"\xe2\x82", "\xac\xff\n"}, []string{"\u20ac\ufffd"}},
		"UTF-16 in pieces":                   {"encoding: utf_16", []string{"\xfe", "\xff\x00a\x00", "\n\x0a\x0a", "\x00\n"}, []string{"a", "\u0a0a"}},
		"UTF-16, too short for a mark":       {"encoding: utf_16\nincomplete_line_timeout_in_secs: 0.05", []string{"a\x00\n\x00"}, []string{"a"}},
		"latin":                              {"encoding: latin-1", []string{"\xfc\n"}, []string{"\u00fc"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			r := p.follow("a.log", c.options)
			for _, text := range c.writes {
				p.add("a.log", text)
				waitForLook()
			}
			if got := actortest.Texts(r.Wait(len(c.want))); fmt.Sprintf("%.200q", got) != fmt.Sprintf("%.200q", c.want) {
				t.Errorf("got %.500q, want %.500q", got, c.want)
			}
			waitForLook()
			if got := actortest.Texts(r.Stop()); !slices.Equal(got, c.want) {
				t.Errorf("in the end got %.500q", got)
			}
		})
	}
}

// FILE-7, also while the file is still being packed.
func TestTailReadsPackedFilesOnce(t *testing.T) {
	p := newPlace(t)
	whole := packed(t, strings.Repeat("a line\n", 1000)+"the end")
	p.write("a.gz", whole[:30]) // as it is while it is written
	r := p.follow("*.gz", "")
	r.Logged("position")
	p.add("a.gz", whole[30:])
	want := append(slices.Repeat([]string{"a line"}, 1000), "the end")
	expect(t, r, want...)
	ends(t, r, want...)
	r = p.follow("*.gz", "")
	p.write("b.gz", packed(t, "more\n"))
	expect(t, r, "more")
	ends(t, r, "more")
}

// The faults of File: what is missing is waited for, what is no file is skipped.
func TestTailWaitsForWhatIsNotThere(t *testing.T) {
	p := newPlace(t)
	if err := syscall.Mkfifo(p.path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.write("large.log", "12345678901234567890\n")
	r := p.follow("a.log b*.log pipe large.log", "size_limit: 20")
	r.Logged("reason")
	p.add("a.log", "1\n")
	expect(t, r, "1")
	p.add("b1.log", "2\n")
	expect(t, r, "1", "2")
	r.Stop()
	for _, want := range []string{"nothing is there yet", "no regular file", "larger than size_limit"} {
		if n := strings.Count(r.Log(), want); n == 0 {
			t.Errorf("nothing is said of %q in\n%s", want, r.Log())
		}
	}
}

func TestTailFilesWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root may read everything, so that a directory takes the place of the sincedb only")
	} else {
		p := newPlace(t)
		p.write("a.log", "1\n")
		os.Chmod(p.path("a.log"), 0)
		p.write("b.log", "2\n")
		r := p.follow("*.log", "discover_interval_in_secs: 0.02")
		expect(t, r, "2")
		waitForLook()
		r.Stop()
		if n := strings.Count(r.Log(), "cannot be read"); n != 1 {
			t.Errorf("%d complaints", n)
		}
	}
	p := newPlace(t)
	if err := os.Mkdir(p.db, 0o755); err != nil {
		t.Fatal(err)
	}
	r := p.follow("a.log", "")
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "sincedb_path") {
		t.Errorf("the start gave %v", err)
	}
}

func TestTailOfManyFilesWithFewOpen(t *testing.T) {
	const files, most = 300, 7
	p := newPlace(t)
	name := func(i int) string { return fmt.Sprintf("%03d.log", i) }
	for i := range files {
		p.add(name(i), "first\n")
	}
	r := p.follow(".", fmt.Sprintf("max_open_files: %d", most))
	r.Wait(files)
	for round := range 3 {
		for i := range files {
			p.add(name(i), fmt.Sprintln(i, round))
		}
		r.Wait(files * (round + 2))
		if n := openFiles(t, p.dir); n > most {
			t.Errorf("%d files are open", n)
		}
	}
	events := r.Stop()
	seen := map[string]int{}
	for _, d := range actortest.Texts(events) {
		seen[d]++
	}
	if len(events) != 4*files || len(seen) != 3*files+1 || seen["first"] != files {
		t.Errorf("%d events, %d different ones", len(events), len(seen))
	}
}

// openFiles counts the files of a directory that this process has open, where the system
// tells.
func openFiles(t *testing.T, dir string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, dir+"/") {
			n++
		}
	}
	return n
}

func TestTailClosesWhatIsQuiet(t *testing.T) {
	p := newPlace(t)
	p.add("a.log", "1\n")
	r := p.follow("a.log", "close_inactive_in_secs: 0.05")
	expect(t, r, "1")
	for late := time.Now().Add(20 * time.Second); openFiles(t, p.dir) > 0; waitForLook() {
		if time.Now().After(late) {
			t.Fatal("it is still open")
		}
	}
	p.add("a.log", "2\n")
	expect(t, r, "1", "2")
	ends(t, r, "1", "2")
}

func TestTwoProgramsDoNotShareARecord(t *testing.T) {
	p := newPlace(t)
	p.add("a.log", "1\n")
	first := p.follow("a.log", "")
	expect(t, first, "1")
	second := p.follow("a.log", "")
	for late := time.Now().Add(20 * time.Second); !strings.Contains(second.Log(), "another program uses the sincedb"); waitForLook() {
		if time.Now().After(late) {
			t.Fatalf("nothing is said:\n%s", second.Log())
		}
	}
	p.add("a.log", "2\n")
	expect(t, first, "1", "2")
	ends(t, first, "1", "2")
	p.add("a.log", "3\n")
	expect(t, second, "3")
	ends(t, second, "3")
}

func TestModulesShareASincedb(t *testing.T) {
	p := newPlace(t)
	p.write("a.log", "a1\n")
	p.write("b.log", "b1\n")
	text := ""
	for _, id := range []string{"a", "b"} {
		text += fmt.Sprintf("- File: {id: %s, mode: tail, start_position: beginning, stat_interval: 0.02, sincedb_write_interval: 0.01, paths: %s, sincedb_path: %s, receivers: [TestCatch]}\n", id, p.path(id+".log"), p.db)
	}
	for round, want := range []string{"a1 b1", "a2 b2", ""} {
		r := actortest.Start(t, text+"- TestCatch\n", file.Spec)
		r.Wait(len(strings.Fields(want)))
		waitForLook()
		got := actortest.Texts(r.Stop())
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("in round %d: %q", round, got)
		}
		if round == 0 {
			p.add("a.log", "a2\n")
			p.add("b.log", "b2\n")
		}
	}
}

func TestStopDoesNotWaitForMore(t *testing.T) {
	p, till := newPlace(t), newTill()
	w := p.writer()
	for range 20_000 {
		w.f.WriteString(line(w.next) + "\n")
		w.next++
	}
	r := start(t, till, p.options("app.log", ""))
	till.wait(t, 1)
	till.shut()
	r.stop()
	till.accept()
	if err := r.over(); err != nil {
		t.Fatal(err)
	}
	r = start(t, till, p.options("app.log", ""))
	till.wait(t, w.next)
	r.end(t)
	till.check(t, w.next, false)
}

func TestTailLeavesOutWhatItShould(t *testing.T) {
	p := newPlace(t)
	p.write("empty.log", "")
	p.write("debug.log", "no\n")
	p.write("sub/a.log", "1\n")
	r := p.follow(".", "recursive: True\npattern: '*.log'\nignore_empty: True\nexclude: ['debug*']")
	expect(t, r, "1")
	p.add("empty.log", "2\n")
	expect(t, r, "1", "2")
	p.write("new/b.log", "3\n")
	expect(t, r, "1", "2", "3")
	ends(t, r, "1", "2", "3")
}
