package webhdfssink_test

import (
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/webhdfssink"
)

// HDFS-1, HDFS-2 and HDFS-6.
func TestLinesGoToTheFilesTheyBelongTo(t *testing.T) {
	f := newFake(t)
	events := []*event.Event{
		actortest.Event(t, `{"ip": "10.0.0.1", "url": "/a", "t": "2015-06-17T10:00:00Z"}`),
		actortest.Event(t, `{"ip": "../../etc/passwd", "url": "/b", "t": "2015-06-18T10:00:00Z"}`),
		actortest.Event(t, `{"url": "/c\n", "t": 1434535200}`),
		actortest.Event(t, `{"ip": "..", "url": "/d", "t": "2015-06-17T23:30:00Z"}`),
		actortest.Event(t, `{"ip": "10.0.0.1", "url": "/e", "t": "2015-06-17T10:00:00Z"}`),
	}
	actortest.Sink(t, webhdfssink.Spec, "server: "+f.URL+"\nuser: me\npath: logs/%Y/%m/\nname_pattern: '%d-$(ip).log'\nformat: $(url)\ntimestamp_field: t\ntimezone: Europe/Berlin", events...)
	for path, want := range map[string]string{
		"/logs/2015/06/17-10.0.0.1.log": "/a\n/e\n", "/logs/2015/06/18-.._.._etc_passwd.log": "/b\n", "/logs/2015/06/17-unknown.log": "/c\n", "/logs/2015/06/18-_.log": "/d\n",
	} {
		if got := f.file(path); got != want {
			t.Errorf("%s holds %q", path, got)
		}
	}
	if len(f.files) != 4 {
		t.Errorf("files %v", f.files)
	}
	f = newFake(t)
	actortest.Sink(t, webhdfssink.Spec, "server: "+f.URL+"\nuser: me\npath: /%Y\nname_pattern: access-$(gambolputty.event_type).log\ndelete_fields: [gambolputty]", actortest.Events("x")...)
	if got := f.file("/" + time.Now().UTC().Format("2006") + "/access-Unknown.log"); got != "{\"data\":\"x\"}\n" {
		t.Errorf("the whole event is %q", got)
	}
}

// HDFS-3: one append for all lines, and nothing is asked twice.
func TestWhatIsKnownIsNotAskedAgain(t *testing.T) {
	f := newFake(t)
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- WebHdfsSink:\n    "+strings.ReplaceAll(target, "\n", "\n    ")+"server: "+f.URL+"\n", webhdfssink.Spec, actortest.Lines(feed))
	for i := range 3 {
		feed <- fmt.Sprint(i)
		for end := time.Now().Add(20 * time.Second); len(f.file("/logs/a")) < 2*i+2 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	close(feed)
	r.Finish()
	for what, want := range map[string]int{"name PUT MKDIRS /logs ": 1, "name GET GETFILESTATUS": 1, "data PUT CREATE /logs/a ": 1, "data POST APPEND /logs/a ": 3, "name POST APPEND /logs/a ": 3} {
		if got := f.asked(what); got != want {
			t.Errorf("%s: %d times, in\n%s", what, got, strings.Join(f.requests, "\n"))
		}
	}
	if f.file("/logs/a") != "0\n1\n2\n" {
		t.Errorf("the file holds %q", f.file("/logs/a"))
	}
}

// HDFS-4.
func TestAServerThatTakesDataItself(t *testing.T) {
	f := newFake(t)
	f.direct = true
	write(t, f, "", "a", "b")
	if f.file("/logs/a") != "a\nb\n" || f.asked("data") > 0 {
		t.Errorf("the file holds %q", f.file("/logs/a"))
	}
}

// HDFS-5.
func TestCompressedFilesCanBeReadAsAWhole(t *testing.T) {
	for kind, ending := range map[string]string{"gzip": ".gz", "snappy": ".snappy"} {
		f := newFake(t)
		for range 3 {
			write(t, f, "compress: "+kind, "spam", "eggs")
		}
		r := io.Reader(snappy.NewReader(strings.NewReader(f.file("/logs/a" + ending))))
		if kind == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(f.file("/logs/a" + ending)))
			if err != nil {
				t.Fatal(err)
			}
			r = z
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != strings.Repeat("spam\neggs\n", 3) {
			t.Errorf("%s: %q %v", kind, text, err)
		}
	}
}

