package delivery_test

import (
	"slices"
	"testing"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
)

type draft struct {
	delivery.Draft
	text string
}

// drafts are those of three events.
func drafts() (list []draft, events []*event.Event) {
	for _, text := range []string{"egg", "spam", "bacon"} {
		e := event.New(event.NewSource("StdIn", "StdIn"))
		events = append(events, e)
		list = append(list, draft{delivery.Draft{Event: e}, text})
	}
	return list, events
}

func TestADraftIsFoundByItsEventInAnyOrder(t *testing.T) {
	list, events := drafts()
	at := -1
	for _, want := range []int{0, 1, 2, 1, 0, 0, 2} {
		if at = delivery.Find(list, events[want], at); at != want {
			t.Errorf("found at %d, not at %d", at, want)
		}
	}
}

func TestNothingIsAllocatedToFindADraft(t *testing.T) {
	list, events := drafts()
	if n := testing.AllocsPerRun(100, func() {
		at := -1
		for _, e := range events {
			at = delivery.Find(list, e, at)
		}
		list = delivery.Left(list, events)
	}); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func TestAnEventWithoutADraftIsAMistake(t *testing.T) {
	list, _ := drafts()
	defer func() {
		if recover() == nil {
			t.Error("it was found")
		}
	}()
	delivery.Find(list, event.New(event.NewSource("StdIn", "StdIn")), -1)
}

func TestDraftsThatAreLeftKeepTheirOrder(t *testing.T) {
	for name, c := range map[string]struct{ left, want []int }{
		"all":  {[]int{2, 1, 0}, []int{0, 1, 2}},
		"some": {[]int{2, 0}, []int{0, 2}},
		"one":  {[]int{1}, []int{1}},
		"none": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			list, events := drafts()
			all, _ := drafts()
			var left []*event.Event
			for _, n := range c.left {
				left = append(left, events[n])
			}
			var got, want []string
			for _, d := range delivery.Left(list, left) {
				got = append(got, d.text)
			}
			for _, n := range c.want {
				want = append(want, all[n].text)
			}
			if !slices.Equal(got, want) {
				t.Errorf("left are %v, not %v", got, want)
			}
			for _, d := range list[len(want):] {
				if d.Event != nil {
					t.Errorf("%q is still held", d.text)
				}
			}
		})
	}
}
