package stages_test

import (
	"bufio"
	"crypto/tls"
	endian "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages"
	"gambolputty/stages/internal/tlsopt/tlstest"
)

// arrivals are what has come to a counterpart.
type arrivals struct {
	mu   sync.Mutex
	list []string
}

func (a *arrivals) add(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, text)
}

func (a *arrivals) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.list...)
}

// accept runs a server that handles connections one by one.
func accept(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer c.Close(); handle(c) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

func host(srv *httptest.Server) string { return strings.TrimPrefix(srv.URL, "http://") }

// beats is our own input, with options of TLS.
func beats(t *testing.T, options string) (string, func() []string, func(...string)) {
	t.Helper()
	r := actortest.Start(t, "- Beats: {interface: 127.0.0.1, port: 0"+options+"}\n- ModifyFields: {action: insert, target_field: n, value: $(data.message)}\n- TestCatch\n", stages.All()...)
	return r.Addr(), func() []string { return texts(r.Wait(0)) }, nil
}

func beatsForAll(t *testing.T) (string, func() []string, func(...string)) { return beats(t, "") }

// beatsForFriends wants to see a certificate.
func beatsForFriends(t *testing.T) (string, func() []string, func(...string)) {
	c := tlstest.New(t)
	return beats(t, fmt.Sprintf(", tls: True, cert: %q, key: %q, cacert: %q, tls_client_auth: require", c.Cert, c.Key, c.Cert))
}

// unknownAuthority is a server whose certificate nobody has signed but itself.
func unknownAuthority(t *testing.T) (string, func() []string, func(...string)) {
	var got arrivals
	pair := tlstest.New(t).Pair
	return accept(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}})
		if text, err := io.ReadAll(s); err == nil || len(text) > 0 {
			got.add(string(text))
		}
	}), got.all, nil
}

// Keys of CURVE: one of a server, and one of somebody else, as the manual of libzmq has them.
const (
	curveSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
	otherKey    = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
)

// zmqWithCurve is one of our own modules, which lets in who knows its key.
func zmqWithCurve(module, address string) func(t *testing.T) (string, func() []string, func(...string)) {
	return func(t *testing.T) (string, func() []string, func(...string)) {
		t.Helper()
		options := module + ": {" + address + ": '127.0.0.1:0', mode: bind, curve_secret_key: '" + curveSecret + "'}\n"
		if module == "Zmq" {
			r := actortest.Start(t, "- "+options+"- TestCatch\n", stages.All()...)
			return r.Addr(), func() []string { return texts(r.Wait(0)) }, nil
		}
		feed := make(chan string, 10)
		r := actortest.Start(t, "- Global: {shutdown_timeout: 1}\n- Lines\n- "+options, append(stages.All(), actortest.Lines(feed))...)
		t.Cleanup(r.StopHard)
		return r.Addr(), nil, func(texts ...string) {
			for _, s := range texts {
				feed <- s
			}
		}
	}
}

func zmqPuller(t *testing.T) (string, func() []string, func(...string)) {
	t.Helper()
	r := actortest.Start(t, "- Zmq: {address: '127.0.0.1:0'}\n- TestCatch\n", stages.All()...)
	return r.Addr(), func() []string { return texts(r.Wait(0)) }, nil
}

func zmqPusher(t *testing.T) (string, func() []string, func(...string)) {
	t.Helper()
	feed := make(chan string, 10_000)
	r := actortest.Start(t, "- Global: {shutdown_timeout: 1}\n- Lines\n- ZmqSink: {server: '127.0.0.1:0', mode: bind, format: $(data), store_interval_in_secs: 0}\n", append(stages.All(), actortest.Lines(feed))...)
	t.Cleanup(r.StopHard)
	return r.Addr(), nil, func(texts ...string) {
		for _, s := range texts {
			feed <- s
		}
	}
}

// carbon reads lines.
func carbon(t *testing.T) (string, func() []string, func(...string)) {
	var got arrivals
	return accept(t, func(c net.Conn) {
		in := bufio.NewScanner(c)
		for in.Scan() {
			if f := strings.Fields(in.Text()); len(f) == 3 && f[0] == "number" {
				got.add(f[1])
			}
		}
	}), got.all, nil
}

