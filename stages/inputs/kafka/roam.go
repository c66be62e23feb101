package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"gambolputty/stages/internal/kafkaconn"
	"gambolputty/stages/internal/retry"
)

// roamer reads all partitions without a group. Where it is in each of them it knows itself.
type roamer struct {
	*source
	client   sarama.Client
	consumer sarama.Consumer
	running  sync.WaitGroup
	known    map[spot]bool
	pauses   retry.Backoff
}

// roam reads all partitions until reading ends.
func (s *source) roam() {
	r := &roamer{source: s, known: map[spot]bool{}, pauses: retry.Inputs()}
	s.persist(r.session)
	if r.client == nil {
		return
	}
	r.running.Wait()
	_ = errors.Join(r.consumer.Close(), r.client.Close()) // nothing depends on it
}

// session looks for partitions to read, and rests until it is time for the next look. That
// of a partition that cannot be read comes soon: it tells when the brokers are back.
func (r *roamer) session() error {
	if err := r.connectAll(); err != nil {
		return err
	}
	if err := r.look(); err != nil {
		return err
	}
	r.health.works()
	ctx, cancel := context.WithCancel(r.reading)
	defer cancel()
	defer context.AfterFunc(r.health.trouble(), cancel)()
	r.topics.rest(ctx, &r.pauses)
	return nil
}

// connectAll makes the connections.
func (r *roamer) connectAll() error {
	if r.client != nil {
		return nil
	}
	c, err := r.connect(r.reading)
	if err != nil {
		return err
	}
	r.consumer, err = sarama.NewConsumerFromClient(c)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	r.client = c
	r.use(c)
	return nil
}

// look begins to read partitions that are new.
func (r *roamer) look() error {
	names, err := r.topics.find(r.client)
	if err != nil {
		return err
	}
	for _, name := range names {
		list, err := r.client.Partitions(name)
		if err != nil {
			return fmt.Errorf("partitions of topic %s: %w", name, err)
		}
		for _, partition := range list {
			at := spot{name, partition}
			if r.known[at] {
				continue
			}
			which := r.opts.initial()
			if r.topics.late(at) {
				which = sarama.OffsetOldest
			}
			next, err := r.client.GetOffset(name, partition, which)
			if err != nil {
				return fmt.Errorf("end of topic %s, partition %d: %w", name, partition, err)
			}
			r.known[at] = true
			if !r.readers.enter() {
				return nil
			}
			r.running.Go(func() {
				defer r.readers.leave()
				r.follow(at, next)
			})
		}
	}
	return nil
}

// follow reads one partition until reading ends.
func (r *roamer) follow(at spot, next int64) {
	one := r.newReader(at, nil)
	one.next.Store(next)
	backoff := retry.Inputs()
	for r.reading.Err() == nil {
		from := one.next.Load()
		err := r.stretch(one, from)
		switch {
		case errors.Is(err, sarama.ErrOffsetOutOfRange):
			var offset int64
			if offset, err = r.elsewhere(r.client, at, one.next.Load()); err == nil {
				one.next.Store(offset)
				continue
			}
		case err == nil:
			continue
		}
		r.report(at, err)
		if one.next.Load() > from {
			backoff.Reset()
		}
		if backoff.Wait(r.reading) != nil {
			return
		}
	}
}

// stretch reads a partition from an offset until reading ends or something fails.
func (r *roamer) stretch(one *reader, from int64) error {
	p, err := r.consumer.ConsumePartition(one.spot.topic, one.spot.partition, from)
	if err != nil {
		return err
	}
	var last error
	var errs sync.WaitGroup
	errs.Go(func() {
		for err := range p.Errors() {
			if errors.Is(err.Err, sarama.ErrOffsetOutOfRange) {
				last = err.Err
				continue
			}
			r.report(one.spot, err.Err)
		}
	})
	one.read(p.Messages(), r.reading.Done())
	p.AsyncClose()
	for range p.Messages() { // what was not taken is read again
	}
	errs.Wait()
	return last
}

// report tells of a failure to read a partition.
func (s *source) report(at spot, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if kafkaconn.Away(err) {
		s.health.failed(err)
		return
	}
	s.complain(at, err)
}

// complain is for failures that concern one partition only.
func (s *source) complain(at spot, err error) {
	s.env.Warn("a partition cannot be read or its offset not be committed, trying again", "topic", at.topic, "partition", at.partition, "error", err)
}
