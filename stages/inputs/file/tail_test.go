package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/file"
)

// place is a directory with files that are followed.
type place struct {
	t   testing.TB
	dir string
	db  string
}

func newPlace(t testing.TB) *place {
	return &place{t, t.TempDir(), filepath.Join(t.TempDir(), "sincedb")}
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) { p.t.Helper(); write(p.t, p.path(name), text) }

func (p *place) add(name, text string) {
	p.t.Helper()
	f, err := os.OpenFile(p.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) rename(from, to string) {
	p.t.Helper()
	if err := os.Rename(p.path(from), p.path(to)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) remove(name string) {
	p.t.Helper()
	if err := os.Remove(p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) truncate(name string) {
	p.t.Helper()
	if err := os.Truncate(p.path(name), 0); err != nil {
		p.t.Fatal(err)
	}
}

// follow starts to follow files, from the beginning if nothing else is said.
func (p *place) follow(paths, options string) *actortest.Running {
	p.t.Helper()
	list := []string{}
	for name := range strings.FieldsSeq(paths) {
		list = append(list, "'"+p.path(name)+"'")
	}
	text := fmt.Sprintf("paths: [%s]\nmode: tail\nsincedb_path: %s\n", strings.Join(list, ", "), p.db)
	if !strings.Contains(options, "stat_interval") {
		text += "stat_interval: 0.02\n"
	}
	if !strings.Contains(options, "start_position") && !strings.Contains(options, "tail_lines") {
		text += "start_position: beginning\n"
	}
	return actortest.Source(p.t, file.Spec, text+options)
}

func expect(t testing.TB, r *actortest.Running, want ...string) {
	t.Helper()
	if got := actortest.Texts(r.Wait(len(want))); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func ends(t testing.TB, r *actortest.Running, want ...string) {
	t.Helper()
	if got := actortest.Texts(r.Stop()); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestTailFollowsAFile(t *testing.T) {
	for name, options := range map[string]string{"told by the system": "stat_interval: 60", "looking": "stat_interval: 0.01"} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write("a.log", "one\ntwo\nthr")
			r := p.follow("a.log", options)
			expect(t, r, "one", "two")
			p.add("a.log", "ee\r\n\n")
			expect(t, r, "one", "two", "three\r", "")
			p.add("a.log", "rest")
			ends(t, r, "one", "two", "three\r", "")
			r = p.follow("a.log", options)
			p.add("a.log", "!\n")
			expect(t, r, "rest!")
			ends(t, r, "rest!")
		})
	}
}

func TestTailBeginsWhereItShould(t *testing.T) {
	cases := map[string]struct {
		options, before string
		want            []string
	}{
		"the end is the default":       {"start_position: end", "1\n2\n3\n", []string{"new"}},
		"the beginning":                {"start_position: beginning", "1\n2\n3\n", []string{"1", "2", "3", "new"}},
		"tail_lines":                   {"tail_lines: 2", "1\n2\n3\n", []string{"2", "3", "new"}},
		"more lines than there are":    {"tail_lines: 5", "1\n2\n3\n", []string{"1", "2", "3", "new"}},
		"tail_lines True":              {"tail_lines: True", strings.Repeat("x\n", 20), append(slices.Repeat([]string{"x"}, 10), "new")},
		"tail_lines far back":          {"tail_lines: 2", "1\n" + strings.Repeat("x", 200_000) + "\n3\n", []string{strings.Repeat("x", 200_000), "3", "new"}},
		"the last line is not torn":    {"start_position: end", "1\nhalf a ", []string{"half a new"}},
		"it counts as well":            {"tail_lines: 1", "1\nhalf a ", []string{"half a new"}},
		"an empty file":                {"tail_lines: 1", "", []string{"new"}},
		"long separators across reads": {"tail_lines: 1\nseparator: '<end>'", "1<end>" + strings.Repeat("x", 65_530) + "<end>2<end>", []string{"2", "new\n"}},
		"old files":                    {"start_position: beginning\nignore_older_in_secs: 1000", "1\n2\n", []string{"new"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write("a.log", c.before)
			if name == "old files" {
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(p.path("a.log"), old, old); err != nil {
					t.Fatal(err)
				}
			}
			r := p.follow("a.log", c.options)
			r.Logged("position")
			p.add("a.log", "new\n")
			if strings.Contains(c.options, "separator") {
				p.add("a.log", "<end>")
			}
			expect(t, r, c.want...)
			ends(t, r, c.want...)
		})
	}
}

func TestTailReadsNewFilesFromTheirBeginning(t *testing.T) {
	for name, options := range map[string]string{"told by the system": "", "searching": "discover_interval_in_secs: 0.02"} {
		t.Run("FILE-5 "+name, func(t *testing.T) {
			p := newPlace(t)
			r := p.follow("sub a.log new/**/*.log", options+"\nstart_position: end\npattern: '*.log'")
			r.Logged("path")
			p.write("a.log", "1\n")
			expect(t, r, "1")
			p.write("new/deep/er/b.log", "2\n")
			if options != "" {
				expect(t, r, "1", "2")
			}
			ends(t, r, actortest.Texts(r.Wait(1))...)
		})
	}
}

func TestTailSurvivesRotation(t *testing.T) {
	// Every step is done when the events of the one before have arrived.
	type step struct {
		do   func(p *place)
		want string
	}
	add := func(name, text string) func(*place) { return func(p *place) { p.add(name, text) } }
	cases := map[string]struct {
		paths, options string
		steps          []step
	}{
		"FILE-4 renamed": {"a.log", "", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) { p.rename("a.log", "a.log.1"); p.add("a.log", "2\n") }, "2"},
			{add("a.log.1", "late\n"), "late"},
			{add("a.log", "3\n"), "3"},
		}},
		"FILE-4 renamed within the pattern": {"*.log*", "", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) { p.rename("a.log", "a.log.1"); p.add("a.log", "2\n") }, "2"},
			{add("a.log.1", "late\n"), "late"},
		}},
		"FILE-4 the old file first": {"a.log", "", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) { p.add("a.log", "2\n"); p.rename("a.log", "old"); p.write("a.log", "3\n") }, "2 3"},
		}},
		"two rotations at once": {"a.log", "", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) {
				p.add("a.log", "2\n")
				p.rename("a.log", "a.log.1")
				p.add("a.log", "3\n")
				p.rename("a.log.1", "a.log.2")
				p.rename("a.log", "a.log.1")
				p.add("a.log", "4\n")
			}, "2 3 4"},
		}},
		"FILE-4 copied and truncated": {"a.log", "", []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(p *place) { p.truncate("a.log") }, ""},
			{add("a.log", "3\n"), "3"},
		}},
		"truncated and longer than before": {"a.log", "stat_interval: 0.1", []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(p *place) { p.write("a.log", "3\n4\n5\n6\n") }, "3 4 5 6"},
		}},
		"deleted and made anew": {"a.log", "", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) { p.remove("a.log"); p.add("a.log", "2\n3\n") }, "2 3"},
		}},
		"deleted, and anew later": {"a.log", "", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) { p.remove("a.log") }, ""},
			{add("a.log", "2\n"), "2"},
		}},
		"a link to another file": {"link.log", "", []step{
			{func(p *place) { p.add("0.log", "1\n"); os.Symlink("0.log", p.path("link.log")) }, "1"},
			{add("0.log", "2\n"), "2"},
			{func(p *place) {
				p.add("1.log", "3\n")
				os.Symlink("1.log", p.path("new"))
				p.rename("new", "link.log")
			}, "3"},
			{add("0.log", "late\n"), "late"},
			{add("1.log", "4\n"), "4"},
		}},
		"closed when it was renamed": {"a.log", "close_inactive_in_secs: 0.03", []step{
			{add("a.log", "1\n"), "1"},
			{func(p *place) { p.add("a.log", "2\n"); p.rename("a.log", "a.log.1"); p.add("a.log", "3\n") }, "2 3"},
		}},
		"one open file": {"*.log", "max_open_files: 1", []step{
			{add("a.log", "1\n"), "1"},
			{add("b.log", "2\n"), "2"},
			{add("a.log", "3\n"), "3"},
			{func(p *place) { p.rename("a.log", "old"); p.add("a.log", "4\n") }, "4"},
			{add("b.log", "5\n"), "5"},
		}},
		"truncated to nothing, ignored": {"a.log", "ignore_truncate: True", []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(p *place) { p.truncate("a.log"); waitForLook() }, ""},
			{add("a.log", "x\ny\n3\n"), "3"},
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			r := p.follow(c.paths, c.options)
			all := []string{}
			for _, s := range c.steps {
				s.do(p)
				if s.want == "" {
					continue
				}
				all = append(all, strings.Fields(s.want)...)
				got := actortest.Texts(r.Wait(len(all)))
				if name == "two rotations at once" { // which may be noticed when half is done
					slices.Sort(got)
				}
				if !slices.Equal(got, all) {
					t.Fatalf("got %q, want %q\n%s", got, all, r.Log())
				}
			}
			if got := r.Stop(); len(got) != len(all) {
				t.Fatalf("got %q, want %q", actortest.Texts(got), all)
			}
			ends(t, p.follow(c.paths, c.options))
		})
	}
}

