// Command naive is a log shipper as one would write it in an afternoon: an event is a map,
// a channel carries one event at a time, text is cut by the regular expressions of the
// standard library, JSON is read and written by its encoder. Benchmarks are measured
// against it.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
)

func main() {
	mode := flag.String("mode", "access", "access or json")
	flag.Parse()
	if err := run(*mode, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type event map[string]any

// queue is the size of the channels in events.
const queue = 1000

func run(mode string, in io.Reader, out io.Writer) error {
	parse, ok := map[string]func(event){"access": parseAccess, "json": parseJSON}[mode]
	if !ok {
		return fmt.Errorf("mode must be access or json, got %q", mode)
	}
	read, parsed := make(chan event, queue), make(chan event, queue)
	failed := make(chan error, 1)
	go func() {
		defer close(read)
		failed <- readLines(in, read)
	}()
	go func() {
		defer close(parsed)
		for e := range read {
			parse(e)
			parsed <- e
		}
	}()
	if err := write(out, parsed); err != nil {
		return err
	}
	return <-failed
}

func readLines(in io.Reader, out chan<- event) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		id := make([]byte, 16)
		rand.Read(id)
		out <- event{
			"data": lines.Text() + "\n",
			"gambolputty": map[string]any{
				"event_id": hex.EncodeToString(id) + fmt.Sprint(os.Getpid()), "event_type": "Unknown", "pid": os.Getpid(),
				"received_by": host, "received_from": "stdin://" + host, "source_module": "StdIn",
			},
		}
	}
	return lines.Err()
}

var access = regexp.MustCompile(`(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)`)

func parseAccess(e event) {
	m := access.FindStringSubmatch(e["data"].(string))
	if m == nil {
		return
	}
	for i, name := range access.SubexpNames() {
		if name != "" {
			e[name] = m[i]
		}
	}
	e["gambolputty"].(map[string]any)["event_type"] = "httpd_access_log"
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

func write(out io.Writer, events <-chan event) error {
	w := bufio.NewWriterSize(out, 1<<16)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for e := range events {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return w.Flush()
}
