//go:build integration

package stages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gambolputty/stages/internal/redisconn/redistest"
)

// inJython makes Beaver run in Jython, which has no processes to share a queue and lacks two
// modules that Beaver imports and does not need here.
const inJython = `
import Queue, signal, sys, threading, types
sys.path.insert(0, %q)
for name in 'sqlite3', 'mmap', 'multiprocessing':
    sys.modules[name] = types.ModuleType(name)
sys.modules['mmap'].mmap = type('mmap', (), {})
class Process(threading.Thread):
    def __init__(self, target=None, args=()):
        threading.Thread.__init__(self, target=target, args=args)
        self.daemon = True
    def terminate(self):
        pass
sys.modules['multiprocessing'].Process = Process
sys.modules['multiprocessing'].JoinableQueue = Queue.Queue
signal.signal = lambda *a: None
from beaver.dispatcher.tail import run
from beaver.utils import parse_args
run(parse_args())
`

// beaver starts a real Beaver that follows the file with the given lines in [beaver].
func beaver(t *testing.T, file, options string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir, home := t.TempDir(), filepath.Join(cache, "gambolputty", "beaver")
	conf := write(t, filepath.Join(dir, "beaver.conf"), fmt.Sprintf("[beaver]\nlogstash_version: 1\n%s\n\n[%s]\ntype: nginx\nstart_position: beginning\n", options, file))
	script := write(t, filepath.Join(dir, "beaver.py"), fmt.Sprintf(inJython, home))
	daemon(t, "java", "-Xmx256m", "-jar", filepath.Join(home, "jython.jar"), script, "-c", conf)
}

func TestIntegrationBeaver(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text, err := os.ReadFile("../examples/beaver.yml")
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("port: 5151", "port: 0\n    interface: 127.0.0.1", "port: 5152", "port: 0\n    interface: 127.0.0.1").Replace(string(text))
	dir := t.TempDir()
	s := newShipper(t, buildProgram(t, "-race"), conf, "LOG_DIR="+dir, fmt.Sprintf("REDIS_PORT=%d", redis.Port)).start()
	port := func(id string) string { a := s.address(id); return a[strings.LastIndexByte(a, ':')+1:] }

	ways := map[string]string{
		"json over tcp":      "transport: tcp\ntcp_host: 127.0.0.1\nformat: json\ntcp_port: " + port("json_lines"),
		"msgpack over tcp":   "transport: tcp\ntcp_host: 127.0.0.1\nformat: msgpack\ntcp_port: " + port("msgpack_stream"),
		"json through redis": fmt.Sprintf("transport: redis\nformat: json\nredis_namespace: beaver\nredis_url: redis://127.0.0.1:%d/0", redis.Port),
	}
	const lines = 2000
	var want []string
	for name, options := range ways {
		var log strings.Builder
		for i := range lines {
			line := fmt.Sprintf("%s: grünes Licht Nummer %04d", name, i)
			fmt.Fprintln(&log, line)
			want = append(want, line)
		}
		beaver(t, write(t, filepath.Join(t.TempDir(), "access.log"), log.String()), options)
	}
	var got []string
	until(t, "all lines are there", func() bool {
		got = received(t, dir)
		return len(got) >= len(want)
	})
	s.stop()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d lines came, %d were written; the first is %q", len(got), len(want), got[0])
	}
}

// received are the lines in the files of the sink, without the host in front of them.
func received(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "nginx-*.log"))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			list = append(list, line)
		}
	}
	return list
}
