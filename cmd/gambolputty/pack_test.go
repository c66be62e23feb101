//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// packTest is a pack of real processes, each on an address of its own.
type packTest struct {
	t       *testing.T
	program string
	dir     string
	port    string
}

func newPackTest(t *testing.T) *packTest {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "gambolputty")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return &packTest{t, program, dir, freePort(t)}
}

// packNode is one of them. Each has its own port in IN and its own file in OUT.
type packNode struct {
	*process
	name, out string
	in        string
}

// pack is what the files begin with.
func (k *packTest) pack(name, role string, host int, more, configuration string) string {
	return fmt.Sprintf("- Pack: {name: test, secret: a secret of many letters, node_name: %s, interface: 127.0.40.%d, port: %s, join: [127.0.40.2, 127.0.40.3, 127.0.40.4], interval: 100ms, dead_after: 1, pack: %s%s}\n- PackConfiguration: {interval: 200ms%s}\n",
		name, host, k.port, role, more, configuration)
}

func (k *packTest) file(name string) string { return filepath.Join(k.dir, name+".yml") }

func (k *packTest) write(name, conf string) {
	k.t.Helper()
	if err := os.WriteFile(k.file(name), []byte(conf), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// start runs a node and waits until it has started.
func (k *packTest) start(name, conf string) *packNode {
	k.t.Helper()
	k.write(name, conf)
	return k.again(&packNode{name: name, out: filepath.Join(k.dir, name+".out"), in: freePort(k.t)})
}

// again runs a node with what it had.
func (k *packTest) again(n *packNode) *packNode {
	k.t.Helper()
	p := &process{t: k.t, path: k.file(n.name), cmd: exec.Command(k.program, "run", "-c", k.file(n.name)), logged: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "OUT="+n.out, fmt.Sprint("IN=", n.in))
	log, err := p.cmd.StderrPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.logged
		p.cmd.Wait()
		if k.t.Failed() {
			k.t.Logf("%s:\n%s", n.name, p.text())
		}
	})
	go p.follow(bufio.NewScanner(log))
	next := &packNode{p, n.name, n.out, n.in}
	next.says("started with")
	return next
}

// says waits for a line of the log.
func (n *packNode) says(want string) {
	n.t.Helper()
	until(n.t, n.name+" to say "+want, func() bool { return strings.Contains(n.text(), want) })
}

// ships waits until a line that is sent to the node is in its file with a version before it.
func (n *packNode) ships(version string) {
	n.t.Helper()
	line := fmt.Sprint(version, " ", time.Now().UnixNano())
	until(n.t, n.name+" to ship "+version, func() bool {
		if c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", n.in)); err == nil {
			fmt.Fprintln(c, strings.TrimPrefix(line, version+" "))
			c.Close()
			time.Sleep(50 * time.Millisecond) // until it is written
		}
		text, err := os.ReadFile(n.out)
		return err == nil && strings.Contains(string(text), line)
	})
}

// flow is a pipeline that marks lines with a version.
func flow(version string) string {
	return "- TcpServer:\n    interface: 127.0.0.1\n    port: ${IN}\n- FileSink: {file_name: '${OUT}', format: '" + version + " $(data)', store_interval_in_secs: 0}\n"
}

