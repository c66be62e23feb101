//go:build integration

package webhdfssink_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/hdfstest"
	"gambolputty/stages/outputs/webhdfssink"
)

func TestIntegrationLinesAreStoredInHDFS(t *testing.T) {
	s := hdfstest.Start(t)
	s.Do("PUT", "/user/gambolputty", "MKDIRS&permission=1777")
	server := "server: " + s.URL() + "\nuser: gambolputty\n"
	t.Run("files by field and time", func(t *testing.T) {
		for range 2 {
			actortest.Sink(t, webhdfssink.Spec, server+"path: /user/gambolputty/%Y/%m/%d\nname_pattern: access-$(t).log\nformat: $(data)\ntimestamp_field: at",
				actortest.Event(t, `{"data":"a","t":"x y","at":"2015-06-17T10:00:00Z"}`), actortest.Event(t, `{"data":"b\n","t":"../z","at":"2015-06-18T10:00:00Z"}`), actortest.Event(t, `{"data":"c","t":"x y","at":"2015-06-17T10:00:00Z"}`))
		}
		if got := s.Read("/user/gambolputty/2015/06/17/access-x%20y.log"); got != "a\nc\na\nc\n" {
			t.Errorf("got %q", got)
		}
		if got := s.Read("/user/gambolputty/2015/06/18/access-.._z.log"); got != "b\nb\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("compressed", func(t *testing.T) {
		for range 3 {
			actortest.Sink(t, webhdfssink.Spec, server+"path: user/gambolputty/z\nname_pattern: a\nformat: $(data)\ncompress: gzip\nblock_size: 1048576\nreplication_factor: 1", actortest.Events("spam", "eggs")...)
			actortest.Sink(t, webhdfssink.Spec, server+"path: user/gambolputty/z\nname_pattern: a\nformat: $(data)\ncompress: snappy", actortest.Events("spam", "eggs")...)
		}
		z, err := gzip.NewReader(strings.NewReader(s.Read("/user/gambolputty/z/a.gz")))
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{"gzip": z, "snappy": snappy.NewReader(bytes.NewReader([]byte(s.Read("/user/gambolputty/z/a.snappy"))))} {
			if text, err := io.ReadAll(r); err != nil || string(text) != strings.Repeat("spam\neggs\n", 3) {
				t.Errorf("%s: %q %v", name, text, err)
			}
		}
		if text := s.Do("GET", "/user/gambolputty/z/a.gz", "GETFILESTATUS"); !strings.Contains(text, `"blockSize":1048576`) || !strings.Contains(text, `"owner":"gambolputty"`) {
			t.Errorf("status %s", text)
		}
	})
	t.Run("rotated", func(t *testing.T) {
		var events []*event.Event
		for i := range 100 {
			events = append(events, actortest.Event(t, fmt.Sprintf(`{"data":"line %03d"}`, i)))
		}
		actortest.Sink(t, webhdfssink.Spec, server+"path: /user/gambolputty/r\nname_pattern: a.log\nformat: $(data)\nrotate_size: 200", events...)
		names := s.List("/user/gambolputty/r")
		all := ""
		for i := 1; i < len(names); i++ {
			part := s.Read(fmt.Sprintf("/user/gambolputty/r/a.log.%d", i))
			if len(part) > 200 {
				t.Errorf("part %d has %d bytes", i, len(part))
			}
			all += part
		}
		all += s.Read("/user/gambolputty/r/a.log")
		lines := strings.Split(strings.TrimSpace(all), "\n")
		if len(lines) != 100 || !slices.IsSorted(lines) {
			t.Errorf("%d lines in %v", len(lines), names)
		}
	})
	t.Run("a directory of somebody else", func(t *testing.T) {
		r := actortest.Start(t, "- Numbers\n- WebHdfsSink:\n    "+strings.ReplaceAll(server, "\n", "\n    ")+"path: /\n    name_pattern: a\n    store_interval_in_secs: 0\n    retry_max_interval_in_secs: 1\n", webhdfssink.Spec, actortest.Numbers(3))
		r.Logged("tries")
		if !strings.Contains(r.Log(), "user gambolputty may not write /a") {
			t.Errorf("the log says\n%s", r.Log())
		}
		s.Do("PUT", "/", "SETPERMISSION&permission=1777")
		r.Finish()
		if got := s.Read("/a"); strings.Count(got, "\n") != 3 {
			t.Errorf("the file holds %q", got)
		}
	})
}

func TestIntegrationAClusterThatGoesAndComesBackLosesNothing(t *testing.T) {
	s := hdfstest.Start(t)
	s.Do("PUT", "/logs", "MKDIRS&permission=1777")
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- WebHdfsSink:\n    server: "+s.URL()+"\n    user: gambolputty\n    path: /logs\n    name_pattern: a\n    format: $(data)\n    batch_size: 20\n    store_interval_in_secs: 0.05\n    retry_max_interval_in_secs: 1\n", webhdfssink.Spec, actortest.Lines(feed))
	const events = 400
	go func() {
		defer close(feed)
		for i := range events {
			feed <- fmt.Sprintf("line %03d", i) // it waits while the cluster is away
			time.Sleep(5 * time.Millisecond)
		}
	}()
	time.Sleep(time.Second)
	s.Stop()
	r.Logged("tries")
	s.Run()
	for end := time.Now().Add(3 * time.Minute); r.Status("WebHdfsSink").Meter.Own("delivered").Load() < events; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the lines do not arrive\n%s", r.Log())
		}
	}
	r.Finish()
	lines := strings.Split(strings.TrimSpace(s.Read("/logs/a")), "\n")
	if len(lines) != events || !slices.IsSorted(lines) {
		t.Errorf("%d lines, sorted %t", len(lines), slices.IsSorted(lines))
	}
}
