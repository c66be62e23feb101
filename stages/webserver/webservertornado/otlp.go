package webservertornado

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// OTLP are the options of metrics that are sent to a collector of OpenTelemetry.
type OTLP struct {
	Endpoint string            `opt:"endpoint" required:"true" doc:"Address of the collector, as in http://collector:4318; without a path, /v1/metrics is meant."`
	Interval time.Duration     `opt:"interval" min:"1s" doc:"Time between two messages, a minute by default."`
	Headers  map[string]string `opt:"headers" secret:"true" doc:"Headers of the messages, such as Authorization."`
	CAFile   string            `opt:"ca_file" null:"true" doc:"PEM file with the authority of the collector's certificate."`
}

const (
	// usualInterval is that of OpenTelemetry's own exporters.
	usualInterval = time.Minute
	// collectorTime is how long the collector may take, lastTime at the end of the program.
	collectorTime = 10 * time.Second
	lastTime      = 2 * time.Second
)

// faults says what is wrong with the options, by their names.
func (o *OTLP) faults() map[string]string {
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return map[string]string{"endpoint": "must be a whole address, as in http://collector:4318"}
	}
	return nil
}

// address is where messages go.
func (o *OTLP) address() string {
	u, _ := url.Parse(o.Endpoint) // it was checked
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/metrics"
	}
	return u.String()
}

// exporter sends what /metrics shows to a collector, as JSON over HTTP, which every collector
// takes beside protobuf. Counters are sent as their sums since the start, so that a message
// which is lost loses nothing.
type exporter struct {
	s      *server
	opts   *OTLP
	client *http.Client
	host   string
}

