package logbook

import (
	"fmt"
	"strings"
	"testing"
)

func TestABookKeepsTheLastLines(t *testing.T) {
	var b Book
	for i := range Size + 5 {
		b.Add(Line{Text: fmt.Sprint(i)})
	}
	lines := b.Lines()
	if len(lines) != Size || lines[0].Text != "5" || lines[Size-1].Text != fmt.Sprint(Size+4) {
		t.Errorf("%d lines from %s to %s", len(lines), lines[0].Text, lines[len(lines)-1].Text)
	}
}

func TestAReaderThatIsTooSlowMissesLines(t *testing.T) {
	var b Book
	b.Add(Line{Text: "before"})
	before, r := b.Read(1)
	b.Add(Line{Text: "one"})
	b.Add(Line{Text: "two"})
	if got := (<-r.Lines()).Text; len(before) != 1 || got != "one" || r.Dropped() != 1 || r.Dropped() != 0 {
		t.Errorf("%v %s", before, got)
	}
	r.Close()
	if b.Add(Line{}); len(b.readers) > 0 || len(r.lines) > 0 {
		t.Error("a reader that is closed gets lines")
	}
}

func TestLinesHoldNoCodesOfTerminalsAndAreBounded(t *testing.T) {
	var b Book
	b.Add(Line{Text: "\x1b[31mred\x1b[0m \x1b[1;4mbold\x1b[K"})
	b.Add(Line{Text: strings.Repeat("x", longest+5)})
	if got := b.Lines(); got[0].Text != "red bold" || len(got[1].Text) > longest+len("…") {
		t.Errorf("%q %d", got[0].Text, len(got[1].Text))
	}
}
