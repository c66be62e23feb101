//go:build integration

package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a server may take to do what it must do.
const patience = 30 * time.Second

// Real is a real server on this host.
type Real struct {
	t       *testing.T
	program string
	args    []string
	cmd     *exec.Cmd
	Port    int
	Dir     string
}

// Port finds a port of this host that is free, and the one 10000 above it too.
func Port(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		if free(port) && free(port+10_000) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Start starts a redis-server with further arguments, which the test ends.
func Start(t *testing.T, args ...string) *Real {
	t.Helper()
	r := &Real{t: t, program: "redis-server", Port: Port(t), Dir: t.TempDir()}
	r.args = append([]string{"--port", strconv.Itoa(r.Port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.Dir}, args...)
	r.Run()
	return r
}

// StartSentinel starts a sentinel for a master called mymaster.
func StartSentinel(t *testing.T, master *Real) *Real {
	t.Helper()
	r := &Real{t: t, program: "redis-server", Port: Port(t), Dir: t.TempDir()}
	conf := filepath.Join(r.Dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor mymaster 127.0.0.1 %d 1\nsentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 5000\n", r.Port, r.Dir, master.Port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = []string{conf, "--sentinel"}
	r.Run()
	return r
}

// Run starts the server, also after Stop.
func (r *Real) Run() {
	r.t.Helper()
	r.cmd = exec.Command(r.program, r.args...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("start %s, which .ci/services installs: %v", r.program, err)
	}
	cmd := r.cmd
	r.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	Until(r.t, "the server answers", func() bool {
		c, err := net.Dial("tcp", r.Addr())
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// Stop ends the server.
func (r *Real) Stop() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}

// Addr is the address of the server.
func (r *Real) Addr() string { return fmt.Sprintf("127.0.0.1:%d", r.Port) }

// CLI runs redis-cli and returns what it prints.
func (r *Real) CLI(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-p", strconv.Itoa(r.Port)}, args...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Until waits for something to become true.
func Until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// StartCluster starts n masters that form a cluster.
func StartCluster(t *testing.T, n int) []*Real {
	t.Helper()
	var list []*Real
	args := []string{"--cluster", "create"}
	for range n {
		r := Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		list = append(list, r)
		args = append(args, r.Addr())
	}
	list[0].CLI(append(args, "--cluster-replicas", "0", "--cluster-yes")...)
	for _, r := range list {
		Until(t, "the cluster is complete", func() bool { return strings.Contains(r.CLI("cluster", "info"), "cluster_state:ok") })
	}
	return list
}
