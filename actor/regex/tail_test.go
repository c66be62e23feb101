package regex

import (
	"slices"
	"strings"
	"testing"
)

const nearAccess = `(?P<ip>\d+\.\d+\.\d+\.\d+) (?P<user>\w+|-) "(?P<url>.*)"\s+(?P<status>\d+)\s+(?P<bytes>\d+)`

// TestALineIsGivenUpForItsTail checks which text the machine looks for once several lines
// in a row were broken at the same place.
func TestALineIsGivenUpForItsTail(t *testing.T) {
	for _, c := range []struct{ name, pattern, line, text string }{
		{"at the end", nearAccess, `10.0.0.1 - "GET / HTTP/1.0" 200 - "-" "Mozilla"`, `"`},
		{"behind a group", `(.*?) id=(\d+) (.*?) reason=(.*)`, strings.Repeat("spam eggs ", 5) + "id=x ham reason=none", " id="},
		{"inside of an atomic group", `(.*) (?>id=\d+,)+ (?>end=\d+;)`, strings.Repeat("spam eggs ", 5) + "id=1, end=x;", "end="},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := compile(t, c.pattern, Options{}).Machine()
			m.patience = 0 // the machine doubts from the first failure on
			for range doubtful + 1 {
				if caps, err := m.Search(c.line, 0); caps != nil || err != nil {
					t.Fatalf("got %v, %v", caps, err)
				}
			}
			if m.suspect.tail == nil || m.suspect.tail.text != c.text {
				t.Errorf("got the tail %+v, want that behind %q", m.suspect.tail, c.text)
			}
		})
	}
}

func TestLinesThatMatchAreFoundAmongBrokenOnes(t *testing.T) {
	m := compile(t, nearAccess, Options{}).Machine()
	broken := `10.0.0.1 - "GET / HTTP/1.0" 200 - "-" "Mozilla"`
	good := `10.0.0.1 - "GET / HTTP/1.0" 200 17 "-" "Mozilla"`
	for i := range 200 {
		line, want := broken, false
		if i%20 == 19 {
			line, want = good, true
		}
		caps, err := m.Search(line, 0)
		if err != nil || (caps != nil) != want {
			t.Fatalf("line %d: got %v, %v, want a match: %v", i, caps, err, want)
		}
	}
}

func TestATailIsCalledMissingOnlyIfThatIsCertain(t *testing.T) {
	for _, c := range []struct {
		name, pattern, behind, line string
		want                        bool
	}{
		{"not there", `(.)a=(\d+)b`, "a=", "xyz", true},
		{"nothing that fits behind it", `(.)a=(\d+)b`, "a=", "a=b a=1", true},
		{"it fits behind the last one", `(\d+)==c`, "==c", "==x ===c", false},
		{"overlapping places", `(.)(aa)(b)`, "aa", "xaaac", true},
		{"at more places than are looked at", `(.)-(\d)`, "-", "x" + strings.Repeat("-", mostPlaces+1), false},
		{"more work than is allowed", `(.)-((?:a|aa)+c)`, "-", "x-" + strings.Repeat("a", 60), false},
		{"what stands in front counts", `(.)=(?<=x=)(?<!y=)1`, "=", "y=1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			tails := compile(t, c.pattern, Options{}).tails()
			i := slices.IndexFunc(tails, func(l tail) bool { return l.text == c.behind })
			if i < 0 {
				t.Fatalf("there is no tail behind %q", c.behind)
			}
			s := suspect{tail: &tails[i], m: tails[i].rest.Machine()}
			if got := s.missing(c.line, 0); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestPatternsThatLookBackAtGroupsHaveNoTails: what a group holds is not known when a tail
// is looked at alone.
func TestPatternsThatLookBackAtGroupsHaveNoTails(t *testing.T) {
	if tails := compile(t, `(\w)=\1;`, Options{}).tails(); tails != nil {
		t.Errorf("got %d", len(tails))
	}
}
