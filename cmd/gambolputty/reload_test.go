//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
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

// descriptors counts the open files of the process. Only Linux tells them; elsewhere there are
// none to compare, and all else is checked.
func (p *process) descriptors() int {
	p.t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(entries)
}

// goroutines counts those of the process, as its profile tells.
func (p *process) goroutines() int {
	p.t.Helper()
	req, err := http.NewRequest("GET", "http://"+p.web+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.SetBasicAuth("brian", "naughty")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var n int
	if _, err := fmt.Fscanf(res.Body, "goroutine profile: total %d", &n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

func TestReloadsUnderLoadLoseNothing(t *testing.T) { reloadUnderLoad(t, 12) }

// reloadUnderLoad changes the configuration at random again and again while one connection
// sends lines without a pause. What follows from the changes is counted at the end: lines,
// open files, goroutines.
func reloadUnderLoad(t *testing.T, rounds int) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	conf := func() string {
		var text strings.Builder
		fmt.Fprintf(&text, "- Global: {workers: %d, queue_size: %d}\n- WebserverTornado: {port: 0, pprof: True, users: {brian: naughty}}\n", 1+random.IntN(3), 5+random.IntN(20))
		if random.IntN(2) == 0 {
			text.WriteString("- UdpServer: {interface: 127.0.0.1, port: 0, receivers: [ModifyFields]}\n")
		}
		text.WriteString("- TcpServer: {interface: 127.0.0.1, port: 0}\n")
		if random.IntN(2) == 0 {
			fmt.Fprintf(&text, "- AddDateTime: {target_field: at%d}\n", random.IntN(3))
		}
		fmt.Fprintf(&text, "- ModifyFields: {action: insert, target_field: v, value: %d}\n", random.IntN(3))
		fmt.Fprintf(&text, "- FileSink: {file_name: %s, format: $(data), store_interval_in_secs: %d}\n", out, random.IntN(3))
		return text.String()
	}
	plain := fmt.Sprintf("- WebserverTornado: {port: 0, pprof: True, users: {brian: naughty}}\n- TcpServer: {interface: 127.0.0.1, port: 0}\n- FileSink: {file_name: %s, format: $(data)}\n", out)
	p := start(t, plain)
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
	before, running := p.descriptors(), p.goroutines()
	for range rounds {
		p.reload(conf(), "reloaded: ")
	}
	p.reload(plain, "reloaded: ")
	until(t, "the files and goroutines to be as few as before", func() bool {
		return p.descriptors() <= before+2 && p.goroutines() <= running+2
	})
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