func TestWhatHasArrivedIsNotWrittenAgain(t *testing.T) {
	for name, c := range map[string]struct {
		bytes   int
		options string
	}{
		"nothing": {0, ""}, "a part": {7, ""}, "all": {99, ""}, "nothing compressed": {0, "compress: gzip"}, "a compressed part": {9, "compress: gzip"}, "all compressed": {999, "compress: gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.dirs["/logs"], f.files["/logs/a"], f.files["/logs/a.gz"] = true, "old\n", packed("old\n")
			f.script = []step{f.cut(c.bytes), throw(403, "AlreadyBeingCreatedException")}
			log := write(t, f, c.options, "spam", "eggs")
			got := f.file("/logs/a")
			if c.options != "" {
				z, err := gzip.NewReader(strings.NewReader(f.file("/logs/a.gz")))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			if got != "old\nspam\neggs\n" || !strings.Contains(log, "not known whether the data has arrived") {
				t.Errorf("the file holds %q\n%s", got, log)
			}
		})
	}
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text)) // a buffer takes everything
	z.Close()
	return b.String()
}

// HDFS-7.
func TestAFileThatAnotherHoldsIsWaitedFor(t *testing.T) {
	for _, kind := range []string{"AlreadyBeingCreatedException", "RecoveryInProgressException", "LeaseExpiredException"} {
		f := newFake(t)
		f.dirs["/logs"], f.files["/logs/a"] = true, ""
		f.name = []step{pass, pass, throw(403, kind), throw(403, kind)}
		log := write(t, f, "", "a")
		if f.file("/logs/a") != "a\n" || strings.Contains(log, "target failed") {
			t.Errorf("%s: the file holds %q\n%s", kind, f.file("/logs/a"), log)
		}
	}
	f := newFake(t)
	f.dirs["/logs"], f.files["/logs/a"] = true, ""
	for range 9 {
		f.name = append(f.name, throw(403, "LeaseExpiredException"))
	}
	f.name[0] = pass
	if log := write(t, f, "", "a"); !strings.Contains(log, "target failed") || f.file("/logs/a") != "a\n" {
		t.Errorf("held for long: %q\n%s", f.file("/logs/a"), log)
	}
}

func TestPassingFailures(t *testing.T) {
	for name, c := range map[string]step{
		"500": throw(500, "RuntimeException"), "503": throw(503, ""), "safe mode": throw(403, "SafeModeException"), "403 of any kind": throw(403, "IOException"),
		"garbage":   func(w http.ResponseWriter, _ *http.Request, _ string) bool { io.WriteString(w, "<html>"); return true },
		"no status": func(w http.ResponseWriter, _ *http.Request, _ string) bool { io.WriteString(w, "{}"); return true },
		"cut":       func(http.ResponseWriter, *http.Request, string) bool { panic(http.ErrAbortHandler) },
		"nowhere": func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			w.Header().Set("Location", "http://")
			w.WriteHeader(307)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.name = []step{pass, c}
			if log := write(t, f, "", "a", "b"); f.file("/logs/a") != "a\nb\n" || name != "cut" && !strings.Contains(log, "target works again") {
				t.Errorf("the file holds %q\n%s", f.file("/logs/a"), log) // the library itself repeats what was cut
			}
		})
	}
}

