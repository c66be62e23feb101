//go:build aws

package sqssink

import (
	"context"
	"crypto/md5" // the protocol says so
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/sqsconn"
)

const (
	// patience is how long a request with its answer may take.
	patience = 20 * time.Second
	// mostEntries is what SQS takes in a request.
	mostEntries = 10
)

// sink is one worker of the module.
type sink struct {
	env     actor.Env
	opts    Options
	client  *sqsconn.Client
	courier *delivery.Courier
	writer  *writer
	letters []letter
}

// New makes an SQSSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	c, err := sqsconn.New(context.Background(), &o.Connection.Options)
	if err != nil {
		return nil, err
	}
	return &sink{env: env, opts: o, client: c, courier: delivery.New(env, o.Options, o.Target()), writer: newWriter(env, &o)}, nil
}

// Open reaches out only if the program shall not start without the queue.
func (s *sink) Open(ctx context.Context) error {
	if err := s.courier.Require(ctx, s.client.Ping); err != nil {
		return fmt.Errorf("%s: %w", s.opts.Target(), err)
	}
	return nil
}

// Write sends the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	s.letters = s.letters[:0]
	for e := range b.View() {
		s.letters = append(s.letters, s.writer.letter(e))
	}
	defer func() { clear(s.letters) }()
	return s.courier.Deliver(ctx, b, s.send)
}

// send tries once. When the service could not do its work, the rest waits for the next
// attempt, so that the order stays.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	s.letters = delivery.Left(s.letters, events)
	list := s.letters
	for len(list) > 0 {
		if err := list[0].err; err != nil {
			r.Never(list[0].Event, err)
			list = list[1:]
			continue
		}
		n := s.fit(list)
		if err := s.request(ctx, list[:n], r); err != nil {
			if sqsconn.Hopeless(err) {
				r.Wait(s.opts.RetryMax)
			}
			delivery.Postpone(r, list[n:], err)
			return
		}
		list = list[n:]
	}
}

// fit is the number of letters from the front that make a request.
func (s *sink) fit(list []letter) int {
	size := 0
	for n, l := range list {
		size += l.size
		if l.err != nil || n > 0 && (size > s.opts.MaxRequestSize || n >= min(mostEntries, s.opts.BatchSize)) {
			return n
		}
	}
	return len(list)
}

// request sends letters. The error says that the service could not do its work at all.
func (s *sink) request(ctx context.Context, list []letter, r *delivery.Report) error {
	a, err := s.post(ctx, list)
	if err == nil {
		return s.judge(list, a, r)
	}
	if divisible(err) {
		if len(list) == 1 {
			r.Never(list[0].Event, err)
			return nil
		}
		half := len(list) / 2
		if err := s.request(ctx, list[:half], r); err != nil {
			delivery.Postpone(r, list[half:], err)
			return err
		}
		return s.request(ctx, list[half:], r)
	}
	delivery.Postpone(r, list, err)
	return err
}

// divisible reports whether an error is about one message, which none of the others has to
// suffer for.
func divisible(err error) bool {
	return slices.Contains([]string{
		"BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue",
	}, sqsconn.Code(err))
}

func (s *sink) post(ctx context.Context, list []letter) (*sqs.SendMessageBatchOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url, err := s.client.URL(ctx)
	if err != nil {
		return nil, err
	}
	in := &sqs.SendMessageBatchInput{QueueUrl: url, Entries: make([]types.SendMessageBatchRequestEntry, len(list))}
	size := 0
	for i := range list {
		in.Entries[i] = list[i].entry
		in.Entries[i].Id = aws.String(strconv.Itoa(i))
		size += list[i].size
	}
	a, err := s.client.SendMessageBatch(ctx, in)
	s.env.Count("requests", 1)
	s.env.Count("bytes", size)
	if err != nil {
		return nil, fmt.Errorf("send to queue %s: %w", s.opts.QueueName(), err)
	}
	return a, nil
}

var errMD5 = errors.New("the MD5 that the service has of the message is another one")

// judge looks at what became of each letter. The error says that some must be sent again.
func (s *sink) judge(list []letter, a *sqs.SendMessageBatchOutput, r *delivery.Report) error {
	var arrived [mostEntries]bool
	for _, ok := range a.Successful {
		i, err := strconv.Atoi(aws.ToString(ok.Id))
		if err != nil || i < 0 || i >= len(list) {
			continue
		}
		sum := md5.Sum([]byte(*list[i].entry.MessageBody))
		if arrived[i] = hex.EncodeToString(sum[:]) == aws.ToString(ok.MD5OfMessageBody); !arrived[i] {
			s.env.Warn("a message has become another one on its way", "error", errMD5)
		}
	}
	var refused [mostEntries]bool
	var busy error
	for _, no := range a.Failed {
		i, err := strconv.Atoi(aws.ToString(no.Id))
		if err != nil || i < 0 || i >= len(list) || arrived[i] || refused[i] {
			continue
		}
		refused[i] = true
		reason := fmt.Errorf("%s: %s", aws.ToString(no.Code), aws.ToString(no.Message))
		if no.SenderFault {
			r.Never(list[i].Event, reason)
			continue
		}
		busy = reason
		r.Later(list[i].Event, reason)
	}
	for i, l := range list {
		if !arrived[i] && !refused[i] {
			busy = sqsconn.ErrGarbage
			r.Later(l.Event, busy)
		}
	}
	return busy
}
