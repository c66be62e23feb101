//go:build integration

package redisconn

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gambolputty/stages/internal/redisconn/redistest"
)

func TestIntegrationUsersOfTheServer(t *testing.T) {
	r := redistest.Start(t, "--requirepass", "secret", "--user", "brian", "on", ">naughty", "~*", "+@all")
	works(t, client(t, func(o *Options) { o.Server, o.Password, o.DB = r.Addr(), "secret", 7 }))
	works(t, client(t, func(o *Options) { o.Server, o.Username, o.Password = r.Addr(), "brian", "naughty" }))
	err := client(t, func(o *Options) { o.Server, o.Username, o.Password = r.Addr(), "brian", "boy" }).Ping(t.Context())
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("got %v", err)
	}
	if err := client(t, func(o *Options) { o.Server, o.Password, o.DB = r.Addr(), "secret", 99 }).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("a database that is not there gives %v", err)
	}
}

func TestIntegrationUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	redistest.Start(t, "--unixsocket", path)
	works(t, client(t, func(o *Options) { o.UnixSocketPath = path }))
}

func TestIntegrationTLS(t *testing.T) {
	cert, key := pemFiles(t)
	port := redistest.Port(t)
	redistest.Start(t, "--tls-port", fmt.Sprint(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	works(t, client(t, func(o *Options) { o.Server, o.TLS, o.CACert, o.Cert, o.Key = address, true, cert, cert, key }))
	if err := client(t, func(o *Options) { o.Server, o.TLS, o.CACert = address, true, cert }).Ping(t.Context()); err == nil {
		t.Error("the server wants a certificate and got none")
	}
}

func TestIntegrationAServerThatComesBack(t *testing.T) {
	r := redistest.Start(t)
	c := client(t, func(o *Options) { o.Server = r.Addr() })
	works(t, c)
	r.Stop()
	if _, err := c.Do(t.Context(), get("a")); err == nil {
		t.Error("a server that is away answers")
	}
	r.Run()
	works(t, c)
}

func TestIntegrationSentinelsKnowTheMaster(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.Start(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.Port))
	sentinel := redistest.StartSentinel(t, master)
	redistest.Until(t, "the sentinel knows the replica", func() bool {
		return strings.Contains(sentinel.CLI("sentinel", "replicas", "mymaster"), fmt.Sprint(replica.Port)) &&
			strings.Contains(replica.CLI("info", "replication"), "master_link_status:up")
	})
	c := client(t, func(o *Options) { o.Sentinels, o.MasterName = []string{sentinel.Addr()}, "mymaster" })
	works(t, c)
	master.Stop()
	redistest.Until(t, "the replica is the master", func() bool {
		_, err := c.Do(t.Context(), set("after", "failover"))
		return err == nil
	})
	if got := replica.CLI("get", "after"); got != "failover" {
		t.Errorf("the new master has %q", got)
	}
}

func TestIntegrationACluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3)
	c := client(t, func(o *Options) { o.Cluster = Nodes{nodes[2].Addr()} })
	var commands, reads []Command
	for i := range 300 {
		commands = append(commands, set(fmt.Sprint("key", i), fmt.Sprint(i)))
		reads = append(reads, get(fmt.Sprint("key", i)))
	}
	if _, err := c.Run(t.Context(), commands...); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	done := make(chan error, 1)
	go func() { // while slots move, everything is found
		for !stop.Load() {
			replies, err := c.Run(t.Context(), reads...)
			for i, r := range replies {
				if b, ok := r.([]byte); err == nil && (!ok || string(b) != fmt.Sprint(i)) {
					err = fmt.Errorf("reply %d is %v", i, r)
				}
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	from, to := nodes[0].CLI("cluster", "myid"), nodes[1].CLI("cluster", "myid")
	nodes[0].CLI("--cluster", "reshard", nodes[0].Addr(), "--cluster-from", from, "--cluster-to", to, "--cluster-slots", "2000", "--cluster-yes")
	stop.Store(true)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// pemFiles writes a certificate and its key.
func pemFiles(t *testing.T) (cert, key string) {
	t.Helper()
	cert, pair := certificate(t)
	key = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, keyPEM(t, pair.PrivateKey), 0o600); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func keyPEM(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