func TestTheLeaderConfiguresItsFollowers(t *testing.T) {
	k := newPackTest(t)
	leading := k.pack("leader", "leader", 2, "", "")
	leader := k.start("leader", leading+flow("v1"))
	following := "# mine\n" + k.pack("follower", "follower", 3, "", "")
	f := k.start("follower", following)
	f.ships("v1")
	leader.ships("v1")

	k.write("leader", leading+flow("v2")) // which the leader notices by itself
	f.ships("v2")
	leader.ships("v2")

	k.write("leader", leading+flow("v3")+"- ExecPython: {source: 'x = 1', receivers: []}\n")
	leader.says("ExecPython is not in allow_modules of node follower")
	f.ships("v2")

	k.write("leader", leading+flow("v4")+"- FileSink: {id: own, file_name: x}\n")
	f.ships("v4")

	k.write("follower", following+"- UdpServer: {id: mine, interface: 127.0.0.1, port: 0, receivers: [other]}\n- DevNullSink: {id: other}\n")
	f.signal(syscall.SIGHUP)
	f.says("mine - INFO - started")
	f.ships("v4")
	k.write("leader", leading+strings.Replace(flow("v5"), "- FileSink", "- Noop: {id: mine}\n- FileSink", 1))
	f.ships("v5")
	f.says("is not taken, as there is an own one with its id")

	l, err := net.Listen("tcp", "127.0.40.9:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	k.write("leader", leading+flow("v6")+fmt.Sprintf("- TcpServer: {id: more, interface: 127.0.40.9, port: %d, receivers: [FileSink]}\n", taken))
	// The leader itself does not start with that either, so that nobody gets it.
	leader.says("the former one goes on")
	f.ships("v5")

	k.write("leader", leading+flow("v7"))
	f.ships("v7")
	if text, err := os.ReadFile(k.file("follower")); err != nil || !strings.HasPrefix(string(text), "# mine\n") || strings.Contains(string(text), "v7") {
		t.Errorf("the file of the follower is %s %v", text, err)
	}
	info, err := os.Stat(k.file("follower") + ".pack")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	leader.cmd.Process.Kill()
	f.says("nobody leads the pack any more")
	f.ships("v7")
	f.signal(syscall.SIGTERM)
	if code, _ := f.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	f = k.again(f)
	f.says("the kept revision is used")
	f.ships("v7")
	k.write("leader", leading+flow("v8"))
	k.again(leader).ships("v8")
	f.ships("v8")
}

func TestARevisionThatDoesNotStartIsTakenBack(t *testing.T) {
	k := newPackTest(t)
	leading := k.pack("leader", "leader", 2, "", "")
	leader := k.start("leader", leading+flow("v1"))
	f := k.start("follower", k.pack("follower", "follower", 3, "", ""))
	f.ships("v1")
	taken, err := net.Listen("tcp", fmt.Sprint("127.0.40.8:", f.in))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	k.write("leader", leading+flow("v2")+"- TcpServer:\n    id: more\n    interface: 127.0.40.8\n    port: ${IN}\n    receivers: [FileSink]\n")
	leader.ships("v2")
	leader.says("state=rolled_back")
	f.says("the revision was taken back")
	f.ships("v1")
	k.write("leader", leading+flow("v3"))
	f.ships("v3")
}

func TestAnElectedPackGoesOnWithTheLastRevision(t *testing.T) {
	k := newPackTest(t)
	var all []*packNode
	head := func(i int) string {
		return k.pack(string(rune('a'+i)), "auto", i+2, ", voters: 3, data_dir: "+filepath.Join(k.dir, fmt.Sprint("votes", i)), "")
	}
	for i := range 3 {
		all = append(all, k.start(string(rune('a'+i)), head(i)))
	}
	leaderOf := func(nodes ...*packNode) (leader int) {
		until(t, "a leader", func() bool {
			for i, n := range nodes {
				at := strings.LastIndex(n.text(), "leader_changed: ")
				if at < 0 {
					return false
				}
				if name := strings.Fields(n.text()[at:])[1]; strings.HasPrefix(name, n.name) {
					leader = i
					return true
				}
			}
			return false
		})
		return leader
	}
	first := leaderOf(all...)
	k.write(all[first].name, head(int(all[first].name[0]-'a'))+flow("v1"))
	for _, n := range all {
		n.ships("v1")
	}
	gone := all[first]
	gone.cmd.Process.Kill()
	rest := append(append([]*packNode{}, all[:first]...), all[first+1:]...)
	for _, n := range rest {
		n.says("node_dead: " + gone.name)
		n.ships("v1")
	}
	second := rest[leaderOf(rest...)]
	k.write(second.name, head(int(second.name[0]-'a'))+flow("v2"))
	for _, n := range rest {
		n.ships("v2")
	}
}

func TestAReloadOfTheLeaderReachesTheOthersBeforeItsNextLook(t *testing.T) {
	k := newPackTest(t)
	leading := strings.Replace(k.pack("leader", "leader", 2, "", ""), "interval: 200ms", "interval: 1h", 1)
	leader := k.start("leader", leading+flow("v1"))
	f := k.start("follower", k.pack("follower", "follower", 3, "", ""))
	f.ships("v1")
	k.write("leader", leading+flow("v2"))
	leader.signal(syscall.SIGHUP)
	f.ships("v2")
}
