package zabbixsink

import (
	"bytes"
	"testing"
)

// peer is a connection whose other side has said all that it will say.
type peer struct{ bytes.Reader }

// Write takes the request.
func (*peer) Write(p []byte) (int, error) { return len(p), nil }

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("ZBXD\x01\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("ZBXD\x01\x44\x00\x00\x00\x00\x00\x00\x00{\"response\":\"success\",\"info\":\"processed: 1; failed: 0; total: 1\"}"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		p := &peer{}
		p.Reset(stream)
		if a, err := talk(p, []byte("{}")); err != nil && (a.failed > 0 && a.processed > 0) {
			t.Errorf("an error and an answer: %+v, %v", a, err)
		}
	})
}
