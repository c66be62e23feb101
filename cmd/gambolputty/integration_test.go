//go:build integration

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/event"
)

// pipeline is the README's sample with ports and paths of its own, in a process of its
// own.
type pipeline struct {
	t        *testing.T
	cmd      *exec.Cmd
	lines    string // address of the line server
	packed   string // address of the MessagePack server
	out      string // file with the events
	unparsed string // file with what was printed
	log      strings.Builder
	logged   chan struct{} // closed at the end of the log
}

// buildProgram builds the program once for a test.
func buildProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gambolputty")
	if out, err := exec.Command("go", "build", "-race", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func startPipeline(t *testing.T) *pipeline {
	t.Helper()
	text, err := os.ReadFile("../../examples/readme-stdout.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &pipeline{t: t, logged: make(chan struct{}), out: filepath.Join(dir, "out.json"), unparsed: filepath.Join(dir, "unparsed.txt")}
	conf := strings.NewReplacer("port: 5151", "port: 0\n   interface: 127.0.0.1\n   id: lines", "port: 5152", "port: 0\n   interface: 127.0.0.1\n   id: packed").Replace(string(text))
	path := filepath.Join(dir, "pipeline.yml")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(buildProgram(t), "run", "-c", path)
	p.cmd.Env = append(os.Environ(), "GAMBOLPUTTY_OUT="+p.out)
	printed, err := os.Create(p.unparsed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { printed.Close() })
	p.cmd.Stdout = printed
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	p.waitReady(log)
	return p
}

// waitReady reads the log until everything has started, and keeps reading it then.
func (p *pipeline) waitReady(log io.Reader) {
	p.t.Helper()
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		text := lines.Text()
		if _, address, ok := strings.Cut(text, "address="); ok {
			if strings.Contains(text, " lines ") {
				p.lines = address
			} else {
				p.packed = address
			}
		}
		if strings.Contains(text, "started with") {
			go p.follow(lines)
			return
		}
	}
	p.t.Fatal("the pipeline did not start")
}

// follow keeps the rest of the log, which says why if the end is bad.
func (p *pipeline) follow(lines *bufio.Scanner) {
	defer close(p.logged)
	const most = 1 << 20
	for lines.Scan() {
		if p.log.Len() < most {
			p.log.WriteString(lines.Text() + "\n")
		}
	}
}

// stop ends the pipeline as an operator would.
func (p *pipeline) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	<-p.logged
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("the pipeline ended with %v\n%s", err, p.log.String())
	}
}

