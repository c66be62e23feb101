package webhdfssink_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/webhdfssink"
)

const line = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

// taker is a server that forgets what it takes.
func taker() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // the client would have noticed
		if r.URL.Query().Get("op") == "GETFILESTATUS" {
			io.WriteString(w, `{"FileStatus":{"length":0,"type":"FILE"}}`)
			return
		}
		if r.Method == http.MethodPost && r.URL.Query().Get("data") == "" {
			http.Redirect(w, r, r.URL.String()+"&data=true", http.StatusTemporaryRedirect)
			return
		}
		io.WriteString(w, `{"boolean":true}`)
	}))
}

// BenchmarkSink measures the way of events into a server that forgets them, and the plainest
// loop that appends a thousand lines at a time. The server is part of both.
func BenchmarkSink(b *testing.B) {
	srv := taker()
	defer srv.Close()
	for name, options := range map[string]string{"plain": "", "gzip": "\ncompress: gzip"} {
		b.Run(name, func(b *testing.B) {
			actortest.Bench(b, webhdfssink.Spec, "server: "+srv.URL+"\nuser: me\npath: /logs/%Y\nname_pattern: a\nformat: $(data)\nbatch_size: 1000"+options, line)
		})
	}
	b.Run("loop", func(b *testing.B) {
		for done := 0; done < b.N; done += 1000 {
			plain(b, srv.URL+"/webhdfs/v1/logs/a?op=APPEND&user.name=me")
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

func plain(b *testing.B, where string) {
	b.Helper()
	body := strings.Repeat(line+"\n", 1000)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Post(where, "", nil)
	if err != nil {
		b.Fatal(err)
	}
	res.Body.Close()
	if res, err = client.Post(srvURL(where, res.Header.Get("Location")), "application/octet-stream", bytes.NewReader([]byte(body))); err != nil {
		b.Fatal(err)
	}
	io.Copy(io.Discard, res.Body) // to use the connection again
	res.Body.Close()
}

func srvURL(where, location string) string {
	if strings.HasPrefix(location, "/") {
		return where[:strings.Index(where, "/webhdfs")] + location
	}
	return location
}
