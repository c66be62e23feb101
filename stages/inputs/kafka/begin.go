package kafka

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// begin says where the partitions of a session are to be read from, where that is not
// simply the committed offset.
func (g *group) begin(s sarama.ConsumerGroupSession) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	invalid := g.invalid
	g.invalid = map[spot]bool{}
	committed, err := g.committed(s, len(invalid) > 0)
	if err != nil {
		return err
	}
	for topic, list := range s.Claims() {
		for _, partition := range list {
			at := spot{topic, partition}
			before, had := g.kept[at]
			switch stored, known := committed[at]; {
			case invalid[at]:
				err = g.reset(s, at, max(stored, before.next))
			case had && (!g.opts.commits() || before.member == s.MemberID()):
				// Perhaps the brokers could not be told of it. We were a member all the
				// time, so nobody can have reset offsets, and marking never goes back.
				s.MarkOffset(topic, partition, before.next, "")
			case known && stored < 0:
				err = g.pin(s, at)
			}
			if err != nil {
				return fmt.Errorf("find where to begin in topic %s, partition %d: %w", topic, partition, err)
			}
		}
	}
	return nil
}

// committed asks for the offsets of the partitions; -1 is none. It asks only where they
// matter: without one, and with messages that come while nobody has the partition, the end
// would be another one in the next session.
func (g *group) committed(s sarama.ConsumerGroupSession, needed bool) (map[spot]int64, error) {
	if !needed && g.opts.initial() == sarama.OffsetOldest || g.opts.Reset == "none" && !needed {
		return nil, nil
	}
	coordinator, err := g.client.Coordinator(g.opts.Group)
	if err != nil {
		return nil, err
	}
	answer, err := coordinator.FetchOffset(sarama.NewOffsetFetchRequest(g.config.Version, g.opts.Group, s.Claims()))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask for committed offsets: %w", err), g.client.RefreshCoordinator(g.opts.Group))
	}
	offsets := map[spot]int64{}
	for topic, list := range s.Claims() {
		for _, partition := range list {
			block := answer.GetBlock(topic, partition)
			if block == nil {
				return nil, fmt.Errorf("ask for committed offsets: %w", answer.Err)
			}
			if block.Err != sarama.ErrNoError {
				return nil, fmt.Errorf("ask for committed offsets: %w", block.Err)
			}
			offsets[spot{topic, partition}] = block.Offset
		}
	}
	return offsets, nil
}

// pin makes the end of a partition, as it is now, the offset to begin at. A partition that
// came after us is read from its beginning.
func (g *group) pin(s sarama.ConsumerGroupSession, at spot) error {
	which := sarama.OffsetNewest
	if g.topics.late(at) {
		which = sarama.OffsetOldest
	}
	offset, err := g.client.GetOffset(at.topic, at.partition, which)
	if err != nil {
		return err
	}
	s.MarkOffset(at.topic, at.partition, offset, "")
	if !g.opts.commits() {
		g.kept[at] = position{offset, s.MemberID()}
	}
	return nil
}

// reset begins anew in a partition in which the messages at our offset are not there any
// more, or not yet.
func (g *group) reset(s sarama.ConsumerGroupSession, at spot, had int64) error {
	offset, err := g.elsewhere(g.client, at, had)
	if err != nil {
		return err
	}
	s.MarkOffset(at.topic, at.partition, offset, "") // one of the two does nothing
	s.ResetOffset(at.topic, at.partition, offset, "")
	return nil
}

// elsewhere is where to go on instead of an offset that is out of range.
func (s *source) elsewhere(c sarama.Client, at spot, had int64) (int64, error) {
	if s.opts.Reset == "none" {
		s.finish(fmt.Errorf("topic %s, partition %d, offset %d is out of range: %w", at.topic, at.partition, had, errReset))
		return 0, errReset
	}
	offset, err := c.GetOffset(at.topic, at.partition, s.opts.initial())
	if err != nil {
		return 0, err
	}
	s.env.Log.Warn("offset is out of range, going on elsewhere", "topic", at.topic, "partition", at.partition, "offset", had, "new_offset", offset, "auto_offset_reset", s.opts.Reset)
	s.env.Count("offset_resets", 1)
	return offset, nil
}
