package filesink_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/filesink"
)

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLinesGoToTheFilesTheyBelongTo(t *testing.T) {
	dir := t.TempDir()
	events := []*event.Event{
		actortest.Event(t, `{"ip": "10.0.0.1", "url": "/a", "t": "2015-06-17T10:00:00Z"}`),
		actortest.Event(t, `{"ip": "../../etc/passwd", "url": "/b", "t": "2015-06-18T10:00:00Z"}`),
		actortest.Event(t, `{"url": "/c\n", "t": 1434535200}`),
		actortest.Event(t, `{"ip": "..", "url": "/d", "t": "2015-06-17T23:30:00Z"}`),
	}
	actortest.Sink(t, filesink.Spec, "file_name: "+dir+"/%Y-%m-%d/$(ip).log\nformat: $(url)\ntimestamp_field: t\ntimezone: Europe/Berlin", events...)
	for path, want := range map[string]string{
		"2015-06-17/10.0.0.1.log": "/a\n", "2015-06-18/.._.._etc_passwd.log": "/b\n", "2015-06-17/unknown.log": "/c\n", "2015-06-18/_.log": "/d\n",
	} {
		if got := read(t, dir, path); got != want {
			t.Errorf("%s holds %q", path, got)
		}
	}
}

func TestLinesOfAllKinds(t *testing.T) {
	for options, want := range map[string]string{
		"": "a\nb\n",
		"format: json\ndelete_fields: [gambolputty]": "{\"data\":\"a\\n\"}\n{\"data\":\"b\"}\n",
		"format: '$(data)!'":                         "a\n!\nb!\n",
	} {
		path := filepath.Join(t.TempDir(), "new", "out.log")
		actortest.Sink(t, filesink.Spec, "file_name: "+path+"\n"+options, actortest.Events("a\n", "b")...)
		if got := read(t, path); got != want {
			t.Errorf("%q gives %q", options, got)
		}
		actortest.Sink(t, filesink.Spec, "file_name: "+path+"\n"+options, actortest.Events("a\n", "b")...)
		if got := read(t, path); got != want+want {
			t.Errorf("what was there is gone: %q", got)
		}
	}
}

func TestCompressedFilesCanBeReadAsAWhole(t *testing.T) {
	readers := map[string]func(io.Reader) (io.Reader, error){
		"gzip":   func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"snappy": func(r io.Reader) (io.Reader, error) { return snappy.NewReader(r), nil },
		"zstd":   func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	}
	for kind, ending := range map[string]string{"gzip": ".gz", "snappy": ".snappy", "zstd": ".zst"} {
		path := filepath.Join(t.TempDir(), "out")
		for range 3 {
			actortest.Sink(t, filesink.Spec, "file_name: "+path+"\ncompress: "+kind, actortest.Events("spam", "eggs")...)
		}
		r, err := readers[kind](bytes.NewReader([]byte(read(t, path+ending))))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != strings.Repeat("spam\neggs\n", 3) {
			t.Errorf("%s: %q %v", kind, text, err)
		}
	}
}

func TestAFileThatIsMovedAwayIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.log")
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- FileSink:\n    file_name: "+path+"\n    store_interval_in_secs: 0\n", filesink.Spec, actortest.Lines(feed))
	feed <- "one"
	wait(t, path, "one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	feed <- "two"
	wait(t, path, "two\n")
	close(feed)
	r.Finish()
}

func TestALineThatWasCutOffDoesNotSpoilTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.log")
	for old, want := range map[string]string{"one\ntw": "one\ntw\nthree\n", "one\n": "one\nthree\n", "": "three\n"} {
		if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		actortest.Sink(t, filesink.Spec, "file_name: "+path, actortest.Events("three")...)
		if got := read(t, path); got != want {
			t.Errorf("after %q the file holds %q", old, got)
		}
	}
}

// wait waits until a file holds a text.
func wait(t *testing.T, path, want string) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && string(text) == want {
			return
		}
	}
	t.Fatalf("%s does not hold %q", path, want)
}

