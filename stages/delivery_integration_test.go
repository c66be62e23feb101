//go:build integration

package stages_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/stages/internal/kafkatest"
	"gambolputty/stages/internal/searchtest"
)

// sent is the number of events of a test of delivery.
const sent = 200_000

// produce sends numbered events to all partitions of a topic, over about the given time, so
// that there is something under way whenever something dies.
func produce(t *testing.T, b *kafkatest.Broker, topic string, partitions int, within time.Duration) <-chan error {
	done := make(chan error, 1)
	c := sarama.NewConfig()
	c.Version, c.Producer.Return.Successes = sarama.V3_7_0_0, true
	c.Producer.RequiredAcks, c.Producer.Idempotent, c.Net.MaxOpenRequests = sarama.WaitForAll, true, 1
	c.Producer.Partitioner = sarama.NewManualPartitioner
	p, err := sarama.NewSyncProducer([]string{b.Addr()}, c)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer p.Close()
		const part = 1000
		pause := within / (sent / part)
		for at := 0; at < sent; at += part {
			began := time.Now()
			var list []*sarama.ProducerMessage
			for n := at; n < at+part; n++ {
				list = append(list, &sarama.ProducerMessage{Topic: topic, Partition: int32(n % partitions), Value: sarama.StringEncoder(fmt.Sprintf(`{"n":%d}`, n))})
			}
			if err := p.SendMessages(list); err != nil {
				done <- err
				return
			}
			time.Sleep(pause - time.Since(began))
		}
		done <- nil
	}()
	return done
}

// found are the numbers of all documents of an index.
func found(t *testing.T, s *searchtest.Server, index string) iter.Seq[int] {
	t.Helper()
	s.Do("POST", "/"+index+"/_refresh", "")
	return func(yield func(int) bool) {
		after := ""
		for {
			var page struct {
				Hits struct {
					Hits []struct {
						Sort []json.RawMessage `json:"sort"`
					} `json:"hits"`
				} `json:"hits"`
			}
			text := s.Do("POST", "/"+index+"/_search", `{"size":10000,"_source":false,"sort":[{"line.n":"asc"},{"kafka.partition":"asc"},{"kafka.offset":"asc"}]`+after+`}`)
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				t.Error(err)
				return
			}
			hits := page.Hits.Hits
			if len(hits) == 0 {
				return
			}
			for _, h := range hits {
				n, err := strconv.Atoi(string(h.Sort[0]))
				if err != nil {
					t.Error(err)
				}
				if !yield(n) {
					return
				}
			}
			last, err := json.Marshal(hits[len(hits)-1].Sort)
			if err != nil {
				t.Error(err)
				return
			}
			after = `,"search_after":` + string(last)
		}
	}
}

// count is the number of documents of an index.
func count(s *searchtest.Server, index string) int {
	text := s.Do("GET", "/_cat/count/"+index+"?h=count", "")
	n, _ := strconv.Atoi(strings.TrimSpace(text)) // an index that does not exist yet has none
	return n
}

