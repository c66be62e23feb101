package nmapscanner_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/nmapscanner"
)

// fakeFolder is the variable that makes the test binary an nmap which answers from a folder.
const fakeFolder = "FAKE_NMAP"

func TestMain(m *testing.M) {
	if folder := os.Getenv(fakeFolder); folder != "" {
		os.Exit(fakeNmap(folder, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// fakeNmap answers with the file that is named after its target, with : for / and .xml behind it.
// Beside that, .err holds what it says before it fails, and .hang the address where it reports.
func fakeNmap(folder string, args []string) int {
	if len(args) == 2 && args[0] == "report" {
		return hang(args[1])
	}
	if err := note(folder, "begin "+strings.Join(args, " ")); err != nil {
		return 99
	}
	name := filepath.Join(folder, strings.ReplaceAll(args[len(args)-1], "/", "_"))
	if address, err := os.ReadFile(name + ".hang"); err == nil {
		if exec.Command(os.Args[0], "report", string(address)).Start() != nil {
			return 99
		}
		return hang(string(address))
	}
	text, err := os.ReadFile(name + ".xml")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 99
	}
	if _, err := os.Stdout.Write(text); err != nil {
		return 98
	}
	said, err := os.ReadFile(name + ".err")
	fmt.Fprintf(os.Stderr, "%s", said)
	if note(folder, "end") != nil {
		return 99
	}
	if err == nil {
		return 1
	}
	return 0
}

func note(folder, line string) error {
	f, err := os.OpenFile(filepath.Join(folder, "calls"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// hang tells its process id and waits to be killed.
func hang(address string) int {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 97
	}
	fmt.Fprintln(c, os.Getpid())
	_, _ = c.Read(make([]byte, 1))
	return 96
}

// fake is the folder from which nmap answers.
type fake struct {
	t      *testing.T
	folder string
	self   string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t, t.TempDir(), self}
	t.Setenv(fakeFolder, f.folder)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each call takes a second if races are looked for
	return f
}

// answer sets what nmap writes for a target; kind is xml, err or hang.
func (f *fake) answer(target, kind, text string) {
	f.t.Helper()
	name := filepath.Join(f.folder, strings.ReplaceAll(target, "/", "_")+"."+kind)
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		f.t.Fatal(err)
	}
}

// up makes a network with hosts in which one port is open.
func (f *fake) up(network string, hosts ...string) {
	f.t.Helper()
	var found strings.Builder
	for _, h := range hosts {
		kind, bits := "ipv4", "32"
		if strings.Contains(h, ":") {
			kind, bits = "ipv6", "128"
		}
		plain, _, _ := strings.Cut(h, "%")
		head := `<host><status state="up" reason="echo-reply"/><address addr="` + plain + `" addrtype="` + kind + `"/>`
		found.WriteString(head + "</host>")
		f.answer(h+"/"+bits, "xml", run(head+`<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/></port></ports></host>`))
	}
	f.answer(network, "xml", run(found.String()))
}

// run is a whole report.
func run(hosts string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE nmaprun><nmaprun scanner="nmap">` + hosts + `<runstats><finished exit="success"/></runstats></nmaprun>`
}

// calls are the command lines that nmap was called with, and their ends.
func (f *fake) calls() []string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.folder, "calls"))
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// commands are the command lines alone.
func (f *fake) commands() []string {
	var list []string
	for _, line := range f.calls() {
		if args, ok := strings.CutPrefix(line, "begin "); ok {
			list = append(list, args)
		}
	}
	return list
}

func (f *fake) start(options string) *actortest.Running {
	f.t.Helper()
	return actortest.Source(f.t, nmapscanner.Spec, "nmap_path: '"+f.self+"'\n"+options)
}

// hung is a process that waits to be killed.
type hung struct {
	t    *testing.T
	conn net.Conn
	pid  string
}

// hangs makes nmap hang at a target, together with a child, and returns a function that waits for both.
func (f *fake) hangs(target string) func() []hung {
	f.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = l.Close() })
	f.answer(target, "hang", l.Addr().String())
	return func() []hung {
		f.t.Helper()
		var list []hung
		for range 2 {
			if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				f.t.Fatal(err)
			}
			c, err := l.Accept()
			if err != nil {
				f.t.Fatal(err)
			}
			f.t.Cleanup(func() { _ = c.Close() })
			line, err := bufio.NewReader(c).ReadString('\n')
			if err != nil {
				f.t.Fatal(err)
			}
			list = append(list, hung{f.t, c, strings.TrimSpace(line)})
		}
		return list
	}
}

// gone waits until the process has ended.
func (h hung) gone() {
	h.t.Helper()
	if err := h.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		h.t.Errorf("process %s still runs", h.pid)
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

var pid = strconv.Itoa(os.Getpid())