func TestWhatIsForbiddenIsNamedAndKept(t *testing.T) {
	for _, kind := range []string{"AccessControlException", "DSQuotaExceededException", "NSQuotaExceededException", ""} {
		f := newFake(t)
		f.name = []step{pass, pass, throw(403, kind)}
		log := write(t, f, "", "a")
		if f.file("/logs/a") != "a\n" || !strings.Contains(log, "user me may not write /logs/a") || strings.Contains(log, "a.b.c") {
			t.Errorf("%s: the file holds %q\n%s", kind, f.file("/logs/a"), log)
		}
	}
	f := newFake(t)
	f.name = []step{pass, throw(401, "SecurityException")}
	log := write(t, f, "delegation_token: se/cret\ntimeout: 5", "a")
	if f.file("/logs/a") != "a\n" || !strings.Contains(log, "the owner of delegation_token may not write") || strings.Contains(log, "cret") {
		t.Errorf("the file holds %q\n%s", f.file("/logs/a"), log)
	}
}

func TestSecretsAreNotShownWhenAConnectionFails(t *testing.T) {
	r := begin(t, nil, "server: 127.0.0.1:1\ndelegation_token: se/cret\nstart_timeout_in_secs: 0.3", "a")
	if err := r.Err(); err == nil || strings.Contains(err.Error()+r.Log(), "cret") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v, the log says\n%s", err, r.Log())
	}
}

func TestPathsThatCanNeverBeAreRejected(t *testing.T) {
	f := newFake(t)
	f.name = []step{pass, throw(400, "IllegalArgumentException")}
	file := filepath.Join(t.TempDir(), "rejected")
	write(t, f, "reject_action: file\nreject_file: "+file, "a")
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "IllegalArgumentException") {
		t.Errorf("rejected is %s %v", text, err)
	}
}

func TestOneFileInTroubleDoesNotStopTheOthers(t *testing.T) {
	f := newFake(t)
	f.name = []step{pass, throw(403, "AccessControlException")}
	feed := make(chan string, 2)
	feed <- "b"
	feed <- "a"
	close(feed)
	r := actortest.Start(t, "- Lines\n- WebHdfsSink:\n    server: "+f.URL+"\n    user: me\n    path: /logs\n    name_pattern: $(data)\n    format: $(data)\n    retry_max_interval_in_secs: 0.01\n    store_interval_in_secs: 0.1\n", webhdfssink.Spec, actortest.Lines(feed))
	r.Finish()
	if f.file("/logs/a") != "a\n" || f.file("/logs/b") != "b\n" {
		t.Errorf("files %v", f.files)
	}
}

func TestAFileThatIsRemovedIsMadeAgain(t *testing.T) {
	f := newFake(t)
	f.script = []step{pass, func(http.ResponseWriter, *http.Request, string) bool {
		delete(f.files, "/logs/a")
		panic(http.ErrAbortHandler)
	}}
	if write(t, f, "", "a"); f.file("/logs/a") != "a\n" {
		t.Errorf("the file holds %q", f.file("/logs/a"))
	}
	f = newFake(t)
	f.name = []step{pass, pass, pass, pass, throw(404, "FileNotFoundException")}
	if write(t, f, "", "a"); f.file("/logs/a") != "a\n" {
		t.Errorf("the file holds %q", f.file("/logs/a"))
	}
}

func TestFilesAreRotated(t *testing.T) {
	f := newFake(t)
	f.dirs["/logs"] = true
	for i := 1; i <= 6; i++ {
		f.files[fmt.Sprintf("/logs/a.%d", i)] = "old\n"
	}
	f.files["/logs/a"] = "begun\n"
	write(t, f, "rotate_size: 12", "spam", "eggs", "ham", "a line that is longer than the limit", "end")
	for name, want := range map[string]string{"a.7": "begun\n", "a.8": "spam\neggs\n", "a.9": "ham\n", "a.10": "a line that is longer than the limit\n", "a": "end\n", "a.6": "old\n"} {
		if got := f.file("/logs/" + name); got != want {
			t.Errorf("%s holds %q", name, got)
		}
	}
	f = newFake(t)
	write(t, f, "rotate_size: 30\ncompress: gzip", "spam", "eggs")
	write(t, f, "rotate_size: 30\ncompress: gzip", "ham")
	if len(f.files) != 2 || f.file("/logs/a.1.gz") == "" || f.file("/logs/a.gz") == "" {
		t.Errorf("files %q", f.files)
	}
}

