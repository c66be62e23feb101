// Command naive is a log shipper as one would write it in an afternoon: an event is a map,
// a channel carries one event at a time, every stage is a goroutine, text is cut by the
// regular expressions of the standard library, JSON is read and written by its encoder.
// Benchmarks are measured against it.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
)

func main() {
	mode := flag.String("mode", "access", "access or json")
	in := flag.String("in", "", "file to read, standard input if empty")
	out := flag.String("out", "", "file to write, standard output if empty")
	flag.Parse()
	if err := runFiles(*mode, *in, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runFiles(mode, inName, outName string) (err error) {
	in, out := os.Stdin, os.Stdout
	if inName != "" {
		if in, err = os.Open(inName); err != nil {
			return err
		}
		defer in.Close()
	}
	if outName == "" {
		return run(mode, in, out)
	}
	if out, err = os.Create(outName); err != nil {
		return err
	}
	return errors.Join(run(mode, in, out), out.Close())
}

type event map[string]any

// queue is the size of the channels in events.
const queue = 1000

// run joins the stages. It waits for the writer, and then for what the others have to say:
// a stage that fails closes its channel, so that those behind it end in turn.
func run(mode string, in io.Reader, out io.Writer) error {
	parse, ok := map[string]func(event){"access": accessParser(), "json": parseJSON}[mode]
	if !ok {
		return fmt.Errorf("mode must be access or json, got %q", mode)
	}
	events, parsed, encoded := make(chan event, queue), make(chan event, queue), make(chan []byte, queue)
	failed := make(chan error, 2)
	go func() {
		defer close(events)
		failed <- readLines(in, events)
	}()
	go func() {
		defer close(parsed)
		for e := range events {
			parse(e)
			parsed <- e
		}
	}()
	go func() {
		defer close(encoded)
		failed <- encode(parsed, encoded)
	}()
	if err := write(out, encoded); err != nil {
		return err
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func readLines(in io.Reader, out chan<- event) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	pid := os.Getpid()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		id := make([]byte, 16)
		rand.Read(id)
		out <- event{
			"data": lines.Text() + "\n",
			"gambolputty": map[string]any{
				"event_id": hex.EncodeToString(id) + strconv.Itoa(pid), "event_type": "Unknown", "pid": pid,
				"received_by": host, "received_from": "stdin://" + host, "source_module": "StdIn",
			},
		}
	}
	return lines.Err()
}

// accessPattern is that of access.yml.
const accessPattern = `(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)`

func accessParser() func(event) {
	access := regexp.MustCompile(accessPattern)
	names := access.SubexpNames()
	return func(e event) {
		m := access.FindStringSubmatch(e["data"].(string))
		if m == nil {
			return
		}
		for i, name := range names {
			if name != "" {
				e[name] = m[i]
			}
		}
		e["gambolputty"].(map[string]any)["event_type"] = "httpd_access_log"
	}
}

func parseJSON(e event) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(e["data"].(string)), &fields); err != nil {
		return
	}
	delete(e, "data")
	for k, v := range fields {
		e[k] = v
	}
	e["service"] = "web"
	delete(e, "secret")
}

func encode(in <-chan event, out chan<- []byte) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	for e := range in {
		line.Reset()
		if err := enc.Encode(e); err != nil {
			return err
		}
		out <- bytes.Clone(line.Bytes())
	}
	return nil
}

func write(out io.Writer, lines <-chan []byte) error {
	w := bufio.NewWriterSize(out, 1<<16)
	for l := range lines {
		if _, err := w.Write(l); err != nil {
			return err
		}
	}
	return w.Flush()
}
