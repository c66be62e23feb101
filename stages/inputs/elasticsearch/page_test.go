package elasticsearch

import (
	"encoding/json"
	"testing"

	"gambolputty/actor/event"
)

func TestThePartsOfAnAnswerAreFound(t *testing.T) {
	p := page{text: []byte(` { "_scroll_id" : "a\\/\u0062\"" , "took":3,"timed_out":false, "_shards":{"total":2,"failed":0},
		"hits":{"total":{"value":7,"relation":"eq"},"max_score":null,"hits":[ {"_id":"}\\","_source":{"a":[1,"]\""]} } ,{"_id":"2","sort":[1.5,"x"],"_source":{}}]}, "x":[] }`)}
	if err := p.read(); err != nil {
		t.Fatal(err)
	}
	if p.id != `a\/b"` || p.total != 7 || p.broken || len(p.hits) != 2 || string(p.last) != `[1.5,"x"]` {
		t.Errorf("%+v", p)
	}
	if h := p.hits[0]; string(p.text[h.from:h.to]) != `{"_id":"}\\","_source":{"a":[1,"]\""]} }` {
		t.Errorf("the first hit is %s", p.text[h.from:h.to])
	}
	for text, total := range map[string]int64{`{"hits":{"total":5,"hits":[]}}`: 5, `{"hits":{"total":{"relation":"gte","value":10000}}}`: -1, `{"hits":{}}`: -1} {
		p := page{text: []byte(text)}
		if err := p.read(); err != nil || p.total != total {
			t.Errorf("%s: %d hits, %v", text, p.total, err)
		}
	}
}

func TestWhatIsNoAnswerIsGarbage(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "{}", `{"hits":5}`, `{"hits":{"hits":[5]}}`, `{"hits":{"hits":[{}`, `{"hits":{"hits":[{},]}}`, `{"hits":{"hits":[{"a"}]}}`, `{"hits":{"hits":[]}`, `{"_scroll_id":"\x","hits":{}}`, `{"a":"`, `{"a" 5}`, `{a:5}`, `{"hits":}`} {
		if err := (&page{text: []byte(text)}).read(); err == nil {
			t.Errorf("%s is an answer", text)
		}
	}
}

// FuzzPage compares what is found in an answer with what encoding/json makes of it.
func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"_scroll_id":"x","hits":{"total":1,"hits":[{"_id":"1","_source":{"a":"\\\""},"sort":[1]}]}}`))
	f.Add([]byte(`{"pit_id":"x","_shards":{"failed":1},"hits":{"total":{"value":1},"hits":[{},{"a":[[{}]]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := page{text: text}
		failed := p.read()
		var want struct {
			Hits *struct{ Hits []json.RawMessage }
		}
		if !json.Valid(text) || json.Unmarshal(text, &want) != nil || want.Hits == nil {
			return
		}
		var once map[string]json.RawMessage
		if json.Unmarshal(text, &once) != nil || len(once) > 3 {
			return
		}
		if failed != nil {
			return // it may be of another form inside
		}
		var d event.Decoder
		for _, h := range p.hits {
			if !json.Valid(text[h.from:h.to]) {
				t.Fatalf("hit %q is none", text[h.from:h.to])
			}
			if _, _, err := d.DecodeObject(string(text[h.from:h.to])); err != nil {
				t.Fatalf("hit %q: %v", text[h.from:h.to], err)
			}
		}
	})
}
