//go:build integration

package graphitesink_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/udpserver"
	"gambolputty/stages/internal/porttest"
	"gambolputty/stages/modifiers/modifyfields"
	"gambolputty/stages/outputs/graphitesink"
	"gambolputty/stages/parsers/collectdparser"
)

// carbon is a real carbon-cache.
type carbon struct {
	t            *testing.T
	dir          string
	line, pickle int
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// daemon starts a program and ends it with the test.
func daemon(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed: %v", name, err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // it may have ended already
		cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s says:\n%s", name, text)
		}
	})
}

func startCarbon(t *testing.T) *carbon {
	t.Helper()
	c := &carbon{t: t, dir: t.TempDir(), line: porttest.Free(t), pickle: porttest.Free(t)}
	conf := write(t, filepath.Join(c.dir, "carbon.conf"), fmt.Sprintf(`[cache]
STORAGE_DIR = %[1]s
CONF_DIR = %[1]s
LOG_DIR = %[1]s
PID_DIR = %[1]s
LOCAL_DATA_DIR = %[1]s/data
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = %[2]d
ENABLE_UDP_LISTENER = True
UDP_RECEIVER_INTERFACE = 127.0.0.1
UDP_RECEIVER_PORT = %[2]d
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = %[3]d
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = %[4]d
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
ENABLE_TAGS = False
`, c.dir, c.line, c.pickle, porttest.Free(t)))
	write(t, filepath.Join(c.dir, "storage-schemas.conf"), "[all]\npattern = .*\nretentions = 1s:1h\n")
	daemon(t, "carbon-cache", "--config="+conf, "--nodaemon", "--logdir="+c.dir, "start")
	for _, port := range []int{c.line, c.pickle} {
		actortest.Until(t, "carbon listens", func() bool {
			conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
			if err != nil {
				return false
			}
			conn.Close()
			return true
		})
	}
	return c
}

// value reads what carbon has stored for a path at a time.
func (c *carbon) value(path string, at int64) string {
	file := filepath.Join(c.dir, "data", strings.ReplaceAll(path, ".", "/")+".wsp")
	out, err := exec.Command("whisper-fetch", fmt.Sprint("--from=", at-1), fmt.Sprint("--until=", at), file).Output()
	if err != nil {
		return "" // it is not there yet
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if value, ok := strings.CutPrefix(line, fmt.Sprintf("%d\t", at)); ok && value != "None" {
			return value
		}
	}
	return ""
}

func TestIntegrationCarbonStoresMetrics(t *testing.T) {
	c := startCarbon(t)
	at := time.Now().Add(-10 * time.Second).Unix()
	for name, options := range map[string]string{
		"lines":  fmt.Sprint("port: ", c.line),
		"pickle": fmt.Sprint("pickle: True\nport: ", c.pickle),
		"udp":    fmt.Sprint("proto: udp\nport: ", c.line),
	} {
		t.Run(name, func(t *testing.T) {
			actortest.Sink(t, graphitesink.Spec, "server: 127.0.0.1\nprefix: "+name+"\ntimestamp_field: at\nformats: ['web.$(host).count $(count)', 'web.$(host).share $(share)']\n"+options,
				actortest.Event(t, fmt.Sprintf(`{"host":"sp am.é","count":7,"share":0.25,"at":%d}`, at)))
			actortest.Until(t, "carbon has stored it", func() bool {
				return c.value(name+".web.sp_am.é.count", at) == "7.000000" && c.value(name+".web.sp_am.é.share", at) == "0.250000"
			})
		})
	}
}

// The way of examples/collectd-to-graphite.yml: collectd measures, carbon stores.
func TestIntegrationCollectdToCarbon(t *testing.T) {
	c := startCarbon(t)
	text, err := os.ReadFile("../../../examples/collectd-to-graphite.yml")
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.NewReplacer("port: 25826", "port: 0\n    interface: 127.0.0.1", "${GRAPHITE_SERVER:-localhost}", "127.0.0.1", "${GRAPHITE_PORT:-2004}", fmt.Sprint(c.pickle)).Replace(string(text)))
	r := actortest.Start(t, string(text), udpserver.Spec, collectdparser.Spec, modifyfields.Spec, graphitesink.Spec)
	host, port, err := net.SplitHostPort(r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile("../../../examples/collectd-to-graphite-collectd.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	own := strings.NewReplacer(`Interval 10`, `Interval 1`, `Server "loghost" "25826"`, fmt.Sprintf("Server %q %q", host, port)).Replace(string(conf))
	path := write(t, filepath.Join(dir, "collectd.conf"), fmt.Sprintf("Hostname \"spam.example\"\nFQDNLookup false\nBaseDir %q\nPIDFile \"%s/pid\"\nTypesDB \"/usr/share/collectd/types.db\"\n%s", dir, dir, own))
	daemon(t, "collectd", "-f", "-C", path)
	actortest.Until(t, "carbon has stored the load", func() bool {
		for ago := range int64(20) {
			if c.value("collectd.spam_example.load.load.shortterm", time.Now().Unix()-ago) != "" {
				return true
			}
		}
		return false
	})
	r.Stop()
}