// waitForLook waits for longer than the module leaves a file alone in these tests.
func waitForLook() { <-time.After(100 * time.Millisecond) }

func TestTailKeepsPositions(t *testing.T) {
	cases := map[string]struct {
		paths, options string
		between        func(p *place)
		want           string
	}{
		"FILE-3 nothing twice":             {"a.log", "", func(*place) {}, ""},
		"FILE-3 what was added":            {"a.log", "", func(p *place) { p.add("a.log", "3\n") }, "3"},
		"a short file that has grown":      {"a.log", "", func(p *place) { p.add("a.log", strings.Repeat("x", 2000)+"\n") }, strings.Repeat("x", 2000)},
		"renamed":                          {"a.log", "", func(p *place) { p.add("a.log", "3\n"); p.rename("a.log", "a.log.1"); p.add("a.log", "4\n") }, "3 4"},
		"renamed, with position end":       {"a.log", "start_position: end\ntail_lines: 9", func(p *place) { p.add("a.log", "3\n"); p.rename("a.log", "a.log.1"); p.add("a.log", "4\n") }, "3 4"},
		"renamed within the pattern":       {"a.log*", "", func(p *place) { p.rename("a.log", "a.log.1"); p.add("a.log.1", "3\n") }, "3"},
		"truncated":                        {"a.log", "", func(p *place) { p.truncate("a.log"); p.add("a.log", "3\n") }, "3"},
		"written anew":                     {"a.log", "tail_lines: 9", func(p *place) { p.write("a.log", "3\n4\n5\n6\n7\n") }, "3 4 5 6 7"},
		"made anew":                        {"a.log", "tail_lines: 9", func(p *place) { p.remove("a.log"); p.add("a.log", "3\n4\n5\n") }, "3 4 5"},
		"a new file, though at the end":    {"*.log", "tail_lines: 9", func(p *place) { p.add("b.log", "3\n") }, "3"},
		"moved to another file system":     {"a.log", "", func(p *place) { p.change(`"device":\d+`, `"device":424242`); p.add("a.log", "3\n") }, "3"},
		"a damaged sincedb":                {"a.log", "", func(p *place) { write(p.t, p.db, "what is this?") }, "1 2"},
		"a sincedb that was cut off":       {"a.log", "", func(p *place) { p.change(`\{"records.*\n`, "") }, "1 2"},
		"other paths, from their end":      {"a.log b.log", "start_position: end\ntail_lines: 9", func(p *place) { p.add("b.log", "3\n"); p.change(`"paths":"[0-9a-f]*"`, `"paths":"0"`) }, "3"},
		"another module in the same file":  {"a.log", "", func(p *place) { p.other(); p.add("a.log", "3\n") }, "3"},
		"what was not finished is not cut": {"a.log", "multiline_regex_before: '^ '\nmultiline_timeout_in_secs: 60", func(p *place) { p.add("a.log", " 3\n4\n") }, "1 2\n 3"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write("a.log", "1\n2\n")
			options := c.options
			if !strings.Contains(options, "tail_lines") {
				options += "\nstart_position: beginning"
			}
			r := p.follow(c.paths, options)
			r.Wait(1)
			first := actortest.Texts(r.Stop())
			c.between(p)
			r = p.follow(c.paths, options)
			var want []string
			if strings.Contains(name, "not cut") {
				r.Wait(1)
				if got := append(first, actortest.Texts(r.Stop())...); !slices.Equal(got, []string{"1", "2\n 3"}) {
					t.Errorf("got %q", got)
				}
				return
			}
			want = strings.Fields(c.want)
			r.Wait(len(want))
			waitForLook()
			if got := actortest.Texts(r.Stop()); !slices.Equal(got, want) {
				t.Errorf("first %q, then %q, want %q", first, got, want)
			}
			if damaged := strings.Contains(name, "sincedb "); damaged {
				if _, err := os.Stat(p.db + ".damaged"); err != nil || !strings.Contains(r.Log(), "damaged") {
					t.Errorf("it was not moved aside: %v\n%s", err, r.Log())
				}
			}
		})
	}
}
