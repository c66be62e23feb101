//go:build aws

package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/stages/internal/retry"
	"gambolputty/stages/internal/sqsconn"
)

// state says where a message is.
type state int

const (
	underway  state = iota
	delivered       // to be removed from the queue
	orphaned        // delivered, but its receipt is of no use; if it comes again, it comes with a new one
	failed          // to be seen by others
)

// message is one that is hidden from others because we have it.
type message struct {
	types.Message
	state state
	until time.Time // when it becomes visible again
}

// held are the messages that we have. A message that comes once more, because its time was
// over, is known by its id: it is not sent on a second time, and only the newest receipt
// counts.
type held struct {
	env     actor.Env
	client  *sqsconn.Client
	visible time.Duration // after this time, if we say nothing
	outage  *retry.Outage

	mu    sync.Mutex
	all   map[string]*message
	ready chan struct{} // gets a token when messages were delivered
}

func newHeld(env actor.Env, c *sqsconn.Client, o *Options) *held {
	return &held{
		env: env, client: c, visible: time.Duration(o.VisibilityTimeout) * time.Second, outage: retry.NewOutage(env, o.Target()+", removal"),
		all: map[string]*message{}, ready: make(chan struct{}, 1),
	}
}

// fresh enters messages and returns those that we did not have.
func (h *held) fresh(messages []types.Message) []*message {
	h.mu.Lock()
	defer h.mu.Unlock()
	until := time.Now().Add(h.visible)
	var list []*message
	for _, m := range messages {
		id := aws.ToString(m.MessageId)
		if had := h.all[id]; had != nil && had.state != failed {
			had.ReceiptHandle, had.until = m.ReceiptHandle, until
			if had.state == orphaned {
				had.state = delivered
				h.wake()
			}
			h.env.Count("seen_twice", 1)
			continue
		}
		n := &message{Message: m, until: until}
		h.all[id] = n
		list = append(list, n)
	}
	return list
}

// ticket hears what becomes of messages that are sent on.
func (h *held) ticket(messages []*message) *ack.Ticket {
	return ack.New(func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, m := range messages {
			m.state = delivered
			if err != nil {
				m.state = failed
			}
		}
		h.wake()
	})
}

// wake makes keep look at once.
func (h *held) wake() {
	select {
	case h.ready <- struct{}{}:
	default:
	}
}

// keep removes messages that were delivered and holds the others, until ctx ends.
func (h *held) keep(ctx context.Context) {
	backoff := retry.Inputs()
	backoff.Longest = min(backoff.Longest, h.visible/4) // or messages would become visible
	for {
		timer := time.NewTimer(h.visible / 4)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-h.ready:
		case <-timer.C:
		}
		timer.Stop()
		err := errors.Join(h.remove(ctx), h.extend(ctx))
		h.giveUp()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			h.outage.Over()
			backoff.Reset()
			continue
		}
		h.outage.Failed(err)
		if backoff.WaitAtLeast(ctx, min(least(err), h.visible/4)) != nil {
			return
		}
		h.wake() // what failed is tried again
	}
}

// choose returns copies of the messages of a kind, as the originals may get new receipts.
func (h *held) choose(want func(*message) bool) []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []message
	for _, m := range h.all {
		if want(m) {
			list = append(list, *m)
		}
	}
	return list
}

// remove removes what was delivered from the queue.
func (h *held) remove(ctx context.Context) error {
	list := h.choose(func(m *message) bool { return m.state == delivered })
	var errs []error
	for part := range slices.Chunk(list, 10) {
		errs = append(errs, h.removePart(ctx, part))
	}
	return errors.Join(errs...)
}

func (h *held) removePart(ctx context.Context, part []message) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url, err := h.client.URL(ctx)
	if err != nil {
		return err
	}
	var entries []types.DeleteMessageBatchRequestEntry
	for i, m := range part {
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	a, err := h.client.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries})
	if err != nil {
		return fmt.Errorf("remove messages: %w", err)
	}
	refused := map[string]types.BatchResultErrorEntry{}
	for _, f := range a.Failed {
		refused[aws.ToString(f.Id)] = f
	}
	done := map[string]bool{}
	for _, s := range a.Successful {
		done[aws.ToString(s.Id)] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range part {
		m, no, id := h.same(&part[i]), refused[strconv.Itoa(i)], strconv.Itoa(i)
		switch {
		case m == nil: // it has come once more in the meantime
		case done[id]:
			delete(h.all, aws.ToString(m.MessageId))
		case no.SenderFault:
			m.state = orphaned
			h.env.Count("not_removed", 1)
			h.env.Warn("a message that was delivered cannot be removed and may come twice", "code", aws.ToString(no.Code), "reason", aws.ToString(no.Message))
		case no.Code != nil:
			err = fmt.Errorf("remove a message: %s %s", *no.Code, aws.ToString(no.Message))
		default:
			err = fmt.Errorf("remove messages: %w", sqsconn.ErrGarbage)
		}
	}
	return err
}

// same finds the message of which m is a copy, if it still has the same receipt.
func (h *held) same(m *message) *message {
	now := h.all[aws.ToString(m.MessageId)]
	if now == nil || aws.ToString(now.ReceiptHandle) != aws.ToString(m.ReceiptHandle) {
		return nil
	}
	return now
}

// giveUp forgets messages without a good receipt that have not come again for a while.
func (h *held) giveUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, m := range h.all {
		if m.state == orphaned && time.Now().After(m.until.Add(max(2*h.visible, time.Minute))) {
			delete(h.all, id)
		}
	}
}

// extend hides the messages for longer whose time is more than half over.
func (h *held) extend(ctx context.Context) error {
	soon := time.Now().Add(h.visible / 2)
	list := h.choose(func(m *message) bool { return m.state == underway && m.until.Before(soon) })
	var errs []error
	for part := range slices.Chunk(list, 10) {
		errs = append(errs, h.hide(ctx, part, h.visible))
	}
	return errors.Join(errs...)
}

// hide hides messages for a time from now on; 0 shows them to others. A message that the
// service refuses to hide, as after twelve hours, may be delivered twice, which is counted.
func (h *held) hide(ctx context.Context, part []message, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url, err := h.client.URL(ctx)
	if err != nil {
		return err
	}
	var entries []types.ChangeMessageVisibilityBatchRequestEntry
	for i, m := range part {
		entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: int32(d / time.Second)})
	}
	until := time.Now().Add(d)
	a, err := h.client.ChangeMessageVisibilityBatch(ctx, &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: entries})
	if err != nil {
		return fmt.Errorf("hide messages for longer: %w", err)
	}
	for _, f := range a.Failed {
		h.env.Count("not_hidden", 1)
		h.env.Warn("a message cannot be hidden for longer", "code", aws.ToString(f.Code), "reason", aws.ToString(f.Message))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range part {
		if now := h.all[aws.ToString(m.MessageId)]; now != nil {
			now.until = until // also of those that failed, or they would be asked about at once
		}
	}
	return nil
}

// giveBack says at the end what is still to be said: what was delivered is removed, and what
// was not is shown to others at once.
func (h *held) giveBack(ctx context.Context) error {
	err := h.remove(ctx)
	for part := range slices.Chunk(h.choose(func(m *message) bool { return m.state == underway || m.state == failed }), 10) {
		err = errors.Join(err, h.hide(ctx, part, 0))
	}
	if err != nil {
		return fmt.Errorf("messages may come twice: %w", err)
	}
	return nil
}
