//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// until polls, as a process cannot be waited for in another way.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain for %s", what)
		}
	}
}

// write replaces the configuration of the process.
func (p *process) write(conf string) {
	p.t.Helper()
	if err := os.WriteFile(p.path, []byte(conf), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// reload asks for a reload and waits until the log says how it ended.
func (p *process) reload(conf, want string) {
	p.t.Helper()
	p.write(conf)
	before := p.lines()
	p.signal(syscall.SIGHUP)
	until(p.t, want, func() bool { return strings.Contains(strings.Join(strings.Split(p.text(), "\n")[before:], "\n"), want) })
}

func (p *process) lines() int { return strings.Count(p.text(), "\n") }

// descriptors counts the open files of the process.
func (p *process) descriptors() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip("the system does not tell open files")
	}
	return len(entries)
}

// TestReloadsUnderLoadLoseNothing changes the configuration again and again while one
// connection sends lines without a pause.
func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	conf := func(version int) string {
		text := "- Global: {workers: " + fmt.Sprint(1+version%3) + "}\n"
		if version%2 == 1 {
			text += "- UdpServer: {interface: 127.0.0.1, port: 0, receivers: [ModifyFields]}\n"
		}
		text += "- TcpServer: {interface: 127.0.0.1, port: 0}\n"
		if version%4 > 1 {
			text += fmt.Sprintf("- AddDateTime: {target_field: at%d}\n", version)
		}
		text += fmt.Sprintf("- ModifyFields: {action: insert, target_field: v, value: %d}\n", version)
		return text + fmt.Sprintf("- FileSink: {file_name: %s, format: $(data), store_interval_in_secs: %d}\n", out, version%3)
	}
	p := start(t, conf(0))
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop, sent := make(chan struct{}), make(chan int, 1)
	go func() {
		var lines bytes.Buffer
		n := 0
		for {
			lines.Reset()
			for range 100 {
				fmt.Fprintln(&lines, n)
				n++
			}
			if _, err := conn.Write(lines.Bytes()); err != nil {
				t.Error("the connection was closed: ", err)
				sent <- n
				return
			}
			select {
			case <-stop:
				conn.Close()
				sent <- n
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	p.reload(conf(1), "reloaded: ")
	before := p.descriptors()
	for version := 2; version <= 33; version++ {
		p.reload(conf(version), "reloaded: ")
	}
	p.reload(conf(1), "reloaded: ")
	after := p.descriptors()
	p.reload("- TcpServer: {interface: 127.0.0.1, prot: 0}\n- FileSink: {file_name: x}\n", `pipeline.yml:1:37: error[E013]: TcpServer: unknown option "prot"`)
	p.reload(fmt.Sprintf("- TcpServer: {interface: 127.0.0.1, port: 0, receivers: [FileSink]}\n- TcpServer: {id: other, interface: 127.0.0.1, port: %s}\n- FileSink: {file_name: %s, format: $(data)}\n",
		p.address[strings.LastIndex(p.address, ":")+1:], out), "the former one goes on")
	close(stop)
	n := <-sent
	until(t, "all lines", func() bool {
		text, err := os.ReadFile(out)
		return err == nil && bytes.Count(text, []byte("\n")) >= n
	})
	p.signal(syscall.SIGTERM)
	if code, log := p.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, log)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(text)) {
		got[strings.TrimSuffix(line, "\n")]++
	}
	for i := range n {
		if c := got[fmt.Sprint(i)]; c != 1 {
			t.Fatalf("line %d of %d arrived %d times", i, n, c)
		}
	}
	if after > before+2 {
		t.Errorf("%d open files after the first reload, %d after 32 more", before, after)
	}
}

func TestAWatchedConfigurationIsReadAgainWhenItChanges(t *testing.T) {
	p := start(t, "- Spam: {sleep: 0.01}\n- DevNullSink\n", "--watch")
	p.write("- Spam: {sleep: 0.01}\n- Tarpit: {delay: 1ms}\n- DevNullSink\n")
	until(t, "the change", func() bool {
		return strings.Contains(p.text(), "reloaded: added Tarpit; rerouted Spam; 2 modules go on")
	})
	p.write("- Spam: {sleep: soon}\n- DevNullSink\n")
	until(t, "the refusal", func() bool { return strings.Contains(p.text(), "the new configuration is refused: ") })
	p.signal(syscall.SIGTERM)
	if code, log := p.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

func TestAReloadSetsLevelAndFormOfTheLog(t *testing.T) {
	p := start(t, "- Spam: {sleep: 0.05}\n- DevNullSink\n")
	p.reload("- Global: {logging: {format: json}}\n- Spam: {sleep: 0.05}\n- DevNullSink\n", `"message":"reloaded: nothing has changed"`)
	p.write("- Global: {logging: {level: error}}\n- Spam: {sleep: 0.05}\n- DevNullSink: {id: new, log_level: info}\n")
	p.signal(syscall.SIGALRM) // as the Python program did
	until(t, "a line of the new module", func() bool { return strings.Contains(p.text(), " - new - INFO - started") })
	p.signal(syscall.SIGTERM)
	code, log := p.wait()
	if code != 0 || strings.Contains(log, "removed DevNullSink") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}