// events reads what the pipeline wrote.
func (p *pipeline) events() []map[string]any {
	p.t.Helper()
	f, err := os.Open(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	var events []map[string]any
	d := json.NewDecoder(f)
	for d.More() {
		var e map[string]any
		if err := d.Decode(&e); err != nil {
			p.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// waitLines waits until the file has so many lines.
func (p *pipeline) waitLines(n int) {
	p.t.Helper()
	for late := time.Now().Add(3 * time.Minute); time.Now().Before(late); time.Sleep(200 * time.Millisecond) {
		if text, err := os.ReadFile(p.out); err == nil && bytes.Count(text, []byte("\n")) >= n {
			return
		}
	}
	p.t.Error("not all events came in time")
}

const sent = 100_000

// line is line number i of the log: mostly web requests, some of a packet filter, some that
// no pattern matches.
func line(i int) string {
	switch i % 10 {
	case 8:
		return fmt.Sprintf("<4>Jun  2 12:00:00 fw1 kernel: [1.0] iptables DROP : IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TTL=64 PROTO=TCP SPT=%d DPT=80 WINDOW=14600", i)
	case 9:
		return fmt.Sprintf("nobody expects number %d", i)
	}
	return fmt.Sprintf("192.168.2.%d - - [28/Jul/2006:10:27:10 -0300] \"GET /number/%d HTTP/1.0\" 200 %d", i%250+1, i, i+1)
}

// writeLog writes the lines as an application would, to be followed by a syslog daemon.
func writeLog(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range sent {
		fmt.Fprintln(w, line(i))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkNumbers looks for every line exactly once, in order, with its fields.
func checkNumbers(t *testing.T, events []map[string]any, unparsed string) {
	t.Helper()
	next := 0
	for _, e := range events {
		if next%10 == 9 {
			next++ // that one is not here
		}
		want := map[string]any{"url": fmt.Sprintf("GET /number/%d HTTP/1.0", next), "bytes_send": fmt.Sprint(next + 1), "http_status_mapped": "OK"}
		if next%10 == 8 {
			want = map[string]any{"iptables_spt": fmt.Sprint(next), "host": "fw1", "syslog_severity": "Warning", "syslog_facility": "kernel messages"}
		}
		for k, v := range want {
			if e[k] != v {
				t.Fatalf("event %d: %s is %v in %v", next, k, e[k], e)
			}
		}
		if e["@timestamp"] == nil {
			t.Fatalf("event %d has no time", next)
		}
		next++
	}
	if next%10 == 9 {
		next++
	}
	if next != sent {
		t.Errorf("%d of %d lines came", next, sent)
	}
	for i, m := range regexp.MustCompile(`nobody expects number (\d+)`).FindAllStringSubmatch(unparsed, -1) {
		if m[1] != fmt.Sprint(10*i+9) {
			t.Fatalf("line %d that matches no pattern is %s", i, m[0])
		}
	}
	if n := strings.Count(unparsed, "nobody expects number"); n != sent/10 {
		t.Errorf("%d lines that match no pattern came", n)
	}
}

// daemon starts a syslog daemon and ends it with the test.
func daemon(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s must be installed: %v", name, err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", name, out.String())
		}
	})
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestIntegrationRsyslog(t *testing.T) {
	p := startPipeline(t)
	dir := t.TempDir()
	writeLog(t, filepath.Join(dir, "access.log"))
	host, port, err := net.SplitHostPort(p.lines)
	if err != nil {
		t.Fatal(err)
	}
	conf := write(t, filepath.Join(dir, "rsyslog.conf"), fmt.Sprintf(`
global(workDirectory="%[1]s")
module(load="imfile")
input(type="imfile" file="%[1]s/access.log" tag="web" ruleset="out")
template(name="line" type="string" string="%%msg%%\n")
ruleset(name="out" queue.type="linkedList" queue.size="200000") {
  action(type="omfwd" target="%[2]s" port="%[3]s" protocol="tcp" template="line" action.resumeRetryCount="-1")
}
`, dir, host, port))
	daemon(t, "rsyslogd", "-n", "-f", conf, "-i", filepath.Join(dir, "pid"))
	p.waitLines(sent - sent/10)
	p.stop()
	unparsed, err := os.ReadFile(p.unparsed)
	if err != nil {
		t.Fatal(err)
	}
	checkNumbers(t, p.events(), string(unparsed))
}

func TestIntegrationMsgpackInOddPieces(t *testing.T) {
	p := startPipeline(t)
	const objects = 20_000
	var stream []byte
	for i := range objects {
		m := event.NewMap(2)
		m.Set(event.Intern("number"), event.Int(int64(i)))
		m.Set(event.Intern("text"), event.String(strings.Repeat("spam ", i%50)))
		stream = event.AppendMsgpack(stream, event.MapOf(m))
	}
	c, err := net.Dial("tcp", p.packed)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for len(stream) > 0 {
		n := min(len(stream), 1+random.IntN(5000))
		if _, err := c.Write(stream[:n]); err != nil {
			t.Fatal(err)
		}
		stream = stream[n:]
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// Without a field data no pattern matches, so the objects go the way of unknown events.
	var numbers [][]byte
	for deadline := time.Now().Add(time.Minute); len(numbers) < objects && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		text, err := os.ReadFile(p.unparsed)
		if err != nil {
			t.Fatal(err)
		}
		numbers = regexp.MustCompile(`'number': \d+`).FindAll(text, -1)
	}
	p.stop()
	if len(numbers) != objects {
		t.Fatalf("%d of %d objects came", len(numbers), objects)
	}
	for i, n := range numbers {
		if string(n) != fmt.Sprintf("'number': %d", i) {
			t.Fatalf("object %d is %s", i, n)
		}
	}
}
