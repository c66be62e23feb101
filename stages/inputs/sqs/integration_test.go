//go:build integration && aws

package sqs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages"
	"gambolputty/stages/inputs/sqs"
	"gambolputty/stages/internal/sqstest"
	"gambolputty/stages/outputs/sqssink"
)

func indent(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") }

// fill sends texts to a queue by SQSSink.
func fill(t *testing.T, options string, texts ...string) {
	t.Helper()
	actortest.Sink(t, sqssink.Spec, options, actortest.Events(texts...)...)
}

func TestIntegrationRoundTrip(t *testing.T) {
	mq := sqstest.StartElasticMQ(t)
	want := []string{"spam", "äöü € 𝄞", "<a>&amp;\n\t", `{"a": 1}`, strings.Repeat("x", 200_000)}
	fill(t, mq.Options("incoming")+"format: $(data)\nmessage_attributes: [data.length, gambolputty.source_module]", want...)
	// The server may give the poll that a stop cuts off a message that nobody gets, which comes again
	// after the visibility timeout.
	r := actortest.Source(t, sqs.Spec, mq.Options("incoming")+"visibility_timeout_in_secs: 5")
	got := map[string]bool{}
	for _, e := range r.Wait(len(want)) {
		var o struct {
			Data string
			SQS  struct {
				Attributes map[string]string
				Message    map[string]struct{ StringValue string } `json:"message_attributes"`
			}
		}
		if err := json.Unmarshal([]byte(actortest.JSON(e)), &o); err != nil {
			t.Fatal(err)
		}
		got[o.Data] = true
		if o.SQS.Attributes["ApproximateReceiveCount"] != "1" || o.SQS.Message["gambolputty.source_module"].StringValue != "TestFeed" && o.SQS.Message["gambolputty.source_module"].StringValue != "StdIn" {
			t.Errorf("got %s", actortest.JSON(e))
		}
	}
	for _, w := range want {
		if !got[w] {
			t.Errorf("%.50q is missing", w)
		}
	}
	r.Stop()
	if strings.Contains(r.Log(), "MD5 differs") {
		t.Error(r.Log())
	}
	// All has been removed: nothing comes once more.
	r = actortest.Source(t, sqs.Spec, mq.Options("incoming")+"wait_time_in_secs: 0\npoll_interval_in_secs: 0.1")
	fill(t, mq.Options("incoming")+"format: $(data)", "last")
	if got := data(t, actortest.JSON(r.Wait(1)[0])); got != "last" {
		t.Errorf("%.50q comes a second time", got)
	}
	r.Stop()
}

// The server goes away twice while messages flow, once ended and once hanging. None is lost,
// and none stays.
func TestIntegrationTheServerIsGoneForAWhile(t *testing.T) {
	mq := sqstest.StartElasticMQ(t)
	const n = 300
	feed := make(chan string)
	in := actortest.Start(t, "- Lines\n- SQSSink:\n    "+indent(mq.Options("incoming")+"format: $(data)\nstore_interval_in_secs: 0\nretry_max_interval_in_secs: 1")+"\n", sqssink.Spec, actortest.Lines(feed))
	out := actortest.Source(t, sqs.Spec, mq.Options("incoming")+"visibility_timeout_in_secs: 5\nwait_time_in_secs: 2")
	go func() {
		defer close(feed)
		for i := range n {
			feed <- fmt.Sprint(i)
		}
	}()
	out.Wait(n / 3)
	mq.Quit()                   // a kill would make it forget what it has confirmed
	time.Sleep(2 * time.Second) // a server must be away for a while to be missed
	mq.Run()
	out.Wait(2 * n / 3)
	mq.Freeze()
	time.Sleep(2 * time.Second)
	mq.Thaw()
	in.Finish()
	seen := map[string]bool{}
	for end := time.Now().Add(time.Minute); len(seen) < n; time.Sleep(50 * time.Millisecond) {
		for _, e := range out.Wait(0) {
			seen[data(t, actortest.JSON(e))] = true
		}
		if time.Now().After(end) {
			t.Fatalf("only %d of %d came\n%s", len(seen), n, out.Log())
		}
	}
	events := out.Stop()
	for i := range n {
		if !seen[fmt.Sprint(i)] {
			t.Errorf("%d is lost", i)
		}
	}
	t.Logf("%d messages, %d deliveries", n, len(events))
	if !strings.Contains(in.Log(), "target works again") || !strings.Contains(out.Log(), "target works again") {
		t.Errorf("log:\n%s\n%s", in.Log(), out.Log())
	}
}

func TestIntegrationAQueueThatKeepsTheOrder(t *testing.T) {
	mq := sqstest.StartElasticMQ(t)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint(i))
	}
	fill(t, mq.Options("archive.fifo")+"format: $(data)\nmessage_group_id: all", want...)
	r := actortest.Source(t, sqs.Spec, mq.Options("archive.fifo"))
	if got := texts(t, r, len(want)); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v", got)
	}
	r.Stop()
}

