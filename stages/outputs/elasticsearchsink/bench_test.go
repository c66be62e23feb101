package elasticsearchsink_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/elasticsearchsink"
)

const accessLog = `{"data":"192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /cgi-bin/try/ HTTP/1.0\" 200 3395","remote_ip":"192.168.2.20","identd":"-","user":"-","datetime":"28/Jul/2006:10:27:10 -0300","url":"GET /cgi-bin/try/ HTTP/1.0","http_status":"200","bytes_send":3395,"user_agent_info":{"family":"Firefox","major":33,"bot":false},"geoip":[9.0,51.0]}`

// BenchmarkSink measures the way of events into a server that only counts them. The figures
// hold what feeds the module, the connection, and the server, in the same process.
func BenchmarkSink(b *testing.B) {
	for name, options := range map[string]string{
		"whole event": "http_compression: False", "compressed": "http_compression: True",
		"composed": "http_compression: False\nindex_name: web-$(gambolputty.event_type)-%Y.%m.%d\ndoc_id: $(remote_ip)-$(gambolputty.event_id)\nrouting: $(user)",
	} {
		b.Run(name, func(b *testing.B) {
			srv := httptest.NewServer(http.HandlerFunc(counts))
			defer srv.Close()
			actortest.BenchEvents(b, elasticsearchsink.Spec, "nodes: "+srv.URL+"\nbatch_size: 1000\nbacklog_size: 4000\n"+options, "", nil, accessLog)
		})
	}
}

// counts answers as a server does that stores everything.
func counts(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		io.WriteString(w, `{"version":{"number":"7.17.0"}}`)
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") != "" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return
		}
		body = z
	}
	n := lines(body)
	w.Write([]byte(`{"took":3,"errors":false,"items":[`))
	for i := range n / 2 {
		if i > 0 {
			io.WriteString(w, ",")
		}
		io.WriteString(w, `{"index":{"_index":"gambolputty-2026.11.25","_id":"6c2d2448e373025578f5f53a9f060eb514907","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":4,"_primary_term":1,"status":201}}`)
	}
	w.Write([]byte("]}"))
}

func lines(r io.Reader) (n int) {
	var buf [64 << 10]byte
	for {
		k, err := r.Read(buf[:])
		n += bytes.Count(buf[:k], []byte("\n"))
		if err != nil {
			return n
		}
	}
}
