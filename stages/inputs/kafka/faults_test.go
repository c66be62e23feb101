package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/kafka"
	"gambolputty/stages/internal/kafkatest"
	"gambolputty/stages/internal/porttest"
)

func TestMetadataOfMessages(t *testing.T) {
	f := kafkatest.NewFake(t)
	header := func(k, v string) sarama.RecordHeader { return sarama.RecordHeader{Key: []byte(k), Value: []byte(v)} }
	f.Send(nil, &sarama.ProducerMessage{Topic: "a", Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder("x"), Headers: []sarama.RecordHeader{header("h", "1"), header("g", "2"), header("h", "3"), header("h", "4")}},
		&sarama.ProducerMessage{Topic: "a", Value: sarama.StringEncoder("y")})
	in := start(t, f.Tool, "topics: a\nauto_offset_reset: earliest\nadd_metadata: True\ndelete_fields: [kafka.timestamp]")
	events := in.Wait(2)
	in.Stop()
	for i, want := range []string{
		`{"data":"x","kafka":{"headers":{"g":"2","h":["1","3","4"]},"key":"k","offset":0,"partition":0},"topic":"a"}`,
		`{"data":"y","kafka":{"headers":{},"key":null,"offset":1,"partition":0},"topic":"a"}`,
	} {
		if got := actortest.JSON(events[i]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// IN-10.
func TestItFinishesAfterSoManyMessages(t *testing.T) {
	for _, group := range []string{"", "\ngroup_id: g"} {
		f := kafkatest.NewFake(t)
		for p := range int32(3) {
			f.Produce("b", p, numbered(0, 500)...)
		}
		in := start(t, f.Tool, "topics: b\nauto_offset_reset: earliest\nmessages_to_read: 700"+group)
		if n := len(in.Finish()); n != 700 {
			t.Errorf("%d events", n)
		}
		if group == "" {
			continue
		}
		sum := int64(0)
		for p := range int32(3) {
			sum += max(0, f.Committed("g", "b", p))
		}
		if sum != 700 {
			t.Errorf("offsets up to %d are committed", sum)
		}
	}
}

func TestATopicThatIsMissingIsWaitedForAndReadFromItsBeginning(t *testing.T) {
	for _, group := range []string{"", "\ngroup_id: g"} {
		f := kafkatest.NewFake(t)
		f.Produce("a", 0, "old")
		in := start(t, f.Tool, "topics: [a, later]\nauto_offset_reset: latest"+group)
		kafkatest.Until(t, "the topic is missed", func() bool { return strings.Contains(in.Log(), "there is no such topic") })
		f.Create("later", 2, nil)
		f.Produce("later", 1, "new")
		actortest.Same(t, actortest.Texts(in.Wait(1)), []string{"new"})
		in.Stop()
	}
}

func TestAPatternIsForWholeNames(t *testing.T) {
	f := kafkatest.NewFake(t, kfake.SeedTopics(1, "logs.x", "logs.y", "my.logs.z", "logs.x.old"))
	for _, topic := range []string{"logs.x", "logs.y", "my.logs.z", "logs.x.old"} {
		f.Produce(topic, 0, topic)
	}
	in := start(t, f.Tool, `topic_pattern: 'logs\.[xy]'`+"\ngroup_id: g\nauto_offset_reset: earliest")
	in.Wait(2)
	got := actortest.Texts(in.Stop())
	if len(got) != 2 || strings.Contains(strings.Join(got, " "), "my") || strings.Contains(strings.Join(got, " "), "old") {
		t.Errorf("got %q", got)
	}
}

// With latest nothing is lost between two starts, even if nothing was delivered.
func TestTheEndIsNotedAtOnce(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Produce("a", 0, "old")
	in := start(t, f.Tool, "topics: a\ngroup_id: g")
	kafkatest.Until(t, "it has the partition", func() bool { return strings.Contains(in.Log(), "partitions assigned") })
	in.Stop()
	if got := f.Committed("g", "a", 0); got != 1 {
		t.Fatalf("offset %d is committed", got)
	}
	f.Produce("a", 0, "new")
	in = start(t, f.Tool, "topics: a\ngroup_id: g")
	actortest.Same(t, actortest.Texts(in.Wait(1)), []string{"new"})
	in.Stop()
}

// The faults: an offset that is out of range.
func TestAnOffsetOutOfRange(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Produce("a", 0, numbered(0, 10)...)
	in := start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: earliest")
	in.Wait(10)
	in.Stop()
	f.Produce("a", 0, numbered(10, 30)...)
	f.Admin(func(a sarama.ClusterAdmin) error { return a.DeleteRecords("a", map[int32]int64{0: 20}) })
	none := start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: none")
	if err := none.Err(); err == nil || !strings.Contains(err.Error(), "topic a, partition 0, offset 10 is out of range") {
		t.Errorf("error %v", err)
	}
	in = start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: smallest")
	in.Wait(10)
	actortest.Same(t, actortest.Texts(in.Stop()), numbered(20, 30))
	for _, part := range []string{"offset is out of range", "topic=a", "partition=0", "offset=10", "new_offset=20"} {
		if !strings.Contains(in.Log(), part) {
			t.Errorf("%q is not in %s", part, in.Log())
		}
	}
}

func TestNoOffsetIsAnErrorIfSoWished(t *testing.T) {
	f := kafkatest.NewFake(t)
	in := start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: none")
	if err := in.Err(); err == nil || !strings.Contains(err.Error(), "topic a, partition 0: there is no offset to begin at") {
		t.Errorf("error %v", err)
	}
}

// IN-16.
func TestBrokersThatAreAwayAtStartAndLater(t *testing.T) {
	for _, group := range []string{"", "\ngroup_id: g"} {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			dir, port := t.TempDir(), porttest.Free(t)
			options := []kfake.Opt{kfake.DataDir(dir), kfake.Ports(port)}
			in := actortest.Source(t, kafka.Spec, "brokers: ["+kafkatest.Local(port)+"]\ntopics: a\nauto_offset_reset: earliest\nauto_commit_interval_ms: 60000"+group)
			kafkatest.Until(t, "the failure is told", func() bool { return strings.Contains(in.Log(), "target failed") })
			f := kafkatest.NewFake(t, options...)
			f.Produce("a", 0, numbered(0, 100)...)
			in.Wait(100)
			f.Close()
			kafkatest.Until(t, "the second failure is told", func() bool { return strings.Count(in.Log(), "target failed") == 2 })
			f = kafkatest.NewFake(t, options...)
			f.Produce("a", 0, numbered(100, 200)...)
			in.Wait(200)
			actortest.Same(t, actortest.Texts(in.Stop()), numbered(0, 200)) // none comes twice, although none was committed before
			if strings.Count(in.Log(), "target works again") != 2 {
				t.Error(in.Log())
			}
		})
	}
}

// IN-18.
func TestAWrongPasswordIsNotPrinted(t *testing.T) {
	f := kafkatest.NewFake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "brian", "naughty"))
	in := start(t, f.Tool, "topics: a\nsasl_username: brian\nsasl_password: verynaughty")
	kafkatest.Until(t, "the failure is told", func() bool { return strings.Contains(in.Log(), "target failed") })
	in.Stop()
	if strings.Contains(in.Log(), "naughty") || !strings.Contains(in.Log(), "SASL") {
		t.Error(in.Log())
	}
}