func (s *server) newExporter() (*exporter, error) {
	o := s.opts.OTLP
	if o == nil {
		return nil, nil
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: 2 * usualInterval}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("otlp.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("otlp.ca_file: %s holds no certificate", o.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	host, _ := os.Hostname() // a machine without a name has none to tell
	return &exporter{s: s, opts: o, client: &http.Client{Transport: t, Timeout: collectorTime}, host: host}, nil
}

// run sends a message after each interval, and a last one at the end.
func (x *exporter) run(ctx context.Context) {
	every := x.opts.Interval
	if every == 0 {
		every = usualInterval
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer x.client.CloseIdleConnections()
	for {
		select {
		case <-tick.C:
			x.send(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
			defer cancel()
			x.send(last)
			return
		}
	}
}

func (x *exporter) send(ctx context.Context) {
	err := x.post(ctx)
	if err == nil {
		x.s.env.Ailing("otlp", "")
		return
	}
	x.s.env.Ailing("otlp", "the collector of metrics does not take them")
	x.s.env.Warn("metrics are not sent", "error", err)
}

func (x *exporter) post(ctx context.Context) error {
	families, err := x.s.registry.Gather()
	if err != nil {
		return fmt.Errorf("gather the metrics: %w", err)
	}
	body, err := json.Marshal(x.message(families, time.Now()))
	if err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, x.opts.address(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range x.opts.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := x.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, bodySize)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", res.Status)
	}
	return nil
}

// The forms of OTLP in JSON, as in opentelemetry/proto/metrics/v1/metrics.proto. Numbers of 64
// bits are texts there.
type (
	otlpAttribute struct {
		Key   string            `json:"key"`
		Value map[string]string `json:"value"`
	}
	otlpPoint struct {
		Attributes []otlpAttribute `json:"attributes"`
		Start      string          `json:"startTimeUnixNano,omitempty"`
		Time       string          `json:"timeUnixNano"`
		Value      *float64        `json:"asDouble,omitempty"`
		Count      string          `json:"count,omitempty"`
		Sum        *float64        `json:"sum,omitempty"`
		Buckets    []string        `json:"bucketCounts,omitempty"`
		Bounds     []float64       `json:"explicitBounds,omitempty"`
		Quantiles  []otlpQuantile  `json:"quantileValues,omitempty"`
	}
	otlpQuantile struct {
		Quantile float64 `json:"quantile"`
		Value    float64 `json:"value"`
	}
	otlpPoints struct {
		Points []otlpPoint `json:"dataPoints"`
		// Temporality is 2: since the start.
		Temporality int  `json:"aggregationTemporality,omitempty"`
		Monotonic   bool `json:"isMonotonic,omitempty"`
	}
	otlpMetric struct {
		Name        string      `json:"name"`
		Description string      `json:"description,omitempty"`
		Sum         *otlpPoints `json:"sum,omitempty"`
		Gauge       *otlpPoints `json:"gauge,omitempty"`
		Histogram   *otlpPoints `json:"histogram,omitempty"`
		Summary     *otlpPoints `json:"summary,omitempty"`
	}
)

func (x *exporter) message(families []*dto.MetricFamily, now time.Time) any {
	metrics := []otlpMetric{}
	for _, f := range families {
		m := otlpMetric{Name: f.GetName(), Description: f.GetHelp()}
		all := &otlpPoints{Points: []otlpPoint{}}
		for _, one := range f.GetMetric() {
			if p, ok := x.point(one, now); ok {
				all.Points = append(all.Points, p)
			}
		}
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			m.Sum, all.Temporality, all.Monotonic = all, 2, true
		case dto.MetricType_HISTOGRAM:
			m.Histogram, all.Temporality = all, 2
		case dto.MetricType_SUMMARY:
			m.Summary = all
		default:
			m.Gauge = all
		}
		metrics = append(metrics, m)
	}
	version, _ := build()
	about := []otlpAttribute{attribute("service.name", "gambolputty"), attribute("service.version", version), attribute("host.name", x.host), attribute("process.pid", strconv.Itoa(os.Getpid()))}
	return map[string]any{"resourceMetrics": []any{map[string]any{
		"resource":     map[string]any{"attributes": about},
		"scopeMetrics": []any{map[string]any{"scope": map[string]any{"name": "gambolputty"}, "metrics": metrics}},
	}}}
}

func attribute(key, value string) otlpAttribute {
	return otlpAttribute{key, map[string]string{"stringValue": strings.ToValidUTF8(value, "\ufffd")}}
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// point is one series. Values that JSON has no numbers for are left out.
func (x *exporter) point(m *dto.Metric, now time.Time) (p otlpPoint, ok bool) {
	p = otlpPoint{Attributes: []otlpAttribute{}, Start: nanos(x.s.began), Time: nanos(now)}
	for _, l := range m.GetLabel() {
		p.Attributes = append(p.Attributes, attribute(l.GetName(), l.GetValue()))
	}
	number := func(v float64) *float64 {
		ok = !math.IsNaN(v) && !math.IsInf(v, 0)
		return &v
	}
	switch {
	case m.Counter != nil:
		p.Value = number(m.Counter.GetValue())
	case m.Gauge != nil:
		p.Value, p.Start = number(m.Gauge.GetValue()), ""
	case m.Untyped != nil:
		p.Value, p.Start = number(m.Untyped.GetValue()), ""
	case m.Histogram != nil:
		p.Sum, p.Count = number(m.Histogram.GetSampleSum()), strconv.FormatUint(m.Histogram.GetSampleCount(), 10)
		p.Bounds, p.Buckets = buckets(m.Histogram)
	case m.Summary != nil:
		p.Sum, p.Count = number(m.Summary.GetSampleSum()), strconv.FormatUint(m.Summary.GetSampleCount(), 10)
		for _, q := range m.Summary.GetQuantile() {
			if v := q.GetValue(); !math.IsNaN(v) {
				p.Quantiles = append(p.Quantiles, otlpQuantile{q.GetQuantile(), v})
			}
		}
	}
	return p, ok
}

// buckets are the bounds of a histogram and the counts between them; Prometheus counts all that
// is below a bound.
func buckets(h *dto.Histogram) (bounds []float64, counts []string) {
	list := slices.Clone(h.GetBucket())
	slices.SortFunc(list, func(a, b *dto.Bucket) int { return cmp.Compare(a.GetUpperBound(), b.GetUpperBound()) })
	before := uint64(0)
	for _, b := range list {
		if math.IsInf(b.GetUpperBound(), 1) {
			continue
		}
		bounds = append(bounds, b.GetUpperBound())
		counts = append(counts, strconv.FormatUint(b.GetCumulativeCount()-before, 10))
		before = b.GetCumulativeCount()
	}
	return bounds, append(counts, strconv.FormatUint(h.GetSampleCount()-before, 10))
}
