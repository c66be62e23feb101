//go:build integration

package kafkasink_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/kafkatest"
	"gambolputty/stages/outputs/kafkasink"
)

func TestIntegrationWhatABrokerTakes(t *testing.T) {
	b := kafkatest.Start(t)
	t.Run("in order and compressed", func(t *testing.T) {
		for i, options := range []string{"", "compression: gzip", "compression: snappy", "compression: lz4", "compression: zstd", "version: 2.1.0", "acks: 1", "acks: 0", "transactional_id: x", "max_message_bytes: 500", "batch_size: 1"} {
			topic := fmt.Sprint("order", i)
			b.Create(topic, 1, nil)
			sink(t, b.Tool, "format: $(data)\ntopic: "+topic+"\n"+options, actortest.Events(numbered(0, 3000)...)...)
			if options == "acks: 0" {
				kafkatest.Until(t, "all are there", func() bool { return len(b.Texts(topic, 0)) == 3000 })
			}
			actortest.Same(t, b.Texts(topic, 0), numbered(0, 3000))
		}
	})
	t.Run("the rest of what is refused", func(t *testing.T) {
		b.Create("compacted", 1, map[string]string{"cleanup.policy": "compact"})
		b.Create("small", 1, map[string]string{"max.message.bytes": "2000"})
		for _, c := range []struct{ options, topic, bad, reason string }{
			{"topic: compacted\nkey: $(k)", "compacted", `{"data":"bad"}`, "key"},
			{"topic: small\nkey: $(k)", "small", `{"k":"x","data":"` + strings.Repeat("x", 3000) + `"}`, "too large"},
		} {
			var events []*event.Event
			var want []string
			for i := range 300 {
				if i == 37 {
					events = append(events, actortest.Event(t, c.bad))
				}
				events = append(events, actortest.Event(t, fmt.Sprintf(`{"k":"%d","data":"%d"}`, i, i)))
				want = append(want, fmt.Sprint(i))
			}
			rejected := refused(t, b.Tool, c.options, events...)
			if strings.Count(rejected, "\n") != 1 || !strings.Contains(rejected, c.reason) {
				t.Errorf("rejected %s", rejected)
			}
			actortest.Same(t, b.Texts(c.topic, 0), want)
		}
	})
	t.Run("headers and times", func(t *testing.T) {
		b.Create("h", 1, nil)
		sink(t, b.Tool, "topic: h\nformat: x\nheaders: {a: $(data)}\ntimestamp_field: t", actortest.Event(t, `{"data":"1","t":"2024-02-29T00:00:00.5Z"}`))
		m := b.Messages("h", 0)[0]
		if len(m.Headers) != 1 || string(m.Headers[0].Value) != "1" || !m.Timestamp.Equal(time.Date(2024, 2, 29, 0, 0, 0, 500_000_000, time.UTC)) {
			t.Errorf("%v", m)
		}
	})
}

