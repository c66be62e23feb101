package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/httpserver"
)

// Whatever a body is said to be and is, it is answered, and what the answer says has come.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{"a\nb", `[{"a":1},2]`, "{\"a\":1}\n{", "\x1f\x8b\x08\x00\x00\x00\x00\x00", "\x28\xb5\x2f\xfd\x04\x00", "x\x9c\x03\x00\x00\x00\x00\x01", `{"gambolputty":{"tags":[1]}}`} {
		f.Add("application/json", "gzip", []byte(body))
		f.Add("application/x-ndjson", "zstd", []byte(body))
		f.Add("text/plain", "", []byte(body))
		f.Add("a/b", "deflate", []byte(body))
	}
	f.Fuzz(func(t *testing.T, content, encoding string, body []byte) {
		if strings.ContainsAny(content+encoding, "\r\n\x00") || len(body) > 1<<16 {
			return // no client can send such a header
		}
		r := actortest.Source(t, httpserver.Spec, local+"max_body_bytes: 100000\nmax_in_flight: 1")
		req := httptest.NewRequest(http.MethodPost, "http://"+r.Addr()+"/", strings.NewReader(string(body)))
		req.RequestURI = ""
		req.Header = http.Header{"Content-Type": {content}, "Content-Encoding": {encoding}}
		transport := &http.Transport{}
		res, err := transport.RoundTrip(req)
		if err != nil {
			transport.CloseIdleConnections()
			r.Stop()
			return // the library refuses the header
		}
		res.Body.Close()
		transport.CloseIdleConnections()
		events := r.Stop()
		switch res.StatusCode {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			if len(events) > 0 {
				t.Errorf("status %d, and %d events", res.StatusCode, len(events))
			}
		default:
			t.Errorf("status %d", res.StatusCode)
		}
	})
}
