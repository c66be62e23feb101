package packconfiguration

import (
	"fmt"
	"strings"
)

// around is how many lines around a change are shown.
const around = 3

// mostSteps bounds the work of a comparison; what is more different is shown as replaced.
const mostSteps = 2000

// Unified is the difference of two texts in the unified format of diff, "" if there is none.
func Unified(nameBefore, nameAfter, before, after string) string {
	if before == after {
		return ""
	}
	edits := compare(lines(before), lines(after))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", nameBefore, nameAfter)
	for at := 0; at < len(edits); {
		if edits[at].kind == ' ' {
			at++
			continue
		}
		from, to := max(0, at-around), at
		for gap := 0; to < len(edits) && gap <= 2*around; to++ {
			gap++
			if edits[to].kind != ' ' {
				gap = 0
			}
		}
		for to > at && to-1 > 0 && trailing(edits[at:to]) > around {
			to--
		}
		hunk(&b, edits, from, to)
		at = to
	}
	return b.String()
}

// trailing is how many unchanged lines stand at the end.
func trailing(edits []edit) (n int) {
	for i := len(edits) - 1; i >= 0 && edits[i].kind == ' '; i-- {
		n++
	}
	return n
}

// hunk writes the edits from one to another.
func hunk(b *strings.Builder, edits []edit, from, to int) {
	x, y := 0, 0
	for _, e := range edits[:from] {
		x, y = e.move(x, y)
	}
	endX, endY := x, y
	for _, e := range edits[from:to] {
		endX, endY = e.move(endX, endY)
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(x, endX), span(y, endY))
	for _, e := range edits[from:to] {
		fmt.Fprintf(b, "%c%s\n", e.kind, e.line)
	}
}

// span is a range of lines as diff writes it.
func span(from, to int) string {
	switch to - from {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// edit is a line that stays (' '), goes ('-') or comes ('+').
type edit struct {
	kind byte
	line string
}

// move is the place in both texts behind an edit.
func (e edit) move(x, y int) (int, int) {
	if e.kind != '+' {
		x++
	}
	if e.kind != '-' {
		y++
	}
	return x, y
}

// compare finds the shortest list of edits (E. Myers, An O(ND) Difference Algorithm, 1986).
func compare(a, b []string) []edit {
	var trace [][]int
	most := min(len(a)+len(b), mostSteps)
	reach := make([]int, 2*most+3) // by diagonal: how far down the first text one has come
	at := func(k int) int { return k + most + 1 }
	for d := 0; d <= most; d++ {
		trace = append(trace, append([]int(nil), reach[at(-d)-1:at(d)+2]...))
		for k := -d; k <= d; k += 2 {
			x := reach[at(k-1)] + 1
			if k == -d || k != d && reach[at(k-1)] < reach[at(k+1)] {
				x = reach[at(k+1)]
			}
			for y := x - k; x < len(a) && y < len(b) && a[x] == b[y]; {
				x++
				y++
			}
			reach[at(k)] = x
			if x >= len(a) && x-k >= len(b) {
				return walkBack(a, b, trace)
			}
		}
	}
	var edits []edit
	for _, l := range a {
		edits = append(edits, edit{'-', l})
	}
	for _, l := range b {
		edits = append(edits, edit{'+', l})
	}
	return edits
}

// walkBack finds the edits from the end to the beginning.
func walkBack(a, b []string, trace [][]int) []edit {
	var back []edit
	x, y := len(a), len(b)
	for d := len(trace) - 1; d >= 0; d-- {
		reach := func(k int) int { return trace[d][k+d+1] }
		k := x - y
		before := k - 1
		if k == -d || k != d && reach(k-1) < reach(k+1) {
			before = k + 1
		}
		fromX := reach(before)
		fromY := fromX - before
		if d == 0 {
			fromX, fromY = 0, 0
		}
		for x > fromX && y > fromY && x > 0 && y > 0 && a[x-1] == b[y-1] {
			x, y = x-1, y-1
			back = append(back, edit{' ', a[x]})
		}
		if d == 0 {
			break
		}
		if before == k+1 {
			y--
			back = append(back, edit{'+', b[y]})
		} else {
			x--
			back = append(back, edit{'-', a[x]})
		}
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}
