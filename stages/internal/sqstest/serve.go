//go:build aws

package sqstest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// request is what any request may have.
type request struct {
	QueueName, QueueUrl                                     string
	Entries                                                 []entry
	MaxNumberOfMessages, WaitTimeSeconds, VisibilityTimeout int
	MessageSystemAttributeNames, MessageAttributeNames      []string
}

// entry is one of several things that a request asks for.
type entry struct {
	Id, MessageBody, MessageGroupId, MessageDeduplicationId, ReceiptHandle string
	VisibilityTimeout                                                      int
	MessageAttributes                                                      map[string]Attribute
}

// failure says that an entry was refused.
type failure struct {
	Id, Code, Message string
	SenderFault       bool
}

// ServeHTTP answers a request.
func (q *Queue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_, action, known := strings.Cut(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	var in request
	if err != nil || !known || json.Unmarshal(body, &in) != nil {
		fail(w, http.StatusBadRequest, "InvalidAction", "what is that?")
		return
	}
	q.mu.Lock()
	q.requests[action]++
	hook := q.hook
	q.mu.Unlock()
	if hook != nil {
		if status, answer := hook(action, body); status > 0 {
			w.WriteHeader(status)
			io.WriteString(w, answer)
			return
		}
	}
	if !strings.Contains(r.Header.Get("Authorization"), "Credential="+KeyID+"/") {
		fail(w, http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
		return
	}
	if in.QueueName+in.QueueUrl != "" && in.QueueName != q.Name && !strings.HasSuffix(in.QueueUrl, "/"+q.Name) {
		fail(w, http.StatusBadRequest, "QueueDoesNotExist", "The specified queue does not exist.")
		return
	}
	if len(in.Entries) > 10 {
		fail(w, http.StatusBadRequest, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
		return
	}
	var out any
	switch action {
	case "GetQueueUrl":
		out = map[string]string{"QueueUrl": q.Server.URL + "/123456789012/" + q.Name}
	case "GetQueueAttributes":
		out = map[string]any{"Attributes": map[string]string{"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:" + q.Name}}
	case "SendMessageBatch":
		if out = q.send(w, in.Entries); out == nil {
			return
		}
	case "ReceiveMessage":
		out = q.receive(r, &in)
	case "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		out = q.change(action, in.Entries)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	json.NewEncoder(w).Encode(out)
}

// send takes messages. With nil the answer was given.
func (q *Queue) send(w http.ResponseWriter, entries []entry) any {
	size := 0
	for i, e := range entries {
		size += len(e.MessageBody)
		for name, a := range e.MessageAttributes {
			size += len(name) + len(a.DataType) + len(a.StringValue)
		}
		if e.Id != fmt.Sprint(i) {
			fail(w, http.StatusBadRequest, "InvalidBatchEntryId", "")
			return nil
		}
	}
	if size > 256<<10 {
		fail(w, http.StatusBadRequest, "BatchRequestTooLong", "Batch requests cannot be longer than 262144 bytes.")
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var ok []map[string]string
	var failed []failure
	for _, e := range entries {
		if !legal(e.MessageBody) || strings.HasSuffix(q.Name, ".fifo") && e.MessageGroupId == "" {
			failed = append(failed, failure{e.Id, "InvalidMessageContents", "Message contains invalid characters.", true})
			continue
		}
		if e.MessageDeduplicationId == "" || !q.seen[e.MessageDeduplicationId] {
			q.add(&Message{Body: e.MessageBody, Group: e.MessageGroupId, Dedup: e.MessageDeduplicationId, Attributes: e.MessageAttributes})
		}
		q.seen[e.MessageDeduplicationId] = true
		ok = append(ok, map[string]string{"Id": e.Id, "MessageId": fmt.Sprint("id-", q.count), "MD5OfMessageBody": q.md5(e.MessageBody)})
	}
	q.sizes = append(q.sizes, len(entries))
	return map[string]any{"Successful": ok, "Failed": failed}
}

func (q *Queue) md5(text string) string {
	if q.garble {
		return sum(text + "!")
	}
	return sum(text)
}

// receive gives messages that are not hidden, and waits for some.
func (q *Queue) receive(r *http.Request, in *request) any {
	for end := time.After(time.Duration(in.WaitTimeSeconds) * time.Second); ; {
		q.mu.Lock()
		list, changed := q.take(in), q.changed
		q.mu.Unlock()
		if len(list) > 0 || in.WaitTimeSeconds == 0 {
			return map[string]any{"Messages": list}
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // some may have become visible
		case <-end:
			return struct{}{}
		case <-q.closing:
			return struct{}{}
		case <-r.Context().Done():
			return struct{}{}
		}
	}
}

func (q *Queue) take(in *request) (list []map[string]any) {
	now := time.Now()
	for _, m := range q.messages {
		if now.Before(m.hidden) || len(list) == in.MaxNumberOfMessages {
			continue
		}
		m.received++
		m.receipt, m.hidden = fmt.Sprintf("%s-%d", m.ID, m.received), now.Add(time.Duration(in.VisibilityTimeout)*time.Second)
		out := map[string]any{"MessageId": m.ID, "ReceiptHandle": m.receipt, "Body": m.Body, "MD5OfBody": q.md5(m.Body)}
		if len(in.MessageSystemAttributeNames) > 0 {
			out["Attributes"] = map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.received)}
		}
		if len(in.MessageAttributeNames) > 0 && len(m.Attributes) > 0 {
			out["MessageAttributes"], out["MD5OfMessageAttributes"] = m.Attributes, "00"
		}
		list = append(list, out)
	}
	return list
}

// change removes messages or hides them, if the receipt is the newest.
func (q *Queue) change(action string, entries []entry) any {
	q.mu.Lock()
	defer q.mu.Unlock()
	ok := []map[string]string{}
	failed := []failure{}
	for _, e := range entries {
		at := -1
		for i, m := range q.messages {
			if m.receipt == e.ReceiptHandle {
				at = i
			}
		}
		switch {
		case at < 0:
			failed = append(failed, failure{e.Id, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.", true})
			continue
		case action == "DeleteMessageBatch":
			q.messages = append(q.messages[:at], q.messages[at+1:]...)
		default:
			q.messages[at].hidden = time.Now().Add(time.Duration(e.VisibilityTimeout) * time.Second)
		}
		ok = append(ok, map[string]string{"Id": e.Id})
	}
	q.news()
	return map[string]any{"Successful": ok, "Failed": failed}
}
