//go:build aws

// Package sqstest is a queue that speaks the JSON protocol of SQS, for tests. It is strict
// where the service is: ids, sizes, receipts that are out of date, characters in texts.
package sqstest

import (
	"crypto/md5" // the protocol says so
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// The key that the queue knows.
const (
	KeyID  = "AKIDSPAM"
	Secret = "verysecretindeed"
)

// Message is one in the queue.
type Message struct {
	ID         string
	Body       string
	Group      string
	Dedup      string
	Attributes map[string]Attribute

	receipt  string
	received int
	hidden   time.Time
}

// Attribute is one that a sender gave to a message.
type Attribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

// Hook looks at a request before it is served. A status above 0 is the answer instead.
type Hook func(action string, body []byte) (status int, answer string)

// Queue is a queue of the given name.
type Queue struct {
	*httptest.Server
	Name string

	mu       sync.Mutex
	hook     Hook
	messages []*Message
	seen     map[string]bool // deduplication ids
	count    int
	requests map[string]int
	sizes    []int
	changed  chan struct{}
	garble   bool
	closing  chan struct{}
}

// New starts a queue, which the test ends.
func New(t testing.TB, name string) *Queue {
	q := &Queue{Name: name, seen: map[string]bool{}, requests: map[string]int{}, changed: make(chan struct{}), closing: make(chan struct{})}
	q.Server = httptest.NewServer(q)
	t.Cleanup(func() { close(q.closing); q.Close() })
	return q
}

// Options are those of a module that uses the queue.
func (q *Queue) Options() string { return OptionsFor(q.Server.URL, q.Name) }

// OptionsFor are those of a module that finds the queue at another address.
func OptionsFor(url, name string) string {
	return fmt.Sprintf("aws_access_key_id: %s\naws_secret_access_key: %s\nregion: eu-west-1\nqueue: %s\nendpoint_url: %s\n", KeyID, Secret, name, url)
}

// Hooked makes h look at all requests from now on.
func (q *Queue) Hooked(h Hook) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hook = h
}

// Take takes the messages of a request as if it had been served. A hook that calls it and
// answers with a failure loses the answer.
func (q *Queue) Take(body []byte) {
	var in request
	if json.Unmarshal(body, &in) == nil {
		q.send(httptest.NewRecorder(), in.Entries)
	}
}

// Garble makes the queue tell a wrong MD5 of what it has.
func (q *Queue) Garble(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.garble = on
}

// Put puts messages into the queue.
func (q *Queue) Put(messages ...Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range messages {
		q.add(&messages[i])
	}
}

// Bodies returns what is in the queue, hidden or not.
func (q *Queue) Bodies() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := []string{}
	for _, m := range q.messages {
		list = append(list, m.Body)
	}
	return list
}

// Messages returns copies of what is in the queue.
func (q *Queue) Messages() []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	var list []Message
	for _, m := range q.messages {
		list = append(list, *m)
	}
	return list
}

// Visible counts the messages that are not hidden.
func (q *Queue) Visible() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if !time.Now().Before(m.hidden) {
			n++
		}
	}
	return n
}

// Show makes all messages visible, as if their time was over.
func (q *Queue) Show() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		m.hidden = time.Time{}
	}
	q.news()
}

// Requests counts the requests of an action, such as SendMessageBatch.
func (q *Queue) Requests(action string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.requests[action]
}

// Sizes are the numbers of messages in the requests that brought some.
func (q *Queue) Sizes() []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]int(nil), q.sizes...)
}

// Eventually waits until something is true.
func (q *Queue) Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s; the queue has %q", what, q.Bodies())
		}
	}
}

func (q *Queue) add(m *Message) {
	q.count++
	m.ID = fmt.Sprint("id-", q.count)
	q.messages = append(q.messages, m)
	q.news()
}

func (q *Queue) news() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func sum(text string) string {
	s := md5.Sum([]byte(text))
	return hex.EncodeToString(s[:])
}

// fail is an answer that refuses a request.
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("x-amzn-query-error", code+";Sender")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": message})
}

// legal reports whether a text may be a message.
func legal(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 && r != '\t' && r != '\n' && r != '\r' })
}