// While 200,000 messages come, the program is killed five times, Elasticsearch is away for
// half a minute, and another program joins the group and leaves it. Then the index holds
// every message once.
func TestIntegrationKafkaToElasticsearchStoresEverythingOnce(t *testing.T) {
	t.Parallel()
	const partitions = 6
	b := kafkatest.Start(t)
	b.Create("numbers", partitions, nil)
	es := searchtest.Start(t, "elasticsearch")
	es.Do("PUT", "/numbers", `{"settings":{"number_of_replicas":0,"number_of_shards":1},"mappings":{"properties":{"line":{"properties":{"n":{"type":"integer"}}},"kafka":{"properties":{"partition":{"type":"integer"},"offset":{"type":"long"}}}}}}`)
	conf := fmt.Sprintf(`
- Kafka:
    brokers: %s
    topics: [numbers]
    group_id: shippers
    auto_offset_reset: earliest
    auto_commit_interval_ms: 1000
    session_timeout_ms: 3000
    add_metadata: True
- JsonParser:
    target_field: line
- ElasticSearchSink:
    nodes: [%s]
    index_name: numbers
    doc_id: $(topic)-$(kafka.partition)-$(kafka.offset)
    batch_size: 2000
    backlog_size: 4000
    store_interval_in_secs: 1
`, b.List(), es.URL())
	program, random := buildProgram(t), randomly(t)
	one, two := newShipper(t, program, conf), newShipper(t, program, conf)
	producing := produce(t, b, "numbers", partitions, 120*time.Second)

	one.start().killNow(random, 3, 8*time.Second)
	es.Stop()
	time.Sleep(30 * time.Second)
	es.Run()
	time.Sleep(time.Second)
	two.start()
	time.Sleep(time.Duration(3000+random.IntN(5000)) * time.Millisecond)
	two.stop()
	one.killNow(random, 2, 8*time.Second)
	select {
	case err := <-producing:
		t.Errorf("there was nothing left to do at the last kill (%v)", err)
	default:
		if err := <-producing; err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all documents are there", func() bool { return count(es, "numbers") >= sent })
	one.stop()
	l := settle(sent, found(t, es, "numbers"))
	t.Log(l)
	if l.missing > 0 || l.duplicates > 0 {
		t.Error("every event must be stored once")
	}
	for p := range int32(partitions) {
		if n := b.Committed("shippers", "numbers", p); n != (sent+int64(partitions)-1-int64(p))/partitions {
			t.Errorf("partition %d is committed up to %d", p, n)
		}
	}
	for _, s := range []*shipper{one, two} {
		if n := strings.Count(s.text(), " - ERROR"); n > 20 {
			t.Errorf("the log has %d errors", n)
		}
	}
}

// followed writes numbered lines to a log that is rotated, over about the given time.
func followed(t *testing.T, path string, random *rand.Rand, within time.Duration) <-chan error {
	done := make(chan error, 1)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	rotate := map[int]bool{}
	for range 3 {
		rotate[random.IntN(sent/1000)*1000] = true
	}
	go func() {
		defer func() { f.Close() }()
		const part = 1000
		pause := within / (sent / part)
		for at := 0; at < sent; at += part {
			if rotate[at] {
				if err := os.Rename(path, fmt.Sprint(path, ".", at)); err != nil {
					done <- err
					return
				}
				f.Close()
				if f, err = os.Create(path); err != nil {
					done <- err
					return
				}
			}
			var text strings.Builder
			for n := at; n < at+part; n++ {
				fmt.Fprintln(&text, numbered(n))
			}
			if _, err := f.WriteString(text.String()); err != nil {
				done <- err
				return
			}
			time.Sleep(pause)
		}
		done <- nil
	}()
	return done
}

// A log of 200,000 lines is rotated three times while the program that follows it is killed
// five times and the broker is away for a while.
func TestIntegrationFileToKafkaLosesNothing(t *testing.T) {
	t.Parallel()
	const partitions = 6
	b := kafkatest.Start(t)
	b.Create("lines", partitions, nil)
	random := randomly(t)
	dir := t.TempDir()
	s := newShipper(t, buildProgram(t), fmt.Sprintf(`
- File:
    paths: '%s/app.log*'
    mode: tail
    start_position: beginning
    stat_interval: 0.1
    discover_interval_in_secs: 1
    sincedb_path: ${DIR}/sincedb
    sincedb_write_interval: 1
- KafkaSink:
    brokers: %s
    topic: lines
    format: $(data)
`, dir, b.List()))
	writing := followed(t, filepath.Join(dir, "app.log"), random, 40*time.Second)
	s.start().killNow(random, 3, 5*time.Second)
	b.Stop()
	time.Sleep(5 * time.Second)
	b.Run()
	s.killNow(random, 2, 5*time.Second)
	if err := <-writing; err != nil {
		t.Fatal(err)
	}
	stored := func() (list []int) {
		for p := range int32(partitions) {
			for _, text := range b.Texts("lines", p) {
				rest, whole := strings.CutPrefix(text, "number ")
				n, err := strconv.Atoi(rest)
				if err != nil || !whole {
					t.Fatalf("a message that nobody sent: %q", text)
				}
				list = append(list, n)
			}
		}
		return list
	}
	var l ledger
	until(t, "all lines are there", func() bool {
		l = settle(sent, slices.Values(stored()))
		return l.missing == 0
	})
	s.stop()
	t.Log(l)
	if l.duplicates > 5*20_000 {
		t.Error("more came twice than was under way at the kills")
	}
}
