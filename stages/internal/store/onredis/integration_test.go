//go:build integration

package onredis_test

import (
	"testing"
	"time"

	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

func TestIntegrationRedisIsAStore(t *testing.T) {
	r := redistest.Start(t)
	storetest.Run(t, storetest.Backend{
		Open: func(t *testing.T) store.Store {
			r.CLI("flushall")
			return open(t, store.JSON, quiet, func(o *redisconn.Options) { o.Server = r.Addr() })
		},
		Pass: time.Sleep,
	})
}

func TestIntegrationAClusterIsAStore(t *testing.T) {
	nodes := redistest.StartCluster(t, 3)
	storetest.Run(t, storetest.Backend{
		Open: func(t *testing.T) store.Store {
			for _, n := range nodes {
				n.CLI("flushall")
			}
			return open(t, store.JSON, quiet, func(o *redisconn.Options) { o.Cluster = redisconn.Nodes{nodes[0].Addr()} })
		},
		Pass: time.Sleep,
	})
}
