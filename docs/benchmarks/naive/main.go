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
	mode := flag.String("mode", "access", "access, json or mixed; with -listen or -file and -to a work of network.sh")
	listen := flag.String("listen", "", "address to take lines from")
	file := flag.String("file", "", "file to take lines from instead")
	to := flag.String("to", "", "address to send lines to")
	in := flag.String("in", "", "file to read, standard input if empty")
	out := flag.String("out", "", "file to write, standard output if empty")
	flag.Parse()
	work := func() error { return runFiles(*mode, *in, *out) }
	if *listen != "" || *file != "" {
		work = func() error { return runRelay(*mode, *listen, *file, *to) }
	}
	if err := work(); err != nil {
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
	parse, ok := map[string]func(event) bool{"access": lineParser(accessPattern), "json": parseJSON, "mixed": lineParser(accessPattern, commonPattern, iptablesPattern)}[mode]
	if !ok {
		return fmt.Errorf("mode must be access, json or mixed, got %q", mode)
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
			if parse(e) {
				delete(e, "gambolputty")
				parsed <- e
			}
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
			"data": lines.Text(),
			"gambolputty": map[string]any{
				"event_id": hex.EncodeToString(id) + strconv.Itoa(pid), "event_type": "Unknown", "pid": pid,
				"received_by": host, "received_from": "stdin://" + host, "source_module": "StdIn",
			},
		}
	}
	return lines.Err()
}

// The patterns are those of mixed.yml.
const (
	accessPattern   = `(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)`
	commonPattern   = `(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s(?P<x_forwarded_for>\d+\.\d+\.\d+\.\d+)\s(?P<identd>\w+|-)\s(?P<user>\w+|-)\s\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s\"(?P<url>.*)\"\s(?P<http_status>\d+)\s(?P<bytes_send>\d+)`
	iptablesPattern = `(?P<syslog_prival>\<\d+\>)(?P<log_timestamp>\w+\s+\d+\s+\d+:\d+:\d+)\s+(?P<host>[\w\-\._]+)\s+kernel:.*?\ iptables\ (?P<iptables_action>.*?)\ :\ IN=(?P<iptables_in_int>.*?)\ OUT=(?P<iptables_out_int>.*?)\ SRC=(?P<iptables_src>.*?)\ DST=(?P<iptables_dst>.*?)\ LEN=(?P<iptables_len>.*?)\ .*?PROTO=(?P<iptables_proto>.*?)\ SPT=(?P<iptables_spt>.*?)\ DPT=(?P<iptables_dpt>.*?)\ WINDOW=.*`
)

// lineParser tries patterns in turn.
func lineParser(patterns ...string) func(event) bool {
	var list []*regexp.Regexp
	for _, p := range patterns {
		list = append(list, regexp.MustCompile(p))
	}
	return func(e event) bool {
		for _, re := range list {
			m := re.FindStringSubmatch(e["data"].(string))
			if m == nil {
				continue
			}
			for i, name := range re.SubexpNames() {
				if name != "" {
					e[name] = m[i]
				}
			}
			break
		}
		return true
	}
}

// parseJSON drops documents with a small answer.
func parseJSON(e event) bool {
	var fields map[string]any
	if err := json.Unmarshal([]byte(e["data"].(string)), &fields); err != nil {
		return true
	}
	if response, ok := fields["response"].(map[string]any); ok {
		if size, ok := response["bytes"].(float64); ok && size < 50_000 {
			return false
		}
	}
	delete(e, "data")
	for k, v := range fields {
		e[k] = v
	}
	e["service"] = "web"
	delete(e, "secret")
	return true
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
