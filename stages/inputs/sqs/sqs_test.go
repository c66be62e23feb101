//go:build aws

package sqs_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/sqs"
	"gambolputty/stages/internal/sqstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func bodies(list ...string) (all []sqstest.Message) {
	for _, b := range list {
		all = append(all, sqstest.Message{Body: b})
	}
	return all
}

func numbers(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// texts are the bodies that came, in order.
func texts(t *testing.T, r *actortest.Running, n int) []string {
	t.Helper()
	var list []string
	for _, e := range r.Wait(n) {
		list = append(list, data(t, actortest.JSON(e)))
	}
	return list
}

func data(t *testing.T, text string) string {
	t.Helper()
	var e struct{ Data string }
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	return e.Data
}

func own(r *actortest.Running, name string) int64 { return r.Status("SQS").Meter.Own(name).Load() }

// SQS-IN-1
func TestAnEventHasTheBodyAndWhatElseIsKnown(t *testing.T) {
	for name, c := range map[string]struct{ options, want string }{
		"everything":    {"", `{"data":"spam","sqs":{"attributes":{"ApproximateReceiveCount":"1"},"id":"id-1","md5_of_body":"e09f6a7593f8ae3994ea57e1117f67ec","md5_of_message_attributes":"00","message_attributes":{"bin":{"BinaryValue":"ab","DataType":"Binary"},"city":{"DataType":"String","StringValue":"Camelot"}}}}`},
		"no attributes": {"attribute_names: []\nmessage_attribute_names: []\n", `{"data":"spam","sqs":{"attributes":{},"id":"id-1","md5_of_body":"e09f6a7593f8ae3994ea57e1117f67ec","md5_of_message_attributes":null,"message_attributes":{}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			q := sqstest.New(t, "q")
			q.Put(sqstest.Message{Body: "spam", Attributes: map[string]sqstest.Attribute{"city": {DataType: "String", StringValue: "Camelot"}, "bin": {DataType: "Binary", BinaryValue: []byte("ab")}}})
			r := actortest.Source(t, sqs.Spec, q.Options()+c.options)
			e := r.Wait(1)[0]
			if got := actortest.JSON(e); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if actortest.Meta(e, "received_from") != "sqs://q" || actortest.Meta(e, "source_module") != "SQS" {
				t.Error(actortest.Whole(e))
			}
			r.Stop()
		})
	}
}

// SQS-IN-2, IN-8, IN-9
func TestMessagesAreRemovedAfterDeliveryOnly(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Put(bodies(numbers(0, 95)...)...)
	r := actortest.Source(t, sqs.Spec, q.Options())
	if got, want := texts(t, r, 95), numbers(0, 95); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	q.Eventually(t, "all are removed", func() bool { return len(q.Bodies()) == 0 })
	if n := q.Requests("ReceiveMessage"); n < 10 {
		t.Errorf("%d requests for 95 messages in tens", n)
	}
	r.Stop()

}

// An output that never confirms: nothing may be removed, and after a stop by force the
// messages are there for others at once.
func TestWhatIsNotDeliveredIsGivenBack(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Put(bodies("a", "b", "c")...)
	stuck := newStuck()
	r := actortest.Start(t, "- Global: {shutdown_timeout: 0.2}\n- SQS:\n    "+strings.ReplaceAll(q.Options(), "\n", "\n    ")+"\n- Stuck\n", sqs.Spec, stuck.spec())
	<-stuck.got
	if n := q.Visible(); n != 0 {
		t.Errorf("%d messages are visible to others", n)
	}
	r.StopHard()
	if got := q.Bodies(); !slices.Equal(got, []string{"a", "b", "c"}) || q.Visible() != 3 {
		t.Errorf("left are %v, %d of them visible", got, q.Visible())
	}
}

// SQS-IN-2
func TestMessagesStayHiddenWhileTheyAreUnderWay(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Put(bodies("a", "b")...)
	stuck := newStuck()
	r := actortest.Start(t, "- SQS:\n    visibility_timeout_in_secs: 3\n    "+strings.ReplaceAll(q.Options(), "\n", "\n    ")+"\n- Stuck\n", sqs.Spec, stuck.spec())
	<-stuck.got
	q.Eventually(t, "visibility is extended", func() bool { return q.Requests("ChangeMessageVisibilityBatch") >= 3 })
	if n := q.Visible(); n != 0 {
		t.Errorf("%d messages are visible to others", n)
	}
	// One that comes again all the same is not sent on again, and its newest receipt counts.
	q.Show()
	q.Eventually(t, "they are seen twice", func() bool { return own(r, "seen_twice") >= 2 })
	stuck.release()
	q.Eventually(t, "they are removed", func() bool { return len(q.Bodies()) == 0 })
	if n := stuck.count(); n != 2 {
		t.Errorf("%d events were delivered", n)
	}
	r.Stop()
}

// A receipt may be of no use any more, as after the time of the message was over. The message
// is removed when it comes again, and not sent on a second time.
func TestAMessageWhoseReceiptIsTooOld(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Hooked(func(action string, _ []byte) (int, string) {
		if action != "DeleteMessageBatch" {
			return 0, ""
		}
		q.Hooked(nil)
		return 200, `{"Successful":[],"Failed":[{"Id":"0","Code":"ReceiptHandleIsInvalid","Message":"too old","SenderFault":true}]}`
	})
	q.Put(bodies("a")...)
	r := actortest.Source(t, sqs.Spec, q.Options())
	q.Eventually(t, "removal is refused", func() bool { return own(r, "not_removed") == 1 })
	q.Show()
	q.Eventually(t, "it is removed all the same", func() bool { return len(q.Bodies()) == 0 })
	if got := r.Stop(); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}

func TestABodyWithAWrongMD5IsPassedOnWithAWarning(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Garble(true)
	q.Put(bodies("spam")...)
	r := actortest.Source(t, sqs.Spec, q.Options())
	if got := texts(t, r, 1); got[0] != "spam" {
		t.Error(got)
	}
	q.Eventually(t, "removed", func() bool { return len(q.Bodies()) == 0 })
	r.Stop()
	if own(r, "md5_mismatches") != 1 || !strings.Contains(r.Log(), "MD5 differs") {
		t.Error(r.Log())
	}
}

func TestWithoutWaitingThereIsAPause(t *testing.T) {
	q := sqstest.New(t, "q")
	r := actortest.Source(t, sqs.Spec, q.Options()+"wait_time_in_secs: 0\npoll_interval_in_secs: 0.01\nbatch_size: 1\n")
	q.Eventually(t, "it asks again", func() bool { return q.Requests("ReceiveMessage") > 3 })
	q.Put(bodies("a", "b", "c")...)
	if got := texts(t, r, 3); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	r.Stop()
}

func TestAQueueMayBeGivenByItsURL(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Put(bodies("a")...)
	options := strings.Replace(q.Options(), "queue: q\nendpoint_url: "+q.URL, "queue: "+q.URL+"/123456789012/q", 1)
	r := actortest.Source(t, sqs.Spec, options)
	if got := actortest.Meta(r.Wait(1)[0], "received_from"); got != "sqs://q" {
		t.Error(got)
	}
	r.Stop()
	if q.Requests("GetQueueUrl") != 0 {
		t.Error("the URL was asked for")
	}
}

// IN-16, IN-18: what goes wrong is told of by the name of the queue, no secret is shown, and
// nothing is lost.
func TestFailures(t *testing.T) {
	refuse := func(code string) string { return `{"__type":"com.amazonaws.sqs#` + code + `","message":"no"}` }
	for name, c := range map[string]struct {
		action, answer string
		status, times  int
		logged         string
	}{
		"the service is busy":       {"ReceiveMessage", "", 503, 1, "503"},
		"garbage":                   {"ReceiveMessage", "<html>welcome</html>", 200, 1, "queue q"},
		"the queue is found late":   {"GetQueueUrl", "", 500, 1, "find queue q"},
		"an answer without a URL":   {"GetQueueUrl", "{}", 200, 1, "find queue q"},
		"removal fails":             {"DeleteMessageBatch", "", 500, 1, "remove messages"},
		"removal says nothing":      {"DeleteMessageBatch", "{}", 200, 1, "not that of SQS"},
		"removal of one is refused": {"DeleteMessageBatch", `{"Successful":[],"Failed":[{"Id":"0","Code":"InternalError","Message":"x","SenderFault":false}]}`, 200, 1, "InternalError"},
		"throttled":                 {"ReceiveMessage", refuse("RequestThrottled"), 400, 1, "RequestThrottled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := sqstest.New(t, "q")
			left := make(chan bool, c.times)
			for range c.times {
				left <- true
			}
			q.Hooked(func(action string, _ []byte) (int, string) {
				if action == c.action {
					select {
					case <-left:
						return c.status, c.answer
					default:
					}
				}
				return 0, ""
			})
			q.Put(bodies("a")...)
			r := actortest.Source(t, sqs.Spec, q.Options())
			if got := texts(t, r, 1); got[0] != "a" {
				t.Error(got)
			}
			q.Eventually(t, "it is removed", func() bool { return len(q.Bodies()) == 0 })
			if got := r.Stop(); len(got) != 1 {
				t.Errorf("%d events", len(got))
			}
			if !strings.Contains(r.Log(), c.logged) || strings.Contains(r.Log(), sqstest.Secret) {
				t.Errorf("log:\n%s", r.Log())
			}
		})
	}
}

func TestWhatIsRefusedNamesTheQueue(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"credentials": {sqstest.KeyID, "AKIDOTHER", "InvalidClientTokenId"},
		"queue":       {"queue: q", "queue: missing", "find queue missing"},
	} {
		t.Run(name, func(t *testing.T) {
			q := sqstest.New(t, "q")
			r := actortest.Source(t, sqs.Spec, strings.Replace(q.Options(), c.from, c.to, 1))
			r.Logged("tries")
			r.Stop()
			if !strings.Contains(r.Log(), c.want) || strings.Contains(r.Log(), sqstest.Secret) || !strings.Contains(r.Log(), "sqs://") {
				t.Error(r.Log())
			}
		})
	}
}

func TestNothingStartsWithoutTheQueueIfThatIsWanted(t *testing.T) {
	q := sqstest.New(t, "q")
	options := strings.Replace(q.Options(), "queue: q", "queue: missing", 1) + "start_timeout_in_secs: 0.1\n"
	if err := actortest.Source(t, sqs.Spec, options).Err(); err == nil || !strings.Contains(err.Error(), "no contact within") {
		t.Error(err)
	}
	r := actortest.Source(t, sqs.Spec, q.Options()+"start_timeout_in_secs: 5\n")
	r.Stop()
}

// The role is asked for with the key, and what is given for it is used.
func TestARoleIsTakenOn(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Put(bodies("a")...)
	sts := newSTS(t, sqstest.KeyID)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts)
	options := strings.Replace(q.Options(), sqstest.KeyID, "AKIDROLE", 1) + "role_arn: arn:aws:iam::123456789012:role/minister\n"
	r := actortest.Source(t, sqs.Spec, options)
	texts(t, r, 1)
	r.Stop()
}

// Credentials may come from the environment, as for all programs.
func TestCredentialsOfTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", sqstest.KeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", sqstest.Secret)
	q := sqstest.New(t, "q")
	q.Put(bodies("a")...)
	_, options, _ := strings.Cut(q.Options(), "region:")
	r := actortest.Source(t, sqs.Spec, "region:"+options)
	texts(t, r, 1)
	r.Stop()
}

// IN-12: workers share a queue, and nobody gets what another one has.
func TestSeveralWorkers(t *testing.T) {
	q := sqstest.New(t, "q")
	q.Put(bodies(numbers(0, 200)...)...)
	r := actortest.Source(t, sqs.Spec, q.Options()+"pool_size: 4\n")
	r.Wait(200)
	q.Eventually(t, "all are removed", func() bool { return len(q.Bodies()) == 0 })
	if n := len(r.Stop()); n != 200 {
		t.Errorf("%d events", n)
	}
}
