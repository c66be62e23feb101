//go:build integration

package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
	"gambolputty/stages/misc/redisstore"
)

func TestIntegrationTheModuleIsAStore(t *testing.T) {
	r := redistest.Start(t, "--requirepass", "secret")
	for name, options := range map[string]string{"plain": "", "buffered": "batch_size: 3\nstore_interval_in_secs: 50ms", "msgpack": "encoding: msgpack\nkey_prefix: 'p:'\ndb: 2"} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, storetest.Backend{
				Open: func(t *testing.T) store.Store {
					r.CLI("-a", "secret", "flushall")
					s, _ := storetest.Start(t, redisstore.Spec, "server: "+r.Addr()+"\npassword: ${NO_SUCH:-secret}\n"+options)
					return s
				},
				Pass: time.Sleep, NoBigInt: name == "msgpack",
			})
		})
	}
}

func TestIntegrationValuesOutliveAnOutage(t *testing.T) {
	server := redistest.Start(t)
	s, r := storetest.Start(t, redisstore.Spec, "server: "+server.Addr()+"\nbatch_size: 10\nstore_interval_in_secs: 20ms")
	for i := range 100 {
		if i == 30 {
			server.Stop()
		}
		storetest.Put(t, s, fmt.Sprint("k", i), event.Int(int64(i)), time.Minute)
		if i == 60 {
			server.Run()
		}
		time.Sleep(5 * time.Millisecond)
	}
	for i := 60; i < 100; i++ {
		storetest.Want(t, s, fmt.Sprint("k", i), fmt.Sprint("integer ", i))
	}
	r.Stop()
	if n := strings.Count(server.CLI("keys", "k*"), "k"); n < 70 { // the first 30 went with the server
		t.Errorf("%d values are left", n)
	}
}
