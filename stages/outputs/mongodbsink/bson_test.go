//go:build mongodb

package mongodbsink

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"gambolputty/actor/event"
)

// FuzzDocument checks that what comes from any JSON is BSON.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		`{"a":1,"b":[1.5,null,true,{"$c":"x"}],"":"","a":2}`, `{"\u0000":"\u0000","$":{}}`, `{"n":12345678901234567890,"m":1e400,"k":1234567890123456789012345678901234567890}`, "{\"\xff\":\"\xff\"}", `[]`,
	} {
		f.Add(text, "id")
	}
	f.Fuzz(func(t *testing.T, text, id string) {
		v, _, err := new(event.Decoder).Decode(text)
		if err != nil || v.Map() == nil {
			return
		}
		prefix := []byte("before")
		out, err := appendDocument(prefix, []byte(id), v.Map())
		if err != nil {
			if len(out) != len(prefix) {
				t.Errorf("%d bytes are left of a document that failed", len(out)-len(prefix))
			}
			return
		}
		d := bson.Raw(out[len(prefix):])
		if err := d.Validate(); err != nil {
			t.Errorf("%q becomes %q: %v", text, []byte(d), err)
		}
		if got, ok := d.Lookup("_id").StringValueOK(); !ok || got != id {
			t.Errorf("_id is %q", got)
		}
	})
}

// BenchmarkDocument measures an access log line as a document, against the same by the
// driver from a map.
func BenchmarkDocument(b *testing.B) {
	const line = `{"data":"192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /cgi-bin/try/ HTTP/1.0\" 200 3395","remote_ip":"192.168.2.20","http_status":"200","bytes_send":3395,"agent":{"family":"Firefox","major":33,"bot":false},"geoip":[9.0,51.0]}`
	b.Run("ours", func(b *testing.B) {
		v, _, err := new(event.Decoder).Decode(line)
		if err != nil {
			b.Fatal(err)
		}
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			if buf, err = appendDocument(buf[:0], []byte("6c2d2448e373025578f5f53a9f060eb514907"), v.Map()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("a map", func(b *testing.B) {
		var m bson.M
		if err := bson.UnmarshalExtJSON([]byte(line), false, &m); err != nil {
			b.Fatal(err)
		}
		m["_id"] = "6c2d2448e373025578f5f53a9f060eb514907"
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bson.Marshal(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
