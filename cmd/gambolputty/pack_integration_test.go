//go:build integration && linux

package main

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// run runs a command that must succeed.
func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestIntegrationTheElectedLeaderIsCutOff runs three nodes in network namespaces of their own, which find each
// other by broadcasts, and pulls the cable of the leader. It must be run as root.
func TestIntegrationTheElectedLeaderIsCutOff(t *testing.T) {
	k := newPackTest(t)
	run(t, "ip", "link", "add", "gpbridge", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "del", "gpbridge") })
	run(t, "ip", "link", "set", "gpbridge", "up")
	var all []*packNode
	for i := range 3 {
		ns := fmt.Sprint("gpnode", i)
		run(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { run(t, "ip", "netns", "del", ns) })
		run(t, "ip", "link", "add", "gpveth"+fmt.Sprint(i), "type", "veth", "peer", "name", "eth0", "netns", ns)
		// It goes with its namespace, which may take the kernel a while.
		t.Cleanup(func() { run(t, "ip", "link", "del", "gpveth"+fmt.Sprint(i)) })
		run(t, "ip", "link", "set", "gpveth"+fmt.Sprint(i), "master", "gpbridge", "up")
		in := []string{"ip", "netns", "exec", ns}
		run(t, append(in, "ip", "addr", "add", fmt.Sprintf("10.99.0.%d/24", i+1), "broadcast", "10.99.0.255", "dev", "eth0")...)
		run(t, append(in, "ip", "link", "set", "eth0", "up")...)
		run(t, append(in, "ip", "link", "set", "lo", "up")...)
	}
	for i := range 3 {
		name := string(rune('a' + i))
		k.write(name, fmt.Sprintf("- Pack: {name: test, secret: a secret of many letters, node_name: %s, broadcast: 10.99.0.255, interval: 500ms, dead_after: 3, pack: auto, voters: 3, data_dir: %s}\n- PackConfiguration: {interval: 500ms}\n",
			name, filepath.Join(k.dir, "votes"+name)))
		p := &process{t: t, cmd: exec.Command("ip", "netns", "exec", fmt.Sprint("gpnode", i), k.program, "run", "-c", k.file(name)), logged: make(chan struct{})}
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
		all = append(all, &packNode{process: p, name: name})
	}
	leader := ""
	agreed := func(nodes ...*packNode) bool {
		leader = nodes[0].leads()
		return leader != "" && leader != "nobody" && !slices.ContainsFunc(nodes, func(n *packNode) bool { return n.leads() != leader })
	}
	until(t, "one leader", func() bool { return agreed(all...) })
	first := leader
	run(t, "ip", "link", "set", "gpveth"+fmt.Sprint(int(first[0]-'a')), "down")
	rest := slices.DeleteFunc(slices.Clone(all), func(n *packNode) bool { return n.name == first })
	until(t, "another leader", func() bool { return agreed(rest...) && leader != first })
	old := all[int(first[0]-'a')]
	until(t, "the old one to give up", func() bool { return old.leads() == "nobody" })
	run(t, "ip", "link", "set", "gpveth"+fmt.Sprint(int(first[0]-'a')), "up")
	until(t, "one pack again", func() bool { return agreed(all...) })
}

// leads is the leader that a node has told of last.
func (n *packNode) leads() string {
	text := n.text()
	at := strings.LastIndex(text, "leader_changed: ")
	if at < 0 {
		return ""
	}
	return strings.Fields(text[at:])[1]
}
