//go:build aws

package sqssink_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/sqstest"
	"gambolputty/stages/outputs/sqssink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const quick = "retry_max_interval_in_secs: 0.01\n"

func start(t *testing.T, options string, texts ...string) *actortest.Running {
	t.Helper()
	return actortest.Fed(t, sqssink.Spec, options, texts...)
}

func own(r *actortest.Running, name string) int64 {
	return r.Status("SQSSink").Meter.Own(name).Load()
}

// SQS-OUT-1, OUT-1, OUT-2, OUT-3, OUT-6
func TestMessages(t *testing.T) {
	in := `{"data":"spam","host":"camelot","n":42,"f":1.0,"empty":"","deep":{"er":"x"},"bytes":"a\u0001"}`
	for name, c := range map[string]struct {
		options, body string
		attributes    map[string]sqstest.Attribute
	}{
		"the whole event":      {"delete_fields: [gambolputty, bytes]", `{"data":"spam","deep":{"er":"x"},"empty":"","f":1.0,"host":"camelot","n":42}`, nil},
		"a control character":  {"delete_fields: [gambolputty, data, host, n, f, empty, deep]", `{"bytes":"a\u0001"}`, nil},
		"a format":             {"format: '$(host) of $(data)'", "camelot of spam", nil},
		"the old form":         {"format: '%(host)s has $(n|%d)'", "camelot has 42", nil},
		"a missing field":      {"format: '$(nobody) $(host)'", "$(nobody) camelot", nil},
		"fields of the output": {"format: $(x)\nadd_fields: {x: $(host)!}", "camelot!", nil},
		"attributes": {"format: x\nmessage_attributes: [host, n, f, empty, missing, deep.er]\ndelete_fields: [host]", "x", map[string]sqstest.Attribute{
			"host": {DataType: "String", StringValue: "camelot"}, "n": {DataType: "Number", StringValue: "42"}, "f": {DataType: "Number", StringValue: "1.0"}, "deep.er": {DataType: "String", StringValue: "x"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			q := sqstest.New(t, "q")
			actortest.Sink(t, sqssink.Spec, q.Options()+c.options, actortest.Event(t, in))
			got := q.Messages()
			if len(got) != 1 || got[0].Body != c.body || fmt.Sprint(got[0].Attributes) != fmt.Sprint(c.attributes) || got[0].Group != "" || got[0].Dedup != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// OUT-1, OUT-7, OUT-8
func TestTheMetadataIsPartOfTheWholeEvent(t *testing.T) {
	q := sqstest.New(t, "q")
	e := actortest.Event(t, `{"data":"x"}`)
	actortest.Sink(t, sqssink.Spec, q.Options(), e)
	var got struct {
		Gambolputty map[string]any
	}
	if err := json.Unmarshal([]byte(q.Bodies()[0]), &got); err != nil || got.Gambolputty["event_id"] != e.ID() {
		t.Error(q.Bodies(), err)
	}
}

// SQS-OUT-1
func TestRequestsStayWithinTheirBounds(t *testing.T) {
	var small, large []string
	for i := range 25 {
		small, large = append(small, fmt.Sprint(i)), append(large, strings.Repeat(string(rune('a'+i)), 100_000))
	}
	for name, c := range map[string]struct {
		texts   []string
		options string
		want    []int
	}{
		"of count":     {small, "", []int{10, 10, 5}},
		"of the batch": {small[:7], "batch_size: 3", []int{3, 3, 1}},
		"of size":      {large[:5], "", []int{2, 2, 1}},
		"of one's own": {small[:7], "max_request_size: 1024\nformat: '" + strings.Repeat("x", 500) + "$(data)'", []int{2, 2, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			q := sqstest.New(t, "q")
			if !strings.Contains(c.options, "format") {
				c.options += "\nformat: $(data)"
			}
			actortest.Sink(t, sqssink.Spec, q.Options()+c.options, actortest.Events(c.texts...)...)
			if got := q.Sizes(); !slices.Equal(got, c.want) {
				t.Errorf("requests of %v", got)
			}
			if got := q.Bodies(); len(got) != len(c.texts) || !strings.HasSuffix(got[0], c.texts[0]) || !strings.HasSuffix(got[len(got)-1], c.texts[len(got)-1]) {
				t.Errorf("%d messages", len(got))
			}
		})
	}
}

// OUT-14 to OUT-17, SQS-OUT-2
func TestEveryEventIsAccountedFor(t *testing.T) {
	const fault = `{"__type":"com.amazonaws.sqs#%s","message":"because"}`
	ok := func(id, text string) string {
		sums := map[string]string{"a": "0cc175b9c0f1b6a831c399e269772661", "c": "4a8a08f09d37b73795649038408b5f33"}
		return fmt.Sprintf(`{"Id":"%s","MessageId":"m","MD5OfMessageBody":"%s"}`, id, sums[text])
	}
	partly := func(code string, senders bool) string {
		return fmt.Sprintf(`{"Successful":[%s,%s],"Failed":[{"Id":"1","Code":"%s","Message":"because","SenderFault":%v}]}`, ok("0", "a"), ok("2", "c"), code, senders)
	}
	for name, c := range map[string]struct {
		texts    []string
		status   int
		answer   string
		stored   string // by the fake, which does not see those of a given answer
		rejected string
		retried  int64
		logged   string
	}{
		"all is well":               {stored: "a b c"},
		"one is the sender's fault": {status: 200, answer: partly("InvalidMessageContents", true), rejected: "InvalidMessageContents: because"},
		"one is not":                {status: 200, answer: partly("InternalError", false), stored: "b", retried: 1, logged: "InternalError"},
		"one is not spoken of":      {status: 200, answer: fmt.Sprintf(`{"Successful":[%s,%s]}`, ok("0", "a"), ok("2", "c")), stored: "b", retried: 1, logged: "not that of SQS"},
		"strange ids":               {status: 200, answer: `{"Successful":[{"Id":"7"},{"Id":"-1"},{"Id":"x"}],"Failed":[{"Id":"99","SenderFault":true}]}`, stored: "a b c", retried: 3, logged: "not that of SQS"},
		"a wrong MD5":               {status: 200, answer: strings.Replace(partly("x", false), "0cc175", "1cc175", 1), stored: "a b", retried: 2, logged: "another one on its way"},
		"nothing in the answer":     {status: 200, answer: "{}", stored: "a b c", retried: 3, logged: "not that of SQS"},
		"garbage":                   {status: 200, answer: "<html>welcome</html>", stored: "a b c", retried: 3, logged: "queue q"},
		"the service fails":         {status: 500, answer: "", stored: "a b c", retried: 3, logged: "500"},
		"the service is busy":       {status: 503, answer: fmt.Sprintf(fault, "ServiceUnavailable"), stored: "a b c", retried: 3, logged: "ServiceUnavailable"},
		"throttled":                 {status: 400, answer: fmt.Sprintf(fault, "RequestThrottled"), stored: "a b c", retried: 3, logged: "RequestThrottled"},
		"access is denied":          {status: 403, answer: fmt.Sprintf(fault, "AccessDenied"), stored: "a b c", retried: 3, logged: "AccessDenied"},
		"too long for the service":  {status: 400, answer: fmt.Sprintf(fault, "BatchRequestTooLong"), stored: "a b c"},
		"an empty message":          {texts: []string{"a", "", "c"}, stored: "a c", rejected: "is empty"},
		"a control character":       {texts: []string{"a", "\x00", "c"}, stored: "a c", rejected: "control character"},
		"bytes that are no UTF-8":   {texts: []string{"a", "b\xff", "c"}, stored: "a b\ufffd c"},
		"a message too large":       {texts: []string{"a", strings.Repeat("x", 256<<10+1), "c"}, stored: "a c", rejected: "more than max_request_size"},
	} {
		t.Run(name, func(t *testing.T) {
			q := sqstest.New(t, "q")
			var done atomic.Bool
			q.Hooked(func(action string, _ []byte) (int, string) {
				if action != "SendMessageBatch" || c.status == 0 || done.Swap(true) {
					return 0, ""
				}
				return c.status, c.answer
			})
			texts := c.texts
			if texts == nil {
				texts = []string{"a", "b", "c"}
			}
			file := t.TempDir() + "/rejected"
			r := start(t, q.Options()+quick+"batch_size: 3\nstore_interval_in_secs: 60\nformat: $(data)\nreject_action: file\nreject_file: "+file, texts...)
			r.Finish()
			if got := strings.Join(q.Bodies(), " "); got != c.stored {
				t.Errorf("stored %q", got)
			}
			text, _ := os.ReadFile(file) // most often there is none
			if !strings.Contains(string(text), c.rejected) || c.rejected == "" && len(text) > 0 {
				t.Errorf("rejected %q", text)
			}
			if n := own(r, "retried"); n != c.retried {
				t.Errorf("%d retried", n)
			}
			if n := own(r, "delivered") + own(r, "rejected"); n != 3 {
				t.Errorf("%d events are accounted for", n)
			}
			if !strings.Contains(r.Log(), c.logged) || strings.Contains(r.Log(), sqstest.Secret) {
				t.Errorf("log:\n%s", r.Log())
			}
		})
	}
}

func TestAQueueThatKeepsTheOrderGetsGroupsAndIds(t *testing.T) {
	q := sqstest.New(t, "q.fifo")
	var lost atomic.Bool
	in := []string{`{"data":"a","host":"x"}`, `{"data":"b"}`, `{"data":"c","host":"y y"}`}
	var events []*event.Event
	for _, text := range in {
		events = append(events, actortest.Event(t, text))
	}
	// The first answer is lost although the messages have arrived: they must not come twice.
	q.Hooked(func(action string, body []byte) (int, string) {
		if action == "SendMessageBatch" && !lost.Swap(true) {
			q.Hooked(nil)
			q.Take(body)
			return 502, ""
		}
		return 0, ""
	})
	file := t.TempDir() + "/rejected"
	actortest.Sink(t, sqssink.Spec, q.Options()+quick+"format: $(data)\nmessage_group_id: $(host)\nreject_action: file\nreject_file: "+file, events...)
	got := q.Messages()
	if len(got) != 2 || got[0].Body != "a" || got[0].Group != "x" || got[0].Dedup != events[0].ID() || got[1].Group != "unknown" {
		t.Errorf("got %+v", got)
	}
	if text, _ := os.ReadFile(file); !strings.Contains(string(text), "message_group_id must be") {
		t.Errorf("rejected %s", text)
	}
}

func TestRefusedEventsGoToTheDeadLettersWithTheReason(t *testing.T) {
	q := sqstest.New(t, "q")
	feed := make(chan string, 1)
	feed <- ""
	close(feed)
	got := actortest.Start(t, "- Global:\n    dead_letter: TestCatch\n- Lines:\n    receivers: [SQSSink]\n- SQSSink:\n    format: $(data)\n    "+strings.ReplaceAll(strings.TrimSpace(q.Options()), "\n", "\n    ")+"\n- TestCatch\n", sqssink.Spec, actortest.Lines(feed)).Finish()
	if len(got) != 1 || actortest.Meta(got[0], "error") != "SQSSink: the message is empty, which the service does not take" {
		t.Errorf("got %v", got)
	}
}

// OUT-18
func TestAQueueThatIsAwayAtStart(t *testing.T) {
	q := sqstest.New(t, "q")
	gone := strings.Replace(q.Options(), q.URL, "http://127.0.0.1:1", 1)
	if err := start(t, gone+"start_timeout_in_secs: 0.1\n", "a").Err(); err == nil || !strings.Contains(err.Error(), "no contact within") {
		t.Error(err)
	}
	r := start(t, gone+quick, "a")
	r.Logged("tries")
	r.StopHard()
	start(t, q.Options()+"start_timeout_in_secs: 5\n"+quick, "a").Finish()
	if len(q.Bodies()) != 1 {
		t.Error(q.Bodies())
	}
}

// OUT-11
func TestTheOrderStays(t *testing.T) {
	q := sqstest.New(t, "q")
	var n atomic.Int64
	q.Hooked(func(action string, _ []byte) (int, string) {
		if action == "SendMessageBatch" && n.Add(1)%3 == 0 {
			return 500, ""
		}
		return 0, ""
	})
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprint(i))
	}
	actortest.Sink(t, sqssink.Spec, q.Options()+quick+"format: $(data)", actortest.Events(want...)...)
	if got := q.Bodies(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
