//go:build integration

package kafkatest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/stages/internal/porttest"
)

// The users that the broker knows, for all mechanisms of SASL.
const (
	User     = "brian"
	Password = "naughty"
)

// Broker is a real broker of its own, without anything else. Its ports stay the same for as
// long as the test runs.
type Broker struct {
	*Tool
	t    testing.TB
	dir  string
	jars string
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
	port struct{ plain, sasl, ssl, saslSSL, controller int }
	CA   Files
}

// Start starts a broker. Its settings may be changed, one per argument, as in
// "auto.create.topics.enable=true".
func Start(t testing.TB, settings ...string) *Broker {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{t: t, dir: t.TempDir(), jars: filepath.Join(cache, "gambolputty", "kafka", "*")}
	taken := map[int]bool{}
	for _, p := range []*int{&b.port.plain, &b.port.sasl, &b.port.ssl, &b.port.saslSSL, &b.port.controller} {
		for *p == 0 || taken[*p] {
			*p = porttest.Free(t)
		}
		taken[*p] = true
	}
	b.CA = newFiles(t, b.dir)
	b.configure(settings)
	b.format()
	b.Tool = NewTool(t, nil, b.Addr())
	b.Run()
	t.Cleanup(b.Kill)
	return b
}

// Addr, AddrSASL, AddrSSL and AddrSASLSSL are where it listens.
func (b *Broker) Addr() string        { return Local(b.port.plain) }
func (b *Broker) AddrSASL() string    { return Local(b.port.sasl) }
func (b *Broker) AddrSSL() string     { return Local(b.port.ssl) }
func (b *Broker) AddrSASLSSL() string { return Local(b.port.saslSSL) }

func (b *Broker) configure(settings []string) {
	var listeners []string
	for name, port := range map[string]int{"PLAIN": b.port.plain, "SASL": b.port.sasl, "SSL": b.port.ssl, "SASLSSL": b.port.saslSSL} {
		listeners = append(listeners, fmt.Sprintf("%s://127.0.0.1:%d", name, port))
	}
	advertised := strings.Join(listeners, ",")
	lines := []string{
		"process.roles=broker,controller", "node.id=1",
		fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d", b.port.controller),
		fmt.Sprintf("listeners=%s,CONTROLLER://127.0.0.1:%d", advertised, b.port.controller),
		"advertised.listeners=" + advertised,
		"controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAIN",
		"listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,SASLSSL:SASL_SSL,CONTROLLER:PLAINTEXT",
		"log.dirs=" + filepath.Join(b.dir, "data"),
		"num.partitions=1", "offsets.topic.num.partitions=1", "offsets.topic.replication.factor=1",
		"transaction.state.log.num.partitions=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
		"group.initial.rebalance.delay.ms=0", "group.min.session.timeout.ms=1000", "auto.create.topics.enable=false", "log.retention.check.interval.ms=500",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + b.CA.serverPair, "ssl.truststore.type=PEM", "ssl.truststore.location=" + b.CA.Authority, "ssl.client.auth=requested",
		"listener.name.ssl.ssl.client.auth=required",
	}
	for _, l := range []string{"sasl", "saslssl"} {
		at := "listener.name." + l + "."
		lines = append(lines,
			at+"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
			fmt.Sprintf(`%splain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%s="%s";`, at, User, Password),
			at+"scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
			at+"scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
			at+`oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
		)
	}
	text := strings.Join(append(lines, settings...), "\n") + "\n"
	if err := os.WriteFile(b.file("server.properties"), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *Broker) file(name string) string { return filepath.Join(b.dir, name) }

// java makes a command that runs a class of the broker.
func (b *Broker) java(class string, args ...string) *exec.Cmd {
	all := []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", b.jars, class}
	return exec.Command("java", append(all, args...)...)
}

func (b *Broker) format() {
	b.t.Helper()
	args := []string{"format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", b.file("server.properties")}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, User, Password))
	}
	if text, err := b.java("kafka.tools.StorageTool", args...).CombinedOutput(); err != nil {
		b.t.Fatalf("format the storage, have the jars been installed by .ci/services? %v\n%s", err, text)
	}
}

// Run starts the broker again after Stop or Kill, and waits until it answers.
func (b *Broker) Run() {
	b.t.Helper()
	log, err := os.OpenFile(b.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	b.cmd = b.java("kafka.Kafka", b.file("server.properties"))
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		b.t.Fatalf("start the broker: %v", err)
	}
	gone, cmd := make(chan struct{}), b.cmd
	go func() { defer close(gone); cmd.Wait() }()
	b.gone = gone
	for end := time.Now().Add(time.Minute); !b.answers(); time.Sleep(100 * time.Millisecond) {
		ended := false
		select {
		case <-gone:
			ended = true
		default:
		}
		if ended || time.Now().After(end) {
			text, _ := os.ReadFile(b.file("log")) // there may be none
			b.t.Fatalf("the broker does not start, have the jars been installed by .ci/services?\n%s", text)
		}
	}
}

// answers reports whether the broker knows itself.
func (b *Broker) answers() bool {
	c, err := net.DialTimeout("tcp", b.Addr(), time.Second)
	if err != nil {
		return false
	}
	c.Close()
	a, err := sarama.NewClusterAdmin([]string{b.Addr()}, b.config)
	if err != nil {
		return false
	}
	defer a.Close()
	_, err = a.ListTopics()
	return err == nil
}

// Stop ends the broker in good order.
func (b *Broker) Stop() { b.signal(syscall.SIGTERM) }

// Kill ends it at once.
func (b *Broker) Kill() { b.signal(syscall.SIGKILL) }

func (b *Broker) signal(s syscall.Signal) {
	b.cmd.Process.Signal(s)
	<-b.gone
}

// Freeze makes it hang, and Thaw lets it go on.
func (b *Broker) Freeze() { b.cmd.Process.Signal(syscall.SIGSTOP) }
func (b *Broker) Thaw()   { b.cmd.Process.Signal(syscall.SIGCONT) }

// Restart ends the broker and starts it again.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Stop()
	b.Run()
}
