//go:build integration && linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wires is a switch between network namespaces. It is a part of the test, so that it can lose
// packets without anything that the kernel or a package would have to bring along.
type wires struct {
	mu    sync.Mutex
	dice  *rand.Rand
	loss  float64
	side  map[int]bool
	ports []*os.File
}

// plug makes a network device that leads to the switch, and gives it to a namespace.
func (w *wires) plug(t *testing.T, ns, addr string) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	name := "gpt" + ns[len(ns)-1:]
	req, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), name)
	run(t, "ip", "netns", "add", ns)
	t.Cleanup(func() { run(t, "ip", "netns", "del", ns) })
	t.Cleanup(func() { f.Close() })
	run(t, "ip", "link", "set", name, "netns", ns)
	in := []string{"ip", "netns", "exec", ns, "ip"}
	run(t, append(in, "addr", "add", addr+"/24", "broadcast", "10.98.0.255", "dev", name)...)
	run(t, append(in, "link", "set", name, "up")...)
	run(t, append(in, "link", "set", "lo", "up")...)
	w.mu.Lock()
	i := len(w.ports)
	w.ports = append(w.ports, f)
	w.mu.Unlock()
	go w.carry(i, f)
}

// carry hands on what comes from a port until it is closed.
func (w *wires) carry(i int, f *os.File) {
	frame := make([]byte, 65536)
	for {
		n, err := f.Read(frame)
		if err != nil {
			return
		}
		w.mu.Lock()
		for k, to := range w.ports {
			if k != i && w.side[k] == w.side[i] && w.dice.Float64() >= w.loss {
				_, _ = to.Write(frame[:n]) // a device that is full or gone loses it
			}
		}
		w.mu.Unlock()
	}
}

// split takes the ports of nodes from all others; without any, all reach each other again.
func (w *wires) split(nodes ...*packNode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.side)
	for _, n := range nodes {
		w.side[int(n.name[0]-'a')] = true
	}
}

func (w *wires) lose(share float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loss = share
}

var ledBy = regexp.MustCompile(`leader_changed: (\S+).* term=(\d+)`)

// TestIntegrationFiveNodesInAStorm runs five processes in network namespaces of their own and a switch between them
// that loses 30 % of all packets and falls apart. It must be run as root.
func TestIntegrationFiveNodesInAStorm(t *testing.T) {
	k := newPackTest(t)
	w := &wires{dice: rand.New(rand.NewPCG(1, 1)), side: map[int]bool{}}
	var five []*packNode
	start := func(i int, secret string) *packNode {
		t.Helper()
		name, ns := string(rune('a'+i)), fmt.Sprint("gpstorm", i)
		w.plug(t, ns, fmt.Sprintf("10.98.0.%d", i+1))
		role := fmt.Sprintf("auto, voters: 5, data_dir: %s", filepath.Join(k.dir, "votes"+name))
		if i > 4 {
			role = "follower"
		}
		k.write(name, fmt.Sprintf("- Pack: {name: test, secret: %s, node_name: %s, join: [10.98.0.1, 10.98.0.2, 10.98.0.3, 10.98.0.4, 10.98.0.5], interval: 1, dead_after: 4, pack: %s}\n- PackConfiguration: {interval: 500ms}\n",
			secret, name, role))
		p := &process{t: t, path: k.file(name), cmd: exec.Command("ip", "netns", "exec", ns, k.program, "run", "-c", k.file(name)), logged: make(chan struct{})}
		log, err := p.cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			p.cmd.Process.Kill()
			<-p.logged
			p.cmd.Wait()
			if t.Failed() {
				t.Logf("%s:\n%s", name, p.text())
			}
		})
		go p.follow(bufio.NewScanner(log))
		return &packNode{process: p, name: name}
	}
	for i := range 5 {
		five = append(five, start(i, "a secret of many letters"))
	}
	agreed := func(nodes ...*packNode) (leader *packNode) {
		t.Helper()
		until(t, "one leader", func() bool {
			name := nodes[0].leads()
			i := slices.IndexFunc(nodes, func(n *packNode) bool { return n.name == name })
			if i < 0 || slices.ContainsFunc(nodes, func(n *packNode) bool { return n.leads() != name }) {
				return false
			}
			leader = nodes[i]
			return true
		})
		return leader
	}
	but := func(some ...*packNode) []*packNode {
		return slices.DeleteFunc(slices.Clone(five), func(n *packNode) bool { return slices.Contains(some, n) })
	}
	agreed(five...)

	w.lose(0.3)
	time.Sleep(8 * time.Second) // of bad weather
	w.lose(0)
	leader := agreed(five...)

	minority := []*packNode{leader, but(leader)[0]}
	majority := but(minority...)
	w.split(minority...)
	next := agreed(majority...)
	for _, n := range minority {
		until(t, n.name+" to have no leader", func() bool { return n.leads() == "nobody" })
	}
	text, err := os.ReadFile(k.file(next.name))
	if err != nil {
		t.Fatal(err)
	}
	k.write(next.name, string(text)+"- Spam: {id: v1, event: spam, sleep: 1, receivers: [v1out]}\n- DevNullSink: {id: v1out}\n")
	for _, n := range majority {
		n.says("v1out - INFO - started")
	}
	for _, n := range minority {
		if strings.Contains(n.text(), "v1out") || n.leads() != "nobody" {
			t.Errorf("%s has %s for its leader and what was given on the other side", n.name, n.leads())
		}
	}
	w.split()
	leader = agreed(five...)
	for _, n := range minority {
		n.says("v1out - INFO - started")
	}

	thief := start(5, "the secret of somebody else")
	leader.cmd.Process.Kill() // that is of ip netns exec, which has become the program
	agreed(but(leader)...)
	until(t, "the warning", func() bool {
		return slices.ContainsFunc(five, func(n *packNode) bool {
			return strings.Contains(n.text(), "no node of this pack has sent from=10.98.0.6")
		})
	}) // by those that it asks
	if strings.Contains(thief.text(), "node_joined") {
		t.Error("who does not know the secret is let in")
	}

	leaders := map[string]string{}
	for _, n := range five {
		for _, m := range ledBy.FindAllStringSubmatch(n.text(), -1) {
			if name, term := m[1], m[2]; name != "nobody" {
				if other := leaders[term]; other != "" && other != name {
					t.Errorf("%s and %s both led in term %s", other, name, term)
				}
				leaders[term] = name
			}
		}
	}
	t.Logf("leaders by term: %v", leaders)
}
