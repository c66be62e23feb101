package esclient

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

type nobody struct{}

// Do is never called.
func (nobody) Do(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

func TestANodeThatFailsRestsForAMinute(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPool(nobody{}, []string{"http://a:1", "http://b:1/es", "http://c:1"})
	p.now = func() time.Time { return now }
	for _, s := range []struct {
		after time.Duration
		do    func()
		want  []string
	}{
		{0, func() {}, []string{"http://a:1", "http://b:1/es", "http://c:1"}},
		{0, func() { p.Failed("http://b:1") }, []string{"http://a:1", "http://c:1"}},
		{59 * time.Second, func() { p.Failed("http://a:1") }, []string{"http://c:1"}},
		{0, func() { p.Failed("http://c:1") }, []string{"http://b:1/es", "http://a:1", "http://c:1"}}, // the one that failed first comes first
		{time.Second, func() {}, []string{"http://b:1/es"}},
		{0, func() { p.worked("http://c:1") }, []string{"http://b:1/es", "http://c:1"}},
		{time.Minute, func() { p.found([]string{"http://d:1", "http://a:1"}) }, []string{"http://a:1", "http://b:1/es", "http://c:1", "http://d:1"}},
		{0, func() { p.found(nil) }, []string{"http://a:1", "http://b:1/es", "http://c:1"}},
	} {
		now = now.Add(s.after)
		s.do()
		if _, err := p.client(); err != nil || !slices.Equal(p.given, s.want) {
			t.Errorf("the library has %v, want %v (%v)", p.given, s.want, err)
		}
	}
}

func TestAddressesOfNodes(t *testing.T) {
	for published, want := range map[string]string{
		"10.0.0.1:9200": "10.0.0.1:9200", "es1/10.0.0.1:9200": "es1:9200", "inet[/10.0.0.1:9200]": "10.0.0.1:9200", "inet[es1/10.0.0.1:9200]": "es1:9200", "[::1]:9200": "[::1]:9200", "": "",
	} {
		if got := hostPort(published); got != want {
			t.Errorf("%s is %s", published, got)
		}
	}
}
