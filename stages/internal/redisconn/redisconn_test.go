package redisconn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/redisconn/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func client(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	o := Defaults
	o.SocketTimeout = 5 * time.Second
	change(&o)
	c, err := o.New(quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func set(key, value string) Command {
	return Command{Key: key, Name: "SET", Args: []any{key, value}, Again: true}
}

func get(key string) Command {
	return Command{Key: key, Name: "GET", Args: []any{key}, Again: true}
}

// works writes and reads a value.
func works(t *testing.T, c *Client) {
	t.Helper()
	if _, err := c.Do(t.Context(), set("Gambol", "Putty")); err != nil {
		t.Fatal(err)
	}
	if v, err := redis.String(c.Do(t.Context(), get("Gambol"))); v != "Putty" || err != nil {
		t.Fatalf("got %q, %v", v, err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAServer(t *testing.T) {
	m := miniredis.RunT(t)
	c := client(t, func(o *Options) { o.Server, o.DB = m.Addr(), 3 })
	works(t, c)
	if v, err := m.DB(3).Get("Gambol"); v != "Putty" || err != nil {
		t.Errorf("the value is not in database 3: %v", err)
	}
	if c.Target() != "redis at "+m.Addr() {
		t.Errorf("the target is %q", c.Target())
	}
	replies, err := c.Run(t.Context(), set("a", "1"), Command{Name: "LPUSH", Args: []any{"a", "x"}}, get("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := replies[1].(redis.Error); !ok || replies[0] != "OK" || string(replies[2].([]byte)) != "1" {
		t.Errorf("replies are %v", replies)
	}
	if replies, err := c.Run(t.Context()); replies != nil || err != nil {
		t.Errorf("nothing to do gives %v, %v", replies, err)
	}
}

func TestPasswords(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("brian", "secret")
	works(t, client(t, func(o *Options) { o.Server, o.Username, o.Password = m.Addr(), "brian", "secret" }))
	err := client(t, func(o *Options) { o.Server, o.Username, o.Password = m.Addr(), "brian", "wrong" }).Ping(t.Context())
	if err == nil || !strings.Contains(err.Error(), m.Addr()) || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("a wrong password gives %v", err)
	}
	if err := client(t, func(o *Options) { o.Server = m.Addr() }).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("no password gives %v", err)
	}
}

func TestAUnixSocket(t *testing.T) {
	m := miniredis.RunT(t)
	path := filepath.Join(t.TempDir(), "redis.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", m.Addr())
			if err != nil {
				return
			}
			all.Go(func() { io.Copy(out, in); out.Close() })
			all.Go(func() { io.Copy(in, out); in.Close() })
		}
	})
	for _, change := range []func(*Options){
		func(o *Options) { o.UnixSocketPath = path }, func(o *Options) { o.Server = "unix:" + path }, func(o *Options) { o.Server = "unix://" + path },
	} {
		c := client(t, change)
		works(t, c)
		c.Close()
	}
	l.Close()
	all.Wait()
}

func TestAServerThatComesBack(t *testing.T) {
	m := miniredis.RunT(t)
	c := client(t, func(o *Options) { o.Server = m.Addr() })
	for range 3 { // several connections
		together(t, 5, func() error { _, err := c.Do(t.Context(), set("a", "1")); return err })
	}
	m.Close()
	if _, err := c.Do(t.Context(), get("a")); err == nil {
		t.Error("a server that is away answers")
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	works(t, c)
	m.Close()
	if err := m.Restart(); err != nil { // nobody has noticed
		t.Fatal(err)
	}
	works(t, c)
	m.Close()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), Command{Name: "INCR", Args: []any{"n"}}); err == nil {
		t.Error("a command that may have been run was run once more")
	}
}

func together(t *testing.T, n int, f func() error) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	m := miniredis.RunT(t)
	c := client(t, func(o *Options) { o.Server, o.MaxConnections = m.Addr(), 2 })
	together(t, 20, func() error { _, err := c.Do(t.Context(), set("a", "1")); return err })
	if n := m.TotalConnectionCount(); n > 2 {
		t.Errorf("there were %d connections", n)
	}
}

// deaf accepts connections and never answers.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, c := range open {
			c.Close()
		}
	})
	return l.Addr().String()
}

