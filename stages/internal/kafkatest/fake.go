// Package kafkatest has brokers of Kafka for tests: fakes within the process and, with the
// build tag integration, the real one; and what a test does with them from outside.
package kafkatest

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Fake is a cluster within the process.
type Fake struct {
	*kfake.Cluster
	*Tool
}

// NewFake starts a cluster of one broker, unless the options say otherwise. It has the
// topics a with one partition and b with three.
func NewFake(t testing.TB, opts ...kfake.Opt) *Fake {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "a"), kfake.SeedTopics(3, "b")}, opts...)
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &Fake{c, NewTool(t, nil, c.ListenAddrs()...)}
}

// Local is the address of a port of this host.
func Local(port int) string { return fmt.Sprint("127.0.0.1:", port) }
