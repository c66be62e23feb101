package kafkasink

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/stages/internal/kafkaconn"
)

// producer brings letters to the brokers. It has at most one batch of a partition under way,
// and does not go on in a partition before that has arrived or was refused: so their order
// is kept. A batch whose fate is unknown is sent again as it was, under the same number,
// by which the broker recognises it.
type producer struct {
	env     actor.Env
	opts    *Options
	config  *sarama.Config
	client  sarama.Client
	lanes   map[spot]*lane
	busy    []*lane // those with letters in this attempt
	choices map[string]*choice
	stale   map[string]bool // topics of which we know too little

	introduced bool // id and epoch are good
	committing bool // the end of a transaction was asked for, and its fate is unknown
	id         int64
	epoch      int16
}

// spot is a partition of a topic.
type spot struct {
	topic     string
	partition int32
}

// Limits of the producer.
const (
	// mostLanes bounds the partitions whose numbers are remembered.
	mostLanes = 10_000
	// mostRequest is the number of bytes at which nothing more is added to a request.
	mostRequest = 32 << 20
)

func newProducer(env actor.Env, o *Options, c *sarama.Config) *producer {
	return &producer{env: env, opts: o, config: c, lanes: map[spot]*lane{}, choices: map[string]*choice{}, stale: map[string]bool{}, id: -1, epoch: -1}
}

// begin is called when letters come that are other ones than before.
func (p *producer) begin() {
	for _, l := range p.lanes {
		if l.flight > 0 { // it was given up, so its number may be taken or not
			p.introduced = false
		}
		l.flight = 0
	}
	if p.committing { // it was given up too
		p.committing, p.introduced = false, false
	}
	if len(p.lanes) > mostLanes {
		clear(p.lanes)
		clear(p.choices)
		p.introduced = false
	}
}

// connect makes the client, if there is none yet.
func (p *producer) connect(ctx context.Context) error {
	if p.client != nil && !p.client.Closed() {
		return nil
	}
	var err error
	p.client, err = kafkaconn.Connect(ctx, p.opts.Addresses(), p.config)
	if err != nil {
		p.client = nil
	}
	return err
}

func (p *producer) close() error {
	if p.client == nil || p.client.Closed() {
		return nil
	}
	return p.client.Close()
}

// deliver tries once to deliver letters, and notes in each of them what became of it. The
// error is about all of them.
func (p *producer) deliver(ctx context.Context, mail []*letter) error {
	err := p.try(ctx, mail)
	if errors.Is(err, sarama.ErrOutOfBrokers) {
		_ = p.close() // a client that has given all brokers up does not come back to them
	}
	for _, l := range mail {
		if err != nil && l.refused == nil {
			l.done, l.trouble = false, err
		}
	}
	return err
}

func (p *producer) try(ctx context.Context, mail []*letter) error {
	if err := p.connect(ctx); err != nil {
		return err
	}
	client := p.client
	defer context.AfterFunc(ctx, func() { client.Close() })() // nothing waits longer then
	p.refresh()
	p.sort(mail)
	if p.opts.Idempotent && !p.introduced {
		if err := p.introduce(ctx); err != nil {
			return fmt.Errorf("ask for the id of a producer: %w", err)
		}
	}
	if p.opts.Transaction != "" {
		return p.transact(ctx)
	}
	p.rounds(ctx)
	return nil
}

// refresh asks for what has turned out to be wrong.
func (p *producer) refresh() {
	for topic := range p.stale {
		_ = p.client.RefreshMetadata(topic) // what is wrong shows when it is used
	}
	clear(p.stale)
}

// sort puts letters into their lanes.
func (p *producer) sort(mail []*letter) {
	p.busy = p.busy[:0]
	for _, l := range p.lanes {
		l.reset()
	}
	for _, c := range p.choices {
		c.err, c.fresh = nil, false
	}
	for _, l := range mail {
		c := p.choices[l.topic]
		if c == nil {
			c = &choice{}
			p.choices[l.topic] = c
		}
		if !c.fresh {
			c.look(p.client, l.topic)
		}
		if c.err != nil && l.partition < 0 {
			l.trouble = c.err
			continue
		}
		c.choose(l)
		p.lane(spot{l.topic, l.partition}).add(l)
	}
}

func (p *producer) lane(at spot) *lane {
	l := p.lanes[at]
	if l == nil {
		l = &lane{spot: at, limit: p.opts.MaxBytes}
		p.lanes[at] = l
	}
	if !l.busy {
		l.busy = true
		p.busy = append(p.busy, l)
	}
	return l
}

// rounds sends batch after batch of every lane, until all are empty or stuck.
func (p *producer) rounds(ctx context.Context) {
	for {
		requests := p.requests()
		if len(requests) == 0 {
			return
		}
		var others sync.WaitGroup
		for _, r := range requests[1:] {
			others.Go(r.send)
		}
		requests[0].send()
		others.Wait()
		for _, r := range requests {
			p.judge(ctx, r)
		}
	}
}

// judge looks at the answer of a broker.
func (p *producer) judge(ctx context.Context, r *request) {
	if ctx.Err() != nil && r.err != nil {
		r.err = context.Cause(ctx)
	}
	if _, big := errors.AsType[sarama.PacketEncodingError](r.err); big {
		for _, l := range r.lanes {
			l.tooLarge(r.err)
		}
		return
	}
	if r.err != nil {
		r.broker.Close() // what it says is no news
		for _, l := range r.lanes {
			p.stale[l.topic] = true
			l.unknown(fmt.Errorf("broker %s: %w", r.broker.Addr(), r.err))
		}
		return
	}
	for _, l := range r.lanes {
		if r.answer == nil { // with acks: 0 there is none
			l.arrived()
			continue
		}
		block := r.answer.GetBlock(l.topic, l.partition)
		if block == nil {
			l.unknown(fmt.Errorf("topic %s, partition %d: %w", l.topic, l.partition, sarama.ErrIncompleteResponse))
			continue
		}
		p.verdict(l, block)
	}
}

// verdict looks at what a broker says about a batch.
func (p *producer) verdict(l *lane, b *sarama.ProduceResponseBlock) {
	err := error(b.Err)
	if b.ErrorMessage != nil && *b.ErrorMessage != "" {
		err = fmt.Errorf("%w (%s)", b.Err, *b.ErrorMessage)
	}
	err = fmt.Errorf("topic %s, partition %d: %w", l.topic, l.partition, err)
	switch b.Err {
	case sarama.ErrNoError, sarama.ErrDuplicateSequenceNumber:
		l.arrived()
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge, sarama.ErrInvalidMessageSize:
		l.tooLarge(err)
	case sarama.ErrInvalidTopic, sarama.ErrInvalidTimestamp, sarama.ErrUnsupportedCompressionType:
		l.refuse(len(l.batch), err)
	case sarama.ErrInvalidRecord:
		l.invalid(b.RecordErrors, err)
	case sarama.ErrInvalidMessage:
		l.corrupt(err)
	case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced, sarama.ErrInvalidProducerIDMapping, sarama.ErrInvalidTxnState:
		p.introduced = false // the broker has forgotten us, or somebody else uses our id
		l.unknown(err)
	default:
		p.stale[l.topic] = true
		l.unknown(err)
	}
}
