package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

func FuzzSincedb(f *testing.F) {
	gone := time.Unix(1700000000, 0).UTC()
	f.Add(formatRecords([]record{
		{Module: "File", Paths: "0123456789abcdef"},
		{Module: "File", Path: "/var/log/a", Device: 1, Inode: 2, Head: 1024, Hash: "00000000000000ff", Offset: 7},
		{Module: "other", Path: "/var/log/b", Gone: &gone, Moved: true},
	}))
	f.Add([]byte(firstLine + "\n" + `{"records":0}` + "\n"))
	f.Add([]byte(firstLine + "\n{}\n" + `{"records":1}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseRecords(text)
		if err != nil {
			return
		}
		for _, r := range list {
			e := r.entry()
			if again := newRecord(r.Module, r.id(), e); r.Path != "" && again.Offset != r.Offset {
				t.Errorf("%+v became %+v", r, again)
			}
		}
		written := formatRecords(slices.Clone(list))
		again, err := parseRecords(written)
		if err != nil || len(again) != len(list) {
			t.Errorf("%q cannot be read again: %v", written, err)
		}
	})
}

func TestSincedbForgets(t *testing.T) {
	s := newSincedb(actor.Env{ID: "File"}, filepath.Join(t.TempDir(), "db"), nil)
	now := time.Now()
	for i := range mostGone + 100 {
		s.entries[fileID{1, uint64(i)}] = &entry{path: fmt.Sprint(i), gone: now.Add(-time.Duration(i) * time.Second)}
	}
	s.entries[fileID{2, 1}] = &entry{path: "long gone", gone: now.Add(-forgetAfter - time.Minute)}
	s.entries[fileID{2, 2}] = &entry{path: "there"}
	s.changed = true
	s.save()
	if n := len(s.entries); n != mostGone+1 {
		t.Errorf("%d entries", n)
	}
	_, there := s.get(fileID{2, 2})
	_, young := s.get(fileID{1, 0})
	_, old := s.get(fileID{1, mostGone + 99})
	if !there || !young || old {
		t.Error("the wrong ones were forgotten")
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := parseRecords(text); err != nil || len(list) != mostGone+2 {
		t.Errorf("%d records, %v", len(list), err)
	}
	left, _ := filepath.Glob(s.path + ".new*")
	if len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}

func TestNamesOfRotatedFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"app.log.1": true, "app.log-20240131": true, "app.log.2024-01-31T10:11:12Z": true, "app-2024-01-31.log": true, "app.1.log": true,
		"app.log": false, "app.log.gz": false, "app.log.1.gz": false, "app.log.json": false, "app.log-": false, "app.logs": false,
		"app-error.log": false, "other.log.1": false, "app.log.": false, "app.log1": false,
	} {
		if got := rotated("app.log", name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// pieces is an input that reads a file whenever another piece has been added to it.
type pieces struct {
	t    *testing.T
	env  actor.Env
	o    Options
	text []byte
	size int
}

func (p pieces) Run(ctx context.Context, out *actor.Outlet) error {
	path := filepath.Join(p.t.TempDir(), "in")
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	from, err := openFile(path)
	if err != nil {
		return err
	}
	r, err := newReader(&source{env: p.env, opts: p.o}, out)
	if err != nil {
		return err
	}
	tail := newTail(path, 0, head{})
	tail.src = newContent(from, path)
	defer tail.closeFile()
	for rest := p.text; ; {
		n := min(len(rest), p.size)
		if _, err := to.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
		if err := r.turn(ctx, tail); err != nil || len(rest) == 0 {
			return err
		}
	}
}

// FuzzLines compares lines that are cut out of reads of any size with a plain split.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), "\n", uint16(3), uint16(2), byte(0))
	f.Add([]byte("a<end>b<en<end>"), "<end>", uint16(1), uint16(4), byte(1))
	f.Add([]byte("abc\nabcd\nabcdefghijk\nx"), "\n", uint16(2), uint16(3), byte(2))
	f.Add([]byte("ababababab"), "abab", uint16(2), uint16(3), byte(0))
	f.Fuzz(func(t *testing.T, text []byte, separator string, chunk, limit uint16, kind byte) {
		if separator == "" || len(text) > 1000 {
			return
		}
		o := Options{Mode: "tail", Separator: separator, MaxLineLength: int(limit) + 1, LongLineAction: []string{"split", "truncate", "drop"}[kind%3]}
		if err := o.Encoding.DecodeOption(&option.Value{Kind: option.String, Text: "binary"}); err != nil {
			t.Fatal(err)
		}
		var want []string
		lines := strings.Split(string(text), separator)
		for _, l := range lines[:len(lines)-1] {
			n := min(len(l), o.MaxLineLength)
			if n == len(l) || o.LongLineAction != "drop" {
				want = append(want, l[:n])
			}
			for l = l[n:]; l != "" && o.LongLineAction == "split"; l = l[n:] {
				n = min(len(l), o.MaxLineLength)
				want = append(want, l[:n])
			}
		}
		spec := actor.DefineSource(actor.Info{Name: "Pieces", Role: actor.Input}, struct{}{}, func(env actor.Env, _ struct{}) (actor.Source, error) {
			return pieces{t, env, o, text, int(chunk) + 1}, nil
		})
		var got []string
		for _, e := range actortest.Source(t, spec, "").Finish() {
			v, _ := e.Field(event.Data)
			got = append(got, v.Str())
		}
		if o.LongLineAction == "split" { // the beginning of a long line is sent before its end is there
			rest := lines[len(lines)-1]
			for len(got) > len(want) && strings.HasPrefix(rest, got[len(want)]) {
				rest = rest[len(got[len(want)]):]
				got = slices.Delete(got, len(want), len(want)+1)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q became %q", want, got)
		}
	})
}