func TestTheNextNameNodeIsAskedIfOneIsOnStandby(t *testing.T) {
	standby, active := newFake(t), newFake(t)
	standby.standby = true
	servers := fmt.Sprintf("servers: [127.0.0.1:1, %s, %s]", standby.URL, active.URL)
	if log := write(t, nil, servers, "a"); active.file("/logs/a") != "a\n" || strings.Contains(log, "target failed") {
		t.Errorf("the file holds %q\n%s", active.file("/logs/a"), log)
	}
	if n := standby.asked(""); n != 1 {
		t.Errorf("the one on standby was asked %d times", n)
	}
}

func TestTLS(t *testing.T) {
	f := prepared(t)
	tls := httptest.NewUnstartedServer(http.HandlerFunc(f.nameNode))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that leaves
	tls.StartTLS()
	f.Server, f.direct = tls, true
	defer tls.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(tls.URL, "https://")
	for _, options := range []string{"server: " + tls.URL + "\ncacert: " + ca, "server: " + host + "\ntls: True\ncacert: " + ca, "servers: [" + host + "]\ntls: True\ntls_verify: False"} {
		write(t, f, options, "a")
	}
	if f.file("/logs/a") != "a\na\na\n" {
		t.Errorf("the file holds %q", f.file("/logs/a"))
	}
	if err := begin(t, f, "server: "+tls.URL+"\nstart_timeout_in_secs: 0.3", "a").Err(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody is taken: %v", err)
	}
}

func TestNewFilesGetWhatTheOptionsSay(t *testing.T) {
	f := newFake(t)
	var uri string
	f.script = []step{func(_ http.ResponseWriter, r *http.Request, _ string) bool { uri = r.URL.RawQuery; return false }}
	write(t, f, "block_size: 1048576\nreplication_factor: 2", "a")
	if uri != "blocksize=1048576&op=CREATE&overwrite=false&replication=2&user.name=me" {
		t.Errorf("asked for %s", uri)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	const rest = "user: me\npath: /a\nname_pattern: b\n"
	actortest.Wrong(t, webhdfssink.Spec, map[string]string{
		"path: /a\nname_pattern: b":                "user",
		"user: me\nname_pattern: b":                "path",
		"user: me\npath: /a":                       "name_pattern",
		rest + "kerberos: True":                    "kerberos: Kerberos is not supported by this program; get a token",
		rest + "kerberos_keytab: /x":               "use delegation_token",
		rest + "kerberos_principal: x":             "use delegation_token",
		rest + "server: ftp://a":                   "server: must be host",
		rest + "server: a b":                       "server: must be host",
		rest + "servers: []":                       "servers",
		rest + "servers: [a]\nserver: b":           "server: cannot be set together",
		rest + "compress: zip":                     "compress",
		rest + "batch_size: 0":                     "batch_size",
		rest + "timezone: Mars":                    "timezone",
		rest + "cert: /x":                          "key",
		"user: ''\npath: /a\nname_pattern: b":      "user: must not be empty",
		"user: me\npath: /a\nname_pattern: b/":     "name_pattern: must be the name",
		"user: me\npath: /a/../b\nname_pattern: b": "path: must not hold",
	})
	for _, server := range []string{"a", "a:50070", "https://a", "'::1'", "http://gw/webhdfs/v1"} {
		if err := actortest.Options(t, webhdfssink.Spec, rest+"server: "+server); err != nil {
			t.Error(err)
		}
	}
}
