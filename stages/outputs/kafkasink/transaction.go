package kafkasink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/stages/internal/retry"
)

// none is the id and the epoch of a producer that has none yet.
const none = -1

// transactionTime is after what time the brokers end a transaction of a program that died.
const transactionTime = time.Minute

// introduce gets an id, under which records are numbered from 0 in every partition. With a
// transaction it also ends what was left open, by us or by a predecessor.
func (p *producer) introduce(ctx context.Context) error {
	var answer *sarama.InitProducerIDResponse
	ask := func() (err error) {
		if p.opts.Transaction == "" {
			answer, err = p.client.InitProducerID()
		} else {
			answer, err = p.initTransactions()
		}
		if err != nil {
			return err
		}
		return code(answer.Err)
	}
	if err := p.persist(ctx, ask); err != nil {
		return err
	}
	p.id, p.epoch, p.introduced = answer.ProducerID, answer.ProducerEpoch, true
	for _, l := range p.lanes {
		l.sequence, l.flight = 0, 0
	}
	return nil
}

func (p *producer) initTransactions() (*sarama.InitProducerIDResponse, error) {
	coordinator, err := p.client.TransactionCoordinator(p.opts.Transaction)
	if err != nil {
		return nil, err
	}
	answer, err := coordinator.InitProducerID(&sarama.InitProducerIDRequest{
		Version: p.since(1, 2, 3, 4), TransactionalID: &p.opts.Transaction, TransactionTimeout: transactionTime, ProducerID: none, ProducerEpoch: none,
	})
	return answer, p.lost(coordinator, err)
}

// since is the newest of the versions of a request: the first is good for all brokers, the
// others came with 2.4, 2.5 and 2.7.
func (p *producer) since(always, v24, v25, v27 int16) int16 {
	switch v := p.config.Version; {
	case v.IsAtLeast(sarama.V2_7_0_0):
		return v27
	case v.IsAtLeast(sarama.V2_5_0_0):
		return v25
	case v.IsAtLeast(sarama.V2_4_0_0):
		return v24
	}
	return always
}

// lost closes a connection that has failed, so that the next request makes a new one.
func (p *producer) lost(b *sarama.Broker, err error) error {
	if err != nil {
		b.Close() // it is broken anyway
	}
	return err
}

// code is the error of an answer, or nil.
func code(k sarama.KError) error {
	if k == sarama.ErrNoError {
		return nil
	}
	return k
}

// persist asks again while the coordinator is about to move or busy with the transaction
// before, for as long as three requests may take.
func (p *producer) persist(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*p.config.Net.ReadTimeout)
	defer cancel()
	backoff := retry.Backoff{First: 2 * time.Millisecond, Longest: 500 * time.Millisecond}
	for {
		err := ask()
		switch {
		case err == nil:
			return nil
		case isOneOf(err, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer):
			_ = p.client.RefreshTransactionCoordinator(p.opts.Transaction) // the next answer tells
		case !isOneOf(err, sarama.ErrConcurrentTransactions, sarama.ErrOffsetsLoadInProgress, sarama.ErrNotConnected):
			return err
		}
		if backoff.Wait(ctx) != nil {
			return err
		}
	}
}

func isOneOf(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// transact delivers everything in a transaction. After any failure all of it is to be sent
// again, and the next introduction ends the transaction without effect. Only a commit whose
// fate is unknown is asked for once more instead, as it may have had its effect.
func (p *producer) transact(ctx context.Context) error {
	if len(p.busy) == 0 {
		return nil
	}
	if p.committing {
		err := p.commit(ctx)
		if err == nil || p.committing {
			return err
		}
		if err := p.introduce(ctx); err != nil {
			return fmt.Errorf("ask for the id of a producer: %w", err)
		}
	}
	for _, l := range p.busy {
		for _, m := range l.room {
			m.enlisted = false
		}
	}
	if err := p.enlist(ctx); err != nil {
		p.introduced = false
		return fmt.Errorf("begin a transaction: %w", err)
	}
	p.rounds(ctx)
	for _, l := range p.busy {
		if l.trouble != nil {
			p.introduced = false
			return fmt.Errorf("the transaction is to be repeated: %w", l.trouble)
		}
	}
	return p.commit(ctx)
}

// enlist makes the partitions part of the transaction.
func (p *producer) enlist(ctx context.Context) error {
	partitions := map[string][]int32{}
	for _, l := range p.busy {
		partitions[l.topic] = append(partitions[l.topic], l.partition)
	}
	return p.persist(ctx, func() error {
		coordinator, err := p.client.TransactionCoordinator(p.opts.Transaction)
		if err != nil {
			return err
		}
		answer, err := coordinator.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: p.since(1, 1, 1, 2), TransactionalID: p.opts.Transaction, ProducerID: p.id, ProducerEpoch: p.epoch, TopicPartitions: partitions,
		})
		if p.lost(coordinator, err) != nil {
			return err
		}
		for topic, list := range answer.Errors {
			for _, one := range list {
				if one.Err != sarama.ErrNoError && one.Err != sarama.ErrOperationNotAttempted {
					return fmt.Errorf("topic %s, partition %d: %w", topic, one.Partition, one.Err)
				}
			}
		}
		return nil
	})
}

var errOpen = errors.New("the transaction before was in doubt")

// commit ends the transaction, with which all of its letters have arrived. It asks again after
// a lost answer, also in the next attempt: to end it twice is the same as once.
func (p *producer) commit(ctx context.Context) error {
	err := p.endTransaction(ctx)
	switch {
	case err == nil:
		p.committing = false
		for _, l := range p.busy {
			for _, m := range l.room {
				m.done, m.trouble = m.enlisted, nil
				if !m.done && m.refused == nil {
					m.trouble = errOpen // it could not be sent before, and is the next one
				}
			}
		}
		return nil
	case isOneOf(err, sarama.ErrInvalidTxnState, sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced, sarama.ErrInvalidProducerIDMapping, sarama.ErrTransactionalIDAuthorizationFailed, sarama.ErrTransactionCoordinatorFenced):
		p.committing, p.introduced = false, false // it has had no effect
	default:
		p.committing = true
	}
	return fmt.Errorf("commit a transaction: %w", err)
}

func (p *producer) endTransaction(ctx context.Context) error {
	return p.persist(ctx, func() error {
		coordinator, err := p.client.TransactionCoordinator(p.opts.Transaction)
		if err != nil {
			return err
		}
		answer, err := coordinator.EndTxn(&sarama.EndTxnRequest{
			Version: p.since(1, 1, 1, 2), TransactionalID: p.opts.Transaction, ProducerID: p.id, ProducerEpoch: p.epoch, TransactionResult: true,
		})
		if p.lost(coordinator, err) != nil {
			return errors.Join(sarama.ErrNotConnected, err)
		}
		return code(answer.Err)
	})
}