// A server that looks at signatures: a wrong secret gets nothing in and nothing out, and what
// waits goes when the secret is right.
func TestIntegrationCredentials(t *testing.T) {
	m := sqstest.StartMoto(t)
	fill(t, m.Options(m.KeyID, m.Secret)+"format: $(data)", "a", "b", "c")
	for name, o := range map[string]string{"a wrong secret": m.Options(m.KeyID, "nobodyexpectsthespanish"), "an unknown key": m.Options("AKIDNOBODY", "nobodyexpectsthespanish")} {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, sqs.Spec, o)
			r.Logged("tries")
			if got := r.Stop(); len(got) > 0 {
				t.Errorf("got %v", got)
			}
			feed := make(chan string, 1)
			feed <- "d"
			close(feed)
			s := actortest.Start(t, "- Global: {shutdown_timeout: 0.5}\n- Lines\n- SQSSink:\n    "+indent(o)+"\n", sqssink.Spec, actortest.Lines(feed))
			s.Logged("tries")
			s.StopHard()
			for _, log := range []string{r.Log(), s.Log()} {
				if strings.Contains(log, "nobodyexpects") || !strings.Contains(log, "sqs://q") {
					t.Error(log)
				}
			}
		})
	}
	r := actortest.Source(t, sqs.Spec, m.Options(m.KeyID, m.Secret)+"wait_time_in_secs: 1")
	if got := texts(t, r, 3); len(got) != 3 {
		t.Error(got)
	}
	r.Stop()
}

// The way of examples/sqs.yml: from one queue to another, which keeps the order within a host.
func TestIntegrationTheExample(t *testing.T) {
	mq := sqstest.StartElasticMQ(t)
	for name, value := range map[string]string{"SQS_ENDPOINT": mq.URL, "AWS_ACCESS_KEY_ID": sqstest.KeyID, "AWS_SECRET_ACCESS_KEY": sqstest.Secret} {
		t.Setenv(name, value)
	}
	text, err := os.ReadFile("../../../examples/sqs.yml")
	if err != nil {
		t.Fatal(err)
	}
	example := actortest.Start(t, string(text), stages.All()...)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf(`{"host": "web%d", "n": %d, "severity": 3}`, i%2, i))
	}
	fill(t, mq.Options("incoming")+"format: $(data)", want...)
	r := actortest.Source(t, sqs.Spec, mq.Options("archive.fifo"))
	for _, e := range r.Wait(len(want)) {
		var o struct {
			Data string
			SQS  struct {
				Attributes map[string]string
				Message    map[string]struct{ DataType, StringValue string } `json:"message_attributes"`
			}
		}
		var in struct {
			Host        string
			Severity    int
			Data        any
			Gambolputty struct {
				ID string `json:"event_id"`
			}
		}
		if err := errors.Join(json.Unmarshal([]byte(actortest.JSON(e)), &o), json.Unmarshal([]byte(o.Data), &in)); err != nil {
			t.Fatal(err)
		}
		if o.SQS.Attributes["MessageGroupId"] != in.Host || o.SQS.Attributes["MessageDeduplicationId"] != in.Gambolputty.ID || in.Severity != 3 || in.Data != nil || o.SQS.Message["severity"].DataType != "Number" {
			t.Errorf("got %s", actortest.JSON(e))
		}
	}
	example.Stop()
	r.Stop()
}