func TestIntegrationLogins(t *testing.T) {
	b := kafkatest.Start(t)
	b.Create("a", 1, nil)
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	token := part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":"brian","iat":%d,"exp":%d}`, time.Now().Unix(), time.Now().Add(time.Hour).Unix())) + "."
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "shipper" || secret != "cheese" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":3600}`, token)
	}))
	defer issuer.Close()
	login := "\nsasl_username: brian\nsasl_password: naughty"
	files := "\ncacert: " + b.CA.Authority
	want := 0
	for _, options := range []string{
		"brokers: [" + b.AddrSASL() + "]" + login,
		"brokers: [" + b.AddrSASL() + "]\nsecurity_protocol: SASL_PLAINTEXT\nsasl_mechanism: SCRAM-SHA-256" + login,
		"brokers: [" + b.AddrSASL() + "]\nsasl_mechanism: SCRAM-SHA-512" + login,
		"brokers: [" + b.AddrSASL() + "]\nsasl_mechanism: OAUTHBEARER\nsasl_password: '" + token + "'",
		"brokers: [" + b.AddrSASL() + "]\nsasl_mechanism: OAUTHBEARER\nsasl_username: shipper\nsasl_password: cheese\nsasl_token_scope: kafka\nsasl_token_url: " + issuer.URL,
		"brokers: [" + b.AddrSASLSSL() + "]\nsecurity_protocol: SASL_SSL\nsasl_mechanism: SCRAM-SHA-512" + login + files,
		"brokers: [" + b.AddrSASLSSL() + "]\ntls: True\ntls_verify: False" + login,
		"brokers: [" + b.AddrSSL() + "]\nsecurity_protocol: SSL\ncert: " + b.CA.ClientCert + "\ntls_key: " + b.CA.ClientKey + files,
	} {
		actortest.Sink(t, kafkasink.Spec, "topic: a\n"+options, actortest.Events("x")...)
		want++
		if got := len(b.Texts("a", 0)); got != want {
			t.Fatalf("%s: %d messages, want %d", options, got, want)
		}
	}
	for _, options := range []string{
		"brokers: [" + b.AddrSASL() + "], sasl_username: brian, sasl_password: verynaughty",
		"brokers: [" + b.AddrSASL() + "], sasl_mechanism: SCRAM-SHA-512, sasl_username: brian, sasl_password: verynaughty",
		"brokers: [" + b.AddrSSL() + "], security_protocol: SSL, cacert: " + b.CA.Authority, // without a certificate of its own
		"brokers: [" + b.AddrSASLSSL() + "], tls: True, sasl_username: brian, sasl_password: naughty",
	} {
		lines := make(chan string)
		r := actortest.Start(t, "- Global: {shutdown_timeout: 0.1}\n- Lines\n- KafkaSink: {topic: a, store_interval_in_secs: 0, "+options+"}\n", kafkasink.Spec, actortest.Lines(lines))
		lines <- "1"
		kafkatest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
		r.StopHard()
		if strings.Contains(r.Log(), "naughty") {
			t.Errorf("%s: %s", options, r.Log())
		}
	}
}

func TestIntegrationRestartsAndHangsLoseNothingAndKeepTheOrder(t *testing.T) {
	for name, options := range map[string]string{"idempotent": "", "transactional": ", transactional_id: x"} {
		t.Run(name, func(t *testing.T) {
			b := kafkatest.Start(t)
			b.Create("a", 1, nil)
			lines := make(chan string)
			r := actortest.Start(t, "- Lines\n- KafkaSink: {brokers: "+b.List()+", topic: a, format: $(data), store_interval_in_secs: 0, socket_timeout_ms: 2000, batch_size: 100"+options+"}\n", kafkasink.Spec, actortest.Lines(lines))
			next := 0
			feed := func(n int) { // blocks when the sink does, so that it runs beside the failures
				for _, text := range numbered(next, next+n) {
					lines <- text
				}
				next += n
			}
			feed(100)
			b.Freeze()
			fed := make(chan struct{})
			go func() { defer close(fed); feed(400) }()
			kafkatest.Until(t, "that is noticed", func() bool { return strings.Contains(r.Log(), "target failed") })
			b.Thaw()
			kafkatest.Until(t, "it goes on", func() bool { return strings.Contains(r.Log(), "target works again") })
			<-fed
			for _, end := range []func(){b.Stop, b.Kill} {
				fed := make(chan struct{})
				go func() { defer close(fed); feed(400) }()
				end()
				b.Run()
				<-fed
			}
			close(lines)
			r.Finish()
			actortest.Same(t, b.Texts("a", 0), numbered(0, next))
		})
	}
}

func TestIntegrationTopicsThatTheBrokerMakes(t *testing.T) {
	b := kafkatest.Start(t, "auto.create.topics.enable=true")
	sink(t, b.Tool, "topic: $(data)\nformat: $(data)", actortest.Events("one", "two")...)
	actortest.Same(t, append(b.Texts("one", 0), b.Texts("two", 0)...), []string{"one", "two"})
	if _, err := b.Client().GetOffset("one", 0, sarama.OffsetNewest); err != nil {
		t.Error(err)
	}
}
