//go:build integration && aws

package sqstest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gambolputty/stages/internal/jartest"
	"gambolputty/stages/internal/porttest"
)

// ElasticMQ is a server of that kind as examples/sqs-elasticmq.conf sets it up. It has the
// queues incoming and archive.fifo, and what is in them outlives Stop.
type ElasticMQ struct {
	*jartest.Server
	URL string
}

// StartElasticMQ starts one, which the test ends.
func StartElasticMQ(t testing.TB) *ElasticMQ {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	port := porttest.Free(t)
	t.Setenv("ELASTICMQ_PORT", fmt.Sprint(port))
	t.Setenv("ELASTICMQ_STORE", "jdbc:h2:"+filepath.Join(t.TempDir(), "messages"))
	return &ElasticMQ{
		URL: fmt.Sprint("http://127.0.0.1:", port),
		Server: jartest.Start(t, jartest.Program{
			Kind: "elasticmq", Class: "org.elasticmq.server.Main", JVM: []string{"-Dconfig.file=" + filepath.Join(filepath.Dir(here), "../../../examples/sqs-elasticmq.conf")},
			Ready: func(log string) bool { return strings.Contains(log, "started in") },
		}),
	}
}

// Options are those of a module that uses a queue.
func (e *ElasticMQ) Options(queue string) string { return OptionsFor(e.URL, queue) }
