//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gambolputty/stages/cluster/packconfiguration"
)

// command runs a command against a node with a web server and returns what it prints.
func (k *packTest) command(port string, args ...string) string {
	k.t.Helper()
	args = append(append([]string{"pack"}, args...), "--url", "http://127.0.0.1:"+port)
	out, err := exec.Command(k.program, args...).CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

func TestAPackIsApprovedAndRolledBackFromTheCommandLine(t *testing.T) {
	k := newPackTest(t)
	web := freePort(t)
	leading := k.pack("leader", "leader", 2, "", ", approve: manual, ignore_modules: [WebserverTornado]") + "- WebserverTornado: {port: " + web + "}\n"
	leader := k.start("leader", leading+flow("v1"))
	f := k.start("follower", k.pack("follower", "follower", 3, "", ""))
	until(t, "something to approve", func() bool { return strings.Contains(k.command(web, "approve"), "revision 1 (") })
	f.ships("v1")
	if out := k.command(web, "approve"); !strings.Contains(out, "no revision waits for approval") {
		t.Error(out)
	}

	k.write("leader", leading+flow("v2"))
	leader.ships("v2")
	until(t, "the difference", func() bool {
		out := k.command(web, "diff")
		return strings.Contains(out, "-- FileSink: {file_name: '${OUT}', format: 'v1 $(data)', store_interval_in_secs: 0}\n+- FileSink: {file_name: '${OUT}', format: 'v2 $(data)', store_interval_in_secs: 0}\n")
	})
	if out := k.command(web, "members"); !strings.Contains(out, "waits for approval") || !strings.Contains(out, "in_sync") {
		t.Error(out)
	}
	if out := k.command(web, "approve", "7"); !strings.Contains(out, "revision 7 does not wait for approval, but 2 does") {
		t.Error(out)
	}
	if out := k.command(web, "approve", "2"); !strings.Contains(out, "is approved") {
		t.Error(out)
	}
	f.ships("v2")

	if out := k.command(web, "rollback"); !strings.Contains(out, "rolled back with revision 3") {
		t.Error(out)
	}
	f.ships("v1")
	leader.ships("v1")
	leader.signal(syscall.SIGHUP) // the file is what it was
	leader.says("nothing has changed")
	leader.ships("v1")
	out := k.command(web, "history")
	for _, want := range []string{"3 ", " *", "rollback of 2 to 1", "anybody at 127.0.0.1 (cli)", "approve", "rollback"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	leader.signal(syscall.SIGTERM)
	leader.wait()
	leader = k.again(leader)
	leader.says("they were rolled back")
	leader.ships("v1")
	k.write("leader", leading+flow("v3"))
	leader.ships("v3")
	f.ships("v1") // until somebody approves
	until(t, "the approval", func() bool { return strings.Contains(k.command(web, "approve", "4"), "is approved") })
	f.ships("v3")
}

func TestKeysAreMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pack.key")
	var out bytes.Buffer
	keygen := func() error {
		root := newRoot(streams{in: strings.NewReader(""), out: &out, err: &out})
		root.SetArgs([]string{"pack", "keygen", path})
		return root.Execute()
	}
	if err := keygen(); err != nil {
		t.Fatal(err)
	}
	if _, err := packconfiguration.PublicKey(strings.TrimSpace(out.String())); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := keygen(); err == nil {
		t.Error("the key was made again")
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the key was replaced: %v", err)
	}
}
