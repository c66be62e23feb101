package delivery

import "gambolputty/actor/event"

// Draft is embedded in what a module makes of an event before it is sent.
type Draft struct{ Event *event.Event }

func (d *Draft) subject() *event.Event { return d.Event }

// drafted is a pointer to something that embeds a Draft.
type drafted[D any] interface {
	*D
	subject() *event.Event
}

// Find returns the place of the draft of e. It looks behind the place that was found before
// first, -1 at the beginning: events are asked for in their order nearly always. One that is
// not of the batch is a mistake of the program.
func Find[D any, P drafted[D]](drafts []D, e *event.Event, before int) int {
	for i := range drafts {
		at := (before + 1 + i) % len(drafts)
		if P(&drafts[at]).subject() == e {
			return at
		}
	}
	panic("delivery: an event that is not of this batch") // the courier knows no others
}

// Left keeps the drafts of the events that are left after an attempt, in the order in which
// they were made, whatever the order of the events.
func Left[D any, P drafted[D]](drafts []D, events []*event.Event) []D {
	if len(events) == len(drafts) {
		return drafts
	}
	left := make(map[*event.Event]bool, len(events))
	for _, e := range events {
		left[e] = true
	}
	kept := drafts[:0]
	for i := range drafts {
		if left[P(&drafts[i]).subject()] {
			kept = append(kept, drafts[i])
		}
	}
	clear(drafts[len(kept):])
	return kept
}

// Postpone tells r that none of the drafts could be delivered now, because of err.
func Postpone[D any, P drafted[D]](r *Report, drafts []D, err error) {
	for i := range drafts {
		r.Later(P(&drafts[i]).subject(), err)
	}
}
