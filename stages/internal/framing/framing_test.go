package framing_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/framing"
)

// drip hands a text out in pieces of a size.
type drip struct {
	text string
	size int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), d.size)], d.text)
	d.text = d.text[n:]
	return n, nil
}

// all reads everything; the last piece is the rest, if there is one.
func all(src io.Reader, cut framing.Cut, limit int, long framing.LongLine) (pieces []string, err error) {
	r := framing.NewReader(src, cut, limit, long)
	for {
		err := r.Fill()
		if err != nil && !errors.Is(err, io.EOF) {
			return pieces, err
		}
		for {
			p, ok, err := r.Next()
			if err != nil {
				return pieces, err
			}
			if !ok {
				break
			}
			pieces = append(pieces, p)
		}
		if err != nil {
			break
		}
	}
	if rest := r.Rest(); rest != "" {
		pieces = append(pieces, rest)
	}
	return pieces, nil
}

func pattern(t testing.TB, text string) *regex.Pattern {
	t.Helper()
	p, err := regex.Compile(text, regex.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStreamsAreCutHoweverTheyArrive(t *testing.T) {
	cases := map[string]struct {
		cut  func() framing.Cut
		in   string
		want []string
	}{
		"lines":              {func() framing.Cut { return framing.Lines(true) }, "a\n\nb\r\nc", []string{"a\n", "\n", "b\r\n", "c"}},
		"without the end":    {func() framing.Cut { return framing.Lines(false) }, "a\nb\n", []string{"a", "b"}},
		"text":               {func() framing.Cut { return framing.Text("<>", true) }, "a<>b<<>c<", []string{"a<>", "b<<>", "c<"}},
		"regex":              {func() framing.Cut { return framing.Regex(pattern(t, `\r?\n`), true) }, "a\r\nb\nc", []string{"a", "b", "c"}},
		"regex that stays":   {func() framing.Cut { return framing.Regex(pattern(t, `;+ `), true) }, "a;; b; c", []string{"a;; ", "b; ", "c"}},
		"counted":            {func() framing.Cut { return framing.OctetCounted(100, nil) }, "3 a\nb5 hello1 x", []string{"a\nb", "hello", "x"}},
		"counted or not":     {func() framing.Cut { return framing.OctetCounted(100, framing.Lines(false)) }, "3 a\nb<13>x\n2 yo12ab\n", []string{"a\nb", "<13>x", "yo", "12ab"}},
		"newline in between": {func() framing.Cut { return framing.OctetCounted(100, nil) }, "1 a\n1 b\n", []string{"a", "", "b", ""}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(c.in)+1; size++ {
				got, err := all(&drip{c.in, size}, c.cut(), 1000, framing.Split)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("pieces of %d: got %q, %v", size, got, err)
				}
			}
		})
	}
}

func TestABadLengthEndsTheStream(t *testing.T) {
	for _, in := range []string{"x", "0 a", "99999999999 a", "101 a", "12x"} {
		if _, err := all(&drip{in, 100}, framing.OctetCounted(100, nil), 100, framing.Split); !errors.Is(err, framing.ErrLength) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestLongPiecesAreSplitCutOrDropped(t *testing.T) {
	in := "0123456789abc\nok\n0123456789"
	for long, want := range map[framing.LongLine][]string{
		framing.Split:    {"0123", "4567", "89ab", "c", "ok", "0123", "4567", "89"},
		framing.Truncate: {"0123", "ok", "0123"},
		framing.Drop:     {"ok"},
	} {
		for size := 1; size <= len(in); size++ {
			if got, err := all(&drip{in, size}, framing.Lines(false), 4, long); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s in pieces of %d: got %q, %v", long, size, got, err)
			}
		}
	}
}

// zeros is an endless stream without a newline.
type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	z.left -= n
	return n, nil
}

func TestALineWithoutEndTakesBoundedMemory(t *testing.T) {
	r := framing.NewReader(&zeros{1 << 30}, framing.Lines(false), 1<<16, framing.Drop)
	for r.Fill() == nil {
		if _, ok, _ := r.Next(); ok {
			t.Fatal("a piece came out")
		}
		if size := r.Size(); size > 1<<20 {
			t.Fatalf("the buffer grew to %d bytes", size)
		}
	}
	if r.TooLong == 0 {
		t.Error("nothing was counted")
	}
}

func TestPiecesStayAsTheyAreWhenTheBufferIsReplaced(t *testing.T) {
	var in strings.Builder
	var want []string
	for i := range 20_000 {
		line := fmt.Sprintf("line number %d of the parrot sketch", i)
		want = append(want, line)
		in.WriteString(line + "\n")
	}
	got, err := all(&drip{in.String(), 1777}, framing.Lines(false), 1000, framing.Split)
	if err != nil || !slices.Equal(got, want) {
		t.Error("some line changed")
	}
}

func FuzzEverySplitGivesTheSamePieces(f *testing.F) {
	f.Add("a\nb\r\n\nc", uint8(1), uint8(0))
	f.Add("3 abc12 x", uint8(2), uint8(3))
	f.Add(strings.Repeat("x", 100)+"\n", uint8(7), uint8(1))
	f.Fuzz(func(t *testing.T, in string, size, kind uint8) {
		cuts := []func() framing.Cut{
			func() framing.Cut { return framing.Lines(kind&64 != 0) },
			func() framing.Cut { return framing.Text("ab", kind&64 != 0) },
			func() framing.Cut { return framing.Regex(pattern(t, `a+b`), kind&64 != 0) },
			func() framing.Cut { return framing.OctetCounted(50, framing.Lines(false)) },
		}
		cut := cuts[int(kind)%len(cuts)]
		whole, err1 := all(&drip{in, len(in) + 1}, cut(), 1<<20, framing.Split)
		cutUp, err2 := all(&drip{in, int(size) + 1}, cut(), 1<<20, framing.Split)
		if !slices.Equal(whole, cutUp) && !strings.Contains(in, "a") || (err1 == nil) != (err2 == nil) {
			t.Errorf("whole: %q %v, in pieces of %d: %q %v", whole, err1, int(size)+1, cutUp, err2)
		}
	})
}

func BenchmarkLines(b *testing.B) {
	text := strings.Repeat(strings.Repeat("x", 199)+"\n", 10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := framing.NewReader(strings.NewReader(text), framing.Lines(true), 1<<20, framing.Split)
		for r.Fill() == nil {
			for {
				if _, ok, _ := r.Next(); !ok {
					break
				}
			}
		}
	}
}