func TestWhatCannotBeWrittenIsKeptAndOthersGoOn(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.log")
	if err := os.Mkdir(bad, 0o755); err != nil { // a directory where the file should be
		t.Fatal(err)
	}
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- FileSink:\n    file_name: "+dir+"/$(data).log\n    store_interval_in_secs: 0\n", filesink.Spec, actortest.Lines(feed))
	feed <- "bad"
	r.Logged("tries")
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	feed <- "good"
	close(feed)
	r.Finish()
	if got := read(t, bad) + read(t, dir, "good.log"); got != "bad\ngood\n" {
		t.Errorf("got %q", got)
	}
}

func TestManyFilesStayWithinTheLimit(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprint(i%25))
	}
	actortest.Sink(t, filesink.Spec, "file_name: "+dir+"/$(data)\nmax_open_files: 3", actortest.Events(names...)...)
	for i := range 25 {
		if got := read(t, dir, fmt.Sprint(i)); got != fmt.Sprintf("%d\n%d\n", i, i) {
			t.Errorf("file %d holds %q", i, got)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, filesink.Spec, map[string]string{
		"": "file_name", "file_name: ''": "must not be empty", "file_name: a\ncompress: rar": "rar", "file_name: a\nfile_mode: '9'": "octal", "file_name: a\nbatch_size: 0": "at least 1",
		"file_name: a\ntimezone: Nowhere": "Nowhere", "file_name: a\nreceivers: [x]": "E024",
	})
}

// names lists the files in a directory with what they hold.
func names(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text := read(t, dir, e.Name())
		if strings.HasSuffix(e.Name(), ".gz") {
			z, err := gzip.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		all[e.Name()] = text
	}
	return all
}

func TestFilesAreRotatedAtTheirSizeBetweenLines(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		want    map[string]string
	}{
		"all are kept":                    {"rotate_size: 10", map[string]string{"log": "parrot\n", "log.1": "cheese\n", "log.2": "spam\neggs\n", "log.3": "spam, spam and spam\n"}},
		"two are kept":                    {"rotate_size: 10\nrotate_count: 2", map[string]string{"log": "parrot\n", "log.1": "cheese\n", "log.2": "spam\neggs\n"}},
		"older are compressed":            {"rotate_size: 10\nrotate_count: 3\nrotate_compress: true", map[string]string{"log": "parrot\n", "log.1": "cheese\n", "log.2.gz": "spam\neggs\n", "log.3.gz": "spam, spam and spam\n"}},
		"a suffix while they are written": {"rotate_size: 10\ntemp_suffix: .part", map[string]string{"log": "parrot\n", "log.1": "cheese\n", "log.2": "spam\neggs\n", "log.3": "spam, spam and spam\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			actortest.Sink(t, filesink.Spec, "file_name: "+dir+"/log\n"+c.options,
				actortest.Events("spam, spam and spam", "spam", "eggs", "cheese", "parrot")...)
			if got := names(t, dir); !maps.Equal(got, c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestAFileOfAnEarlierIntervalIsRotated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(path, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	actortest.Sink(t, filesink.Spec, "file_name: "+path+"\nrotate_interval_in_secs: 3600", actortest.Events("new")...)
	if got, want := names(t, dir), map[string]string{"log": "new\n", "log.1": "old\n"}; !maps.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAFinishedFileIsNotOverwrittenByTheNext(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{"one", "two"} {
		actortest.Sink(t, filesink.Spec, "file_name: "+dir+"/log\ntemp_suffix: .part", actortest.Events(line)...)
	}
	if got, want := names(t, dir), map[string]string{"log": "two\n", "log.1": "one\n"}; !maps.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestWhatCanNeverBeWrittenIsSetAsideAfterTheLastAttempt(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bad"), 0o755); err != nil {
		t.Fatal(err)
	}
	rejected := filepath.Join(dir, "rejected")
	actortest.Sink(t, filesink.Spec, "file_name: "+dir+"/$(data)\nmax_retries: 1\nretry_max_interval_in_secs: 0.01\nreject_action: file\nreject_file: "+rejected,
		actortest.Events("bad", "good")...)
	if got := read(t, rejected); !strings.Contains(got, `"event":{"data":"bad"`) || !strings.Contains(got, "not delivered after 2 attempts") {
		t.Errorf("rejected: %q", got)
	}
	if got := read(t, dir, "good"); got != "good\n" {
		t.Errorf("good: %q", got)
	}
}
