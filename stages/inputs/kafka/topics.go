package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/retry"
)

// topics knows which topics there are to read. It belongs to one goroutine at a time.
type topics struct {
	env     actor.Env
	wanted  []string
	matches *regex.Machine
	missing map[string]bool
	// first is how many partitions the topics had when we looked for the first time. What
	// came later was not there when we began, so that all of it is to be read.
	first map[string]int32
}

func newTopics(env actor.Env, o *Options) *topics {
	t := &topics{env: env, wanted: o.Topics, missing: map[string]bool{}}
	if o.pattern != nil {
		t.matches = o.pattern.Machine()
	}
	return t
}

// find returns the topics that exist, in order.
func (t *topics) find(c sarama.Client) ([]string, error) {
	var found []string
	for _, name := range t.wanted {
		err := c.RefreshMetadata(name)
		switch {
		case err == nil:
			found = append(found, name)
			if t.missing[name] {
				delete(t.missing, name)
				t.env.Log.Info("the topic is there now", "topic", name)
			}
		case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
			if !t.missing[name] {
				t.missing[name] = true
				t.env.Log.Warn("there is no such topic, waiting for it", "topic", name)
			}
		default:
			return nil, fmt.Errorf("topic %s: %w", name, err)
		}
	}
	if t.matches != nil {
		more, err := t.matching(c)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found, t.remember(c, found)
}

// matching returns the topics that the pattern matches. Those of the brokers themselves,
// whose names begin with two underscores, are left out.
func (t *topics) matching(c sarama.Client) ([]string, error) {
	if err := c.RefreshMetadata(); err != nil {
		return nil, fmt.Errorf("look for topics: %w", err)
	}
	all, err := c.Topics()
	if err != nil {
		return nil, fmt.Errorf("look for topics: %w", err)
	}
	var found []string
	for _, name := range all {
		if strings.HasPrefix(name, "__") {
			continue
		}
		caps, err := t.matches.Search(name, 0)
		if err != nil {
			t.env.Warn("topic_pattern took too long for the name of a topic", "topic", name, "error", err)
		}
		if caps != nil {
			found = append(found, name)
		}
	}
	return found, nil
}

func (t *topics) remember(c sarama.Client, found []string) error {
	if t.first != nil {
		return nil
	}
	first := map[string]int32{}
	for _, name := range found {
		list, err := c.Partitions(name)
		if err != nil {
			return fmt.Errorf("partitions of topic %s: %w", name, err)
		}
		first[name] = int32(len(list))
	}
	t.first = first
	return nil
}

// late reports whether a partition came after we had begun.
func (t *topics) late(at spot) bool { return t.first != nil && at.partition >= t.first[at.topic] }

// rest waits until it is time to look again, which is soon where a topic is waited for. It
// reports whether ctx has not ended.
func (t *topics) rest(ctx context.Context, b *retry.Backoff) bool {
	if len(t.missing) > 0 {
		return b.Wait(ctx) == nil
	}
	b.Reset()
	timer := time.NewTimer(look)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
