package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const event = `{"x":1,"gambolputty":{"event_id":"a","pid":1,"received_by":"camelot","received_from":"stdin://camelot","source_module":"StdIn","event_type":"t"}}` + "\n"

func TestEventsAreComparedWithoutWhatDiffersByNature(t *testing.T) {
	cases := map[string]struct {
		other string
		fault string // empty: the files are the same
	}{
		"the same":            {event, ""},
		"no line ending":      {strings.TrimSuffix(event, "\n"), ""},
		"another receiver":    {`{"gambolputty":{"event_id":"b","pid":2,"received_by":"swamp castle","received_from":"tcp","source_module":"TcpServer","event_type":"t"},"x":1.0}`, ""},
		"receiver not named":  {`{"x":1,"gambolputty":{"event_type":"t"}}`, ""},
		"another type":        {`{"x":1,"gambolputty":{"event_type":"u"}}`, "line 1: the events differ"},
		"another value":       {`{"x":2,"gambolputty":{"event_type":"t"}}`, "line 1: the events differ"},
		"no metadata":         {`{"x":1}`, "line 1: the events differ"},
		"an id outside of it": {`{"x":1,"event_id":"a","gambolputty":{"event_type":"t"}}`, "line 1: the events differ"},
		"a line more":         {event + event, "the first file ends before line 2"},
		"nothing":             {"", "the second file ends before line 1"},
		"no JSON":             {"spam\n", "line 1: second file"},
		"endless line":        {strings.Repeat("spam ", longestLine/5+1), "line 1: bufio.Scanner: token too long"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := compare(strings.NewReader(event), strings.NewReader(c.other))
			if c.fault == "" && err != nil {
				t.Errorf("the same events gave %v", err)
			}
			if c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
}

func TestTheFirstDifferenceIsNamed(t *testing.T) {
	a := event + event + `{"x":3}` + "\n" + `{"x":4}` + "\n"
	b := event + event + `{"x":33}` + "\n" + `{"x":44}` + "\n"
	err := compare(strings.NewReader(a), strings.NewReader(b))
	if want := "line 3: the events differ:\n" + `{"x":3}` + "\n" + `{"x":33}`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFilesAreReadFromDisk(t *testing.T) {
	dir := t.TempDir()
	here, gone := filepath.Join(dir, "parrot"), filepath.Join(dir, "ex-parrot")
	if err := os.WriteFile(here, []byte(event), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compareFiles(here, here); err != nil {
		t.Errorf("a file differs from itself: %v", err)
	}
	if err := compareFiles(here, gone); err == nil {
		t.Error("a file that has ceased to be was compared")
	}
}
