//go:build integration

package zabbixsink_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/porttest"
	"gambolputty/stages/outputs/zabbixsink"
)

// python runs a program that works on the database of a proxy.
func python(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command("python3", append([]string{"-c", program}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(bytes.TrimSpace(out))
}

// fill makes a database with a host web1 and two items for values from outside.
const fill = `
import gzip, sqlite3, sys
d = sqlite3.connect(sys.argv[1])
d.executescript(gzip.open('/usr/share/zabbix-proxy-sqlite3/schema.sql.gz', 'rt').read())
d.execute("insert into hosts (hostid, host, name, status) values (10001, 'web1', 'web1', 0)")
for number, (key, kind) in enumerate([('gambolputty_n', 3), ('gambolputty_text', 4)]):
    d.execute("insert into items (itemid, type, hostid, name, key_, value_type, status, params, description) values (?, 2, 10001, ?, ?, ?, 0, '', '')", (20001 + number, key, key, kind))
    d.execute("insert into item_rtdata (itemid) values (?)", (20001 + number,))
d.commit()
`

// stored prints the values that the proxy has.
const stored = `
import sqlite3, sys
d = sqlite3.connect(sys.argv[1])
print(d.execute('select itemid, clock, value from proxy_history order by id').fetchall())
`

func TestIntegrationAProxyOfZabbix(t *testing.T) {
	port := porttest.Free(t)
	dir := t.TempDir()
	database, conf := filepath.Join(dir, "proxy.db"), filepath.Join(dir, "proxy.conf")
	python(t, fill, database)
	text := fmt.Sprintf("ProxyMode=1\nServer=127.0.0.1\nHostname=proxy\nListenIP=127.0.0.1\nListenPort=%d\nLogType=console\nDBName=%s\nAllowRoot=1\nPidFile=%s/pid\nSocketDir=%[3]s\nStartTrappers=1\nStartPollers=0\nStartPingers=0\nStartDiscoverers=0\nStartHTTPPollers=0\nStartPollersUnreachable=0\n", port, database, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := exec.Command("zabbix_proxy", "-f", "-c", conf)
	var log bytes.Buffer
	proxy.Stdout, proxy.Stderr = &log, &log
	if err := proxy.Start(); err != nil {
		t.Fatalf("zabbix_proxy, which .ci/services installs: %v", err)
	}
	t.Cleanup(func() {
		proxy.Process.Signal(os.Interrupt) // it ends its children
		proxy.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	// The proxy does not listen yet: the sink waits for it.
	actortest.Sink(t, zabbixsink.Spec, fmt.Sprintf("hostname: web1\nfields: [n, text, unknown]\nretry_max_interval_in_secs: 0.2\nserver: 127.0.0.1:%d", port),
		actortest.Event(t, `{"n":5,"text":"spam","timestamp":1434535200}`), actortest.Event(t, `{"n":6,"unknown":"x","timestamp":1434535201}`))
	const want = "[(20001, 1434535200, '5'), (20002, 1434535200, 'spam'), (20001, 1434535201, '6')]"
	got := ""
	for late := time.Now().Add(30 * time.Second); got != want && time.Now().Before(late); time.Sleep(200 * time.Millisecond) {
		got = python(t, stored, database) // the proxy writes once a second
	}
	if got != want {
		t.Errorf("the proxy has %s", got)
	}
}