// zabbix takes what a sender sends (https://www.zabbix.com/documentation/current/en/manual/appendix/protocols).
func zabbix(t *testing.T) (string, func() []string, func(...string)) {
	var got arrivals
	return accept(t, func(c net.Conn) {
		var head [13]byte
		if _, err := io.ReadFull(c, head[:]); err != nil || string(head[:5]) != "ZBXD\x01" {
			return
		}
		body := make([]byte, min(endian.LittleEndian.Uint64(head[5:]), 1<<20))
		var in struct{ Data []struct{ Value string } }
		if _, err := io.ReadFull(c, body); err != nil || json.Unmarshal(body, &in) != nil {
			return
		}
		for _, d := range in.Data {
			got.add(d.Value)
		}
		answer := fmt.Sprintf(`{"response":"success","info":"processed: %d; failed: 0; total: %d; seconds spent: 0.1"}`, len(in.Data), len(in.Data))
		c.Write(append(endian.LittleEndian.AppendUint64([]byte("ZBXD\x01"), uint64(len(answer))), answer...))
	}), got.all, nil
}

// hdfs is a gateway with one file. It knows no tokens.
func hdfs(t *testing.T) (string, func() []string, func(...string)) {
	var mu sync.Mutex
	var content string
	there := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		q := r.URL.Query()
		op, isFile := q.Get("op"), strings.HasSuffix(r.URL.Path, "/x.log")
		switch {
		case q.Get("delegation") != "":
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"RemoteException":{"exception":"SecurityException","message":"Failed to obtain user group information: token can't be found"}}`)
		case op == "GETHOMEDIRECTORY":
			io.WriteString(w, `{"Path":"/user/me"}`)
		case op == "GETFILESTATUS" && isFile && there:
			fmt.Fprintf(w, `{"FileStatus":{"length":%d,"type":"FILE"}}`, len(content))
		case op == "GETFILESTATUS" && !isFile:
			io.WriteString(w, `{"FileStatus":{"length":0,"type":"DIRECTORY"}}`)
		case op == "MKDIRS":
			io.WriteString(w, `{"boolean": true}`)
		case op != "CREATE" && !there:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"RemoteException":{"exception":"FileNotFoundException","message":"File does not exist"}}`)
		case (op == "CREATE" || op == "APPEND") && q.Get("data") != "true":
			w.Header().Set("Location", "http://"+r.Host+r.URL.String()+"&data=true")
			w.WriteHeader(http.StatusTemporaryRedirect)
		case op == "CREATE":
			content, there = string(body), true
			w.WriteHeader(http.StatusCreated)
		case op == "APPEND":
			content += string(body)
		}
	}))
	t.Cleanup(srv.Close)
	return host(srv), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Fields(content)
	}, nil
}

var (
	sinceGiven = regexp.MustCompile(`"gte": ?(\d+)`)
	afterGiven = regexp.MustCompile(`"search_after": ?\[(\d+)`)
)

// searchServer is Elasticsearch with an index of numbers.
func searchServer(t *testing.T) (string, func() []string, func(...string)) {
	var mu sync.Mutex
	var numbers []int
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		switch {
		case r.URL.Path == "/":
			io.WriteString(w, `{"version":{"number":"8.0.0"}}`)
		case strings.HasSuffix(r.URL.Path, "/_pit") && r.Method == http.MethodPost:
			io.WriteString(w, `{"id":"p"}`)
		case strings.HasSuffix(r.URL.Path, "/_search"):
			since, after := -1, -1
			if m := sinceGiven.FindSubmatch(body); m != nil {
				since, _ = strconv.Atoi(string(m[1]))
			}
			if m := afterGiven.FindSubmatch(body); m != nil {
				after, _ = strconv.Atoi(string(m[1]))
			}
			var hits []string
			for _, n := range numbers {
				if n >= since && n > after {
					hits = append(hits, fmt.Sprintf(`{"_index":"i","_id":"%d","_source":{"n":%d},"sort":[%d]}`, n, n, n))
				}
			}
			fmt.Fprintf(w, `{"pit_id":"p","took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":%d,"relation":"eq"},"hits":[%s]}}`, len(hits), strings.Join(hits, ","))
		default:
			io.WriteString(w, `{"succeeded":true,"num_freed":1}`)
		}
	}))
	t.Cleanup(srv.Close)
	return host(srv), nil, func(texts ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range texts {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Error(err)
			}
			numbers = append(numbers, n)
		}
	}
}