func TestStartTimeout(t *testing.T) {
	in := actortest.Source(t, kafka.Spec, "brokers: ["+kafkatest.Local(porttest.Free(t))+"]\ntopics: a\nstart_timeout_in_secs: 0.1")
	if err := in.Err(); err == nil || errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "no contact within") {
		t.Errorf("error %v", err)
	}
}

// IN-13.
func TestFaultsOfOptions(t *testing.T) {
	for options, want := range map[string]string{
		"group_id: g":                          "topics",
		"topics: ['']":                         "topics",
		"topics: [a, a]":                       `"a" is named twice`,
		"topics: a b":                          "topics",
		"topic_pattern: '('":                   "topic_pattern",
		"topics: a\ntopic: b":                  "topic",
		"topics: a\nbrokers: []":               "brokers",
		"topics: a\nbrokers: ['a:b']":          "brokers",
		"topics: a\nauto_offset_reset: none":   "group_id",
		"topics: a\nauto_offset_reset: middle": "auto_offset_reset",
		"topics: a\nsasl_username: x":          "sasl_password",
		"topics: a\nsecurity_protocol: SSL\nsasl_username: x\nsasl_password: y": "sasl_username",
		"topics: a\nsecurity_protocol: SASL_SSL":                                "sasl_username",
		"topics: a\nsecurity_protocol: PLAINTEXT\ntls: True":                    "tls",
		"topics: a\ncert: x":                  "key",
		"topics: a\nversion: 0.8.2":           "version",
		"topics: a\nversion: new":             "version",
		"topics: a\nfetch_wait_max_ms: 10000": "socket_timeout_ms",
		"topics: a\nmessages_to_read: -1":     "messages_to_read",
		"topics: a\nsasl_mechanism: OAUTHBEARER\nsasl_password: x\nsasl_username: y\nsasl_token_url: ftp://x": "sasl_token_url",
	} {
		if err := actortest.Options(t, kafka.Spec, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", options, err)
		}
	}
	for _, options := range []string{
		"topic: a\nenable_auto_commit: True\ngroup_id: g\nconsumer_timeout_ms: 5\nrefresh_leader_backoff_ms: 100\nfetch_min_bytes: 10", "topics: a\nversion: auto", "topics: a\nversion: 2.8", "topics: a\ngroup_id: null\nclient_id: x",
		"topics: [a]\ngroup_id: g\ngroup_instance_id: i\nisolation_level: read_committed\nsession_timeout_ms: 10000",
	} {
		if err := actortest.Options(t, kafka.Spec, options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
}