func TestNothingTakesLongerThanAllowed(t *testing.T) {
	c := client(t, func(o *Options) { o.Server, o.SocketTimeout = deaf(t), 50*time.Millisecond })
	if _, err := c.Do(t.Context(), get("a")); err == nil {
		t.Error("a server that does not answer has answered")
	}
	c = client(t, func(o *Options) { o.Server, o.SocketTimeout = deaf(t), time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Do(ctx, get("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSentinelsKnowTheMaster(t *testing.T) {
	a, b := miniredis.RunT(t), miniredis.RunT(t)
	s := redistest.NewSentinel(t, a, b)
	c := client(t, func(o *Options) { o.Sentinels, o.MasterName = []string{"127.0.0.1:1", s.Addr}, "mymaster" })
	works(t, c)
	if !a.Exists("Gambol") {
		t.Error("the master has not got it")
	}
	s.Promote(b) // the connections to the former master are still there
	works(t, c)
	if !b.Exists("Gambol") {
		t.Error("the new master has not got it")
	}
	a.Close()
	s.Promote(a)
	b.Close()
	s.Restart(t, a)
	works(t, c)
	unknown := client(t, func(o *Options) { o.Sentinels, o.MasterName = []string{s.Addr}, "nobody" })
	if err := unknown.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "no sentinel knows the master nobody") {
		t.Errorf("got %v", err)
	}
}

func TestSlots(t *testing.T) {
	for key, want := range map[string]int{
		"123456789": 0x31c3, "foo": 12182, "bar": 5061, "hello": 866, "": 0,
		"{user1000}.following": Slot("user1000"), "foo{}{bar}": int(crc16("foo{}{bar}") % slotCount), "foo{{bar}}zap": Slot("{bar"), "foo{bar}{zap}": Slot("bar"),
	} {
		if got := Slot(key); got != want {
			t.Errorf("%q is in slot %d, want %d", key, got, want)
		}
	}
}

func inCluster(t *testing.T, n int) (*redistest.Cluster, *Client) {
	t.Helper()
	k := redistest.NewCluster(t, n, Slot)
	c := client(t, func(o *Options) { o.Cluster, o.DB = Nodes{k.Addr(n - 1)}, 5 })
	return k, c
}

func TestAClusterGetsEveryCommandWhereItBelongs(t *testing.T) {
	k, c := inCluster(t, 3)
	works(t, c)
	var commands []Command
	for i := range 100 {
		commands = append(commands, set(fmt.Sprint("key", i), fmt.Sprint(i)))
	}
	if _, err := c.Run(t.Context(), commands...); err != nil {
		t.Fatal(err)
	}
	commands = commands[:0]
	for i := range 100 {
		commands = append(commands, get(fmt.Sprint("key", i)))
	}
	replies, err := c.Run(t.Context(), commands...)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range replies {
		if string(r.([]byte)) != fmt.Sprint(i) {
			t.Errorf("reply %d is %v", i, r)
		}
	}
	if k.Moved() != 0 {
		t.Errorf("%d commands went astray", k.Moved())
	}
	for i, s := range k.Servers {
		if n := len(s.Keys()); n < 20 {
			t.Errorf("server %d has %d keys", i, n)
		}
	}
	nodes, err := c.Masters(t.Context())
	if err != nil || len(nodes) != 3 {
		t.Errorf("there are %d masters, %v", len(nodes), err)
	}
}

func TestAClusterIsFollowedWhenSlotsMove(t *testing.T) {
	k, c := inCluster(t, 3)
	works(t, c)
	to := (k.Owner("Gambol") + 1) % 3
	k.Move("Gambol", to)
	works(t, c)
	if !k.Servers[to].Exists("Gambol") {
		t.Error("the value is not where it should be")
	}
	before := k.Moved()
	works(t, c)
	if k.Moved() != before {
		t.Error("the client has not learnt it")
	}
	k.Ask("Gambol", (to+1)%3)
	works(t, c)
	if !k.Servers[(to+1)%3].Exists("Gambol") {
		t.Error("the value is not where it is on its way to")
	}
	k.TryLater(3)
	works(t, c)
}

func TestANodeOfAClusterThatFails(t *testing.T) {
	k, c := inCluster(t, 3)
	works(t, c)
	dead := k.Owner("Gambol")
	k.Servers[dead].Close()
	k.Move("Gambol", (dead+1)%3)
	if _, err := c.Do(t.Context(), set("Gambol", "Putty")); err != nil {
		t.Error(err)
	}
	if err := c.Ping(t.Context()); err == nil {
		t.Error("a node that is away has answered")
	}
	all := client(t, func(o *Options) { o.Cluster = Nodes{"127.0.0.1:1"} })
	if err := all.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "no node of the cluster can be asked") {
		t.Errorf("got %v", err)
	}
}

func TestAConnectionOfOnesOwn(t *testing.T) {
	k, c := inCluster(t, 2)
	m := miniredis.RunT(t)
	for _, c := range []*Client{c, client(t, func(o *Options) { o.Server = m.Addr() })} {
		n, err := c.Conn(t.Context(), "list")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := redis.DoContext(n, t.Context(), "RPUSH", "list", "a"); err != nil {
			t.Fatal(err)
		}
		reply, err := redis.Strings(redis.DoWithTimeout(n, 10*time.Second, "BLPOP", "list", 5))
		if err != nil || len(reply) != 2 || reply[1] != "a" {
			t.Errorf("got %v, %v", reply, err)
		}
		n.Close()
	}
	if k.Moved() != 0 {
		t.Error("the connection leads elsewhere")
	}
}

// module has the options.
type module struct{ Options }

// Validate checks the options.
func (m *module) Validate() error { return m.CheckRedis() }

var spec = actor.DefineProcessor(actor.Info{Name: "Module", Role: actor.Misc}, module{Defaults}, func(actor.Env, module) (actor.Processor, error) { return nil, nil })

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, spec, map[string]string{
		"server: 'a b'": "must be host", "server: 'unix:'": "unix: with a path", "server: a:b:c": "must be host", "port: 70000": "65535", "db: -1": "at least 0", "socket_timeout: 0": "at least 1ms",
		"username: brian": "password: required", "sentinels: [a]": "master_name", "master_name: m": "sentinels", "max_connections: 0": "at least 1",
		"cluster: {'a:1': 'b:1'}\nunix_socket_path: /s": "cannot be set together with cluster", "url: http://x": "must look like", "url: redis://x/y": "must be a number", "url: 5": "must be string",
		"url: redis://x\nserver: a\ncluster: {a: }": "cannot be set together", "cluster: 5": "must be map", "cluster: {a: {b: c}}": "list of addresses", "cluster: {'a:x': []}": "host or host:port", "cert: x": "key",
	})
	for _, options := range []string{
		"server: '[::1]:6379'", "server: ::1", "server: redis.example.com", "cluster: {'172.16.0.1:6379': '172.16.0.2:6379', b: [c, d], e: }", "sentinels: [a, 'b:1']\nsentinel_master: m", "url: rediss://brian:x@host:1/3", "password: 4711",
		"db: 0\npassword: null\nunix_socket_path: null",
	} {
		if err := actortest.Options(t, spec, options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
}

// certificate writes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (file string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

func TestTLS(t *testing.T) {
	file, pair := certificate(t)
	m, err := miniredis.RunTLS(&tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	works(t, client(t, func(o *Options) { o.Server, o.TLS, o.CACert = m.Addr(), true, file }))
	works(t, client(t, func(o *Options) { o.URL, o.CACert = URL{host: m.Addr(), tls: true}, file }))
	if err := client(t, func(o *Options) { o.Server, o.TLS = m.Addr(), true }).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority gives %v", err)
	}
	if err := client(t, func(o *Options) { o.Server, o.SocketTimeout = m.Addr(), time.Second }).Ping(t.Context()); err == nil {
		t.Error("a server with TLS is spoken to without")
	}
}

func TestAURLSaysItAll(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("brian", "s:c/r@t")
	works(t, client(t, func(o *Options) {
		if err := o.URL.DecodeOption(&option.Value{Kind: option.String, Text: "redis://brian:s%3Ac%2Fr%40t@" + m.Addr() + "/2", FromEnv: true}); err != nil {
			t.Fatal(err)
		}
	}))
	if !m.DB(2).Exists("Gambol") {
		t.Error("the value is not in database 2")
	}
	var u URL
	if err := u.DecodeOption(&option.Value{Kind: option.String, Text: "redis://secret@host"}); err == nil || strings.Contains(err.Error(), "secret@") {
		t.Errorf("a password in the file gives %v", err)
	}
	if text, _ := u.MarshalText(); string(text) != "host" {
		t.Errorf("the address is shown as %s", text)
	}
}
