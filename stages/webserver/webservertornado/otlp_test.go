package webservertornado_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/webserver/webservertornado"
)

// exported is what a collector gets.
type exported struct {
	ResourceMetrics []struct {
		Resource     struct{ Attributes []otlpAttribute }
		ScopeMetrics []struct {
			Metrics []struct {
				Name                           string
				Sum, Gauge, Histogram, Summary *struct {
					DataPoints             []otlpPoint
					AggregationTemporality int
					IsMonotonic            bool
				}
			}
		}
	}
}

type otlpAttribute struct {
	Key   string
	Value struct{ StringValue string }
}

type otlpPoint struct {
	Attributes        []otlpAttribute
	StartTimeUnixNano string
	TimeUnixNano      string
	AsDouble          *float64
	Count             string
	BucketCounts      []string
	ExplicitBounds    []float64
}

func (p otlpPoint) of(module string) bool {
	for _, a := range p.Attributes {
		if a.Key == "module" && a.Value.StringValue == module {
			return true
		}
	}
	return false
}

func TestMetricsAreSentToACollector(t *testing.T) {
	bodies := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/metrics" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("%v %s %v", err, r.URL, r.Header)
		}
		bodies <- string(text)
	}))
	defer collector.Close()
	s := serve(t, "otlp:\n  endpoint: "+collector.URL+"\n  interval: 1h\n  headers: {Authorization: 'Bearer ${NO_SUCH_VARIABLE:-t0ken}'}")
	s.send("yes", "no", "yes")
	s.Wait(2)
	s.Stop() // which is when the last message goes out
	var got exported
	text := <-bodies
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v %s", err, text)
	}
	found := map[string]bool{}
	for _, m := range got.ResourceMetrics[0].ScopeMetrics[0].Metrics {
		found[m.Name] = true
		switch m.Name {
		case "gambolputty_events_received_total":
			for _, p := range m.Sum.DataPoints {
				if p.of("Lines") && (*p.AsDouble != 3 || p.StartTimeUnixNano == "" || len(p.TimeUnixNano) < 19) {
					t.Errorf("%+v", p)
				}
			}
			if m.Sum.AggregationTemporality != 2 || !m.Sum.IsMonotonic {
				t.Errorf("%+v", m.Sum)
			}
		case "gambolputty_inbox_capacity":
			if m.Gauge == nil || m.Gauge.AggregationTemporality != 0 {
				t.Errorf("%+v", m)
			}
		case "gambolputty_handle_seconds":
			for _, p := range m.Histogram.DataPoints {
				if p.of("TestCatch") && (p.Count != "2" || len(p.BucketCounts) != len(p.ExplicitBounds)+1) {
					t.Errorf("%+v", p)
				}
			}
		}
	}
	for _, name := range []string{"gambolputty_events_received_total", "gambolputty_inbox_capacity", "gambolputty_handle_seconds", "gambolputty_build_info", "go_goroutines"} {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
	if a := got.ResourceMetrics[0].Resource.Attributes[0]; a.Key != "service.name" || a.Value.StringValue != "gambolputty" {
		t.Errorf("%+v", a)
	}
	if strings.Contains(s.Log(), "t0ken") {
		t.Error(s.Log())
	}
}

func TestACollectorThatIsAwayIsTold(t *testing.T) {
	answer := make(chan int, 1)
	answer <- http.StatusServiceUnavailable
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case status := <-answer:
			w.WriteHeader(status)
		default:
		}
	}))
	defer collector.Close()
	s := serve(t, "otlp: {endpoint: '"+collector.URL+"/own/path', interval: 1s}")
	wiretest.Until(t, "the collector to be missed", func() bool {
		_, text, _ := s.get("/healthz")
		return text == "degraded\nWebserverTornado: the collector of metrics does not take them\n"
	})
	wiretest.Until(t, "the collector to be back", func() bool {
		_, text, _ := s.get("/healthz")
		return text == "ok\n"
	})
	s.Stop()
	if !strings.Contains(s.Log(), "the collector answers 503") {
		t.Error(s.Log())
	}
}

func TestWrongOptionsOfACollector(t *testing.T) {
	actortest.Wrong(t, webservertornado.Spec, map[string]string{
		"otlp: {endpoint: 'collector:4318'}":                        "otlp.endpoint",
		"otlp: {interval: 10s}":                                     "endpoint",
		"otlp: {endpoint: 'http://collector:4318', interval: 10ms}": "interval",
	})
}
