package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

// step is what is done with a line on its way from one socket to another. One that becomes
// nil is dropped.
type step func(line []byte) ([]byte, error)

var secret = regexp.MustCompile(`password=\w+`)

// stepOf is the work of a case.
func stepOf(mode string) (step, error) {
	parser := rfc5424.NewParser()
	switch mode {
	case "tcp_to_blackhole":
		return func([]byte) ([]byte, error) { return nil, nil }, nil
	case "tcp_to_tcp", "tcp_to_http", "file_to_tcp":
		return func(line []byte) ([]byte, error) { return line, nil }, nil
	case "set_field":
		return func(line []byte) ([]byte, error) {
			return json.Marshal(event{"data": string(line), "environment": "production"})
		}, nil
	case "regex_mask":
		return func(line []byte) ([]byte, error) { return secret.ReplaceAll(line, []byte("password=***")), nil }, nil
	case "syslog_parsing":
		return func(line []byte) ([]byte, error) {
			e, err := parseSyslog(parser, line)
			if err != nil {
				return nil, err
			}
			return json.Marshal(e)
		}, nil
	case "real_world_1":
		return func(line []byte) ([]byte, error) { return realWorld(parser, line) }, nil
	}
	return nil, fmt.Errorf("there is no work called %q", mode)
}

// realWorld parses, drops what is only for debugging, hides passwords and adds a field.
func realWorld(parser syslog.Machine, line []byte) ([]byte, error) {
	e, err := parseSyslog(parser, line)
	if err != nil {
		return nil, err
	}
	if e["syslog_severity"] == "debug" {
		return nil, nil
	}
	if text, ok := e["message"].(string); ok {
		e["message"] = secret.ReplaceAllString(text, "password=***")
	}
	e["environment"] = "production"
	return json.Marshal(e)
}

func parseSyslog(parser syslog.Machine, line []byte) (event, error) {
	parsed, err := parser.Parse(line)
	if err != nil {
		return nil, err
	}
	m, ok := parsed.(*rfc5424.SyslogMessage)
	if !ok {
		return nil, errors.New("the message is of another kind")
	}
	e := event{"data": string(line)}
	for name, value := range map[string]*string{
		"host": m.Hostname, "program": m.Appname, "pid": m.ProcID, "msgid": m.MsgID, "message": m.Message,
		"syslog_facility": m.FacilityLevel(), "syslog_severity": m.SeverityShortLevel(),
	} {
		if value != nil {
			e[name] = *value
		}
	}
	if m.Timestamp != nil {
		e["timestamp"] = m.Timestamp.Format(time.RFC3339Nano)
	}
	return e, nil
}

// runRelay does the work for one connection after the other, or for a file, which makes it
// end.
func runRelay(mode, listen, file, to string) error {
	work, err := stepOf(mode)
	if err != nil {
		return err
	}
	if file != "" {
		in, err := os.Open(file)
		if err != nil {
			return err
		}
		defer in.Close() // it was only read
		return passOn(in, to, work)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		send := passOn
		if mode == "tcp_to_http" {
			send = post
		}
		if err := errors.Join(send(conn, to, work), conn.Close()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func scanner(in io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	return lines
}

func passOn(in io.Reader, to string, work step) error {
	out := io.WriteCloser(nopCloser{io.Discard})
	if to != "" {
		var err error
		if out, err = net.Dial("tcp", to); err != nil {
			return err
		}
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 64<<10)
	lines := scanner(in)
	for lines.Scan() {
		line, err := work(lines.Bytes())
		if err != nil {
			return err
		}
		if line == nil {
			continue
		}
		w.Write(line)
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), w.Flush())
}

type nopCloser struct{ io.Writer }

// Close does nothing.
func (nopCloser) Close() error { return nil }

// post sends 500 lines with a request.
func post(in io.Reader, to string, work step) error {
	const most = 500
	var body bytes.Buffer
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		res, err := http.Post("http://"+to, "text/plain", bytes.NewReader(body.Bytes()))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		body.Reset()
		n = 0
		return errors.Join(err, res.Body.Close())
	}
	lines := scanner(in)
	for lines.Scan() {
		line, err := work(lines.Bytes())
		if err != nil {
			return err
		}
		body.Write(line)
		body.WriteByte('\n')
		if n++; n < most {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), flush())
}
