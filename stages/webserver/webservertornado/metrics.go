package webservertornado

import (
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gambolputty/actor"
	"gambolputty/actor/meter"
)

// collector reads the counters of all modules when somebody asks. No label holds what was in
// an event.
type collector struct {
	env     actor.Env
	modules []series
	edge    *prometheus.Desc
	dropped *prometheus.Desc
	errors  *prometheus.Desc
	own     *prometheus.Desc
	handle  *prometheus.Desc
	age     *prometheus.Desc
	config  *prometheus.Desc
	paused  *prometheus.Desc
	reload  *prometheus.Desc
	program Program // nil without one
	build   *prometheus.Desc
}

// series is a figure of every module.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(actor.Status) float64
}

func newCollector(env actor.Env) *collector {
	module := []string{"module", "class", "role"}
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("gambolputty_"+name, help, append(module[:len(module):len(module)], more...), nil)
	}
	c := &collector{
		env:     env,
		edge:    prometheus.NewDesc("gambolputty_edge_events_total", "Events that went from a module to a receiver.", []string{"from", "to"}, nil),
		dropped: desc("events_dropped_total", "Events that ended in a module: on purpose, as dead letters, or lost at a stop by force.", "reason"),
		errors:  desc("errors_total", "Events that a module could not handle, and fields that dynamic strings did not find.", "kind"),
		own:     desc("own_total", "What a module counts that others do not.", "name"),
		handle:  desc("handle_seconds", "Time that a module took for an event."),
		age:     desc("event_age_seconds", "Time from an input to the end of an output's work on an event, or on the oldest of those that it gets together."),
		config:  prometheus.NewDesc("gambolputty_config_hash_info", "The configuration that runs.", []string{"hash"}, nil),
		reload:  prometheus.NewDesc("gambolputty_config_reloads_total", "Reloads of the configuration, by how they ended.", []string{"result"}, nil),
		paused:  desc("module_paused", "1 as long as an input is paused."),
		build:   prometheus.NewDesc("gambolputty_build_info", "The build that runs.", []string{"version", "commit", "go"}, nil),
	}
	counter := func(name, help string, of func(*meter.Module) int64) {
		c.modules = append(c.modules, series{desc(name, help), prometheus.CounterValue, func(s actor.Status) float64 { return float64(of(s.Meter)) }})
	}
	gauge := func(name, help string, of func(actor.Status) float64) {
		c.modules = append(c.modules, series{desc(name, help), prometheus.GaugeValue, of})
	}
	counter("events_received_total", "Events that came into a module.", func(m *meter.Module) int64 { return m.Received.Load() })
	counter("events_handled_total", "Events that passed the filter of a module.", func(m *meter.Module) int64 { return m.Handled.Load() })
	counter("events_filtered_total", "Events that the filter of a module let pass it by.", func(m *meter.Module) int64 { return m.Filtered.Load() })
	counter("events_emitted_total", "Events that left a module, counted for each receiver.", func(m *meter.Module) int64 { return m.Emitted.Load() })
	counter("events_unrouted_total", "Events that no receiver wanted.", func(m *meter.Module) int64 { return m.Unrouted.Load() })
	counter("restarts_total", "Times a module was started again after a failure.", func(m *meter.Module) int64 { return m.Restarts.Load() })
	counter("filter_errors_total", "Filters that failed on an event.", func(m *meter.Module) int64 { return m.FilterErrors.Load() })
	c.modules = append(c.modules, series{desc("blocked_seconds_total", "Time that a module waited for full receivers."), prometheus.CounterValue,
		func(s actor.Status) float64 { return time.Duration(s.Meter.Blocked.Load()).Seconds() }})
	gauge("inbox_length", "Events in the inbox of a module.", func(s actor.Status) float64 { return float64(s.Waiting) })
	gauge("inbox_capacity", "Events that the inbox of a module can hold.", func(s actor.Status) float64 { return float64(s.Capacity) })
	gauge("workers", "Workers of a module.", func(s actor.Status) float64 { return float64(s.Workers) })
	gauge("module_up", "1 as long as a module runs.", func(s actor.Status) float64 {
		if s.Failed != "" || s.Ended {
			return 0
		}
		return 1
	})
	return c
}

// Describe says that the series are known when they are asked for.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads all counters.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.env.Status() {
		labels := []string{s.ID, s.Spec.Name, string(s.Spec.Role)}
		one := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, more ...string) {
			out <- prometheus.MustNewConstMetric(d, kind, v, append(labels[:len(labels):len(labels)], more...)...)
		}
		for _, m := range c.modules {
			one(m.desc, m.kind, m.of(s))
		}
		m := s.Meter
		for reason, n := range map[string]int64{"dropped": m.Dropped.Load(), "dead_letter": m.DeadLettered.Load(), "lost": m.Lost.Load(), "ended": m.Ended.Load()} {
			one(c.dropped, prometheus.CounterValue, float64(n), reason)
		}
		for kind, n := range map[string]int64{"event": m.Errors.Load(), "unresolved": m.Unresolved.Load(), "filter_mismatch": m.FilterMismatches.Load()} {
			one(c.errors, prometheus.CounterValue, float64(n), kind)
		}
		m.EachOwn(func(name string, n int64) { one(c.own, prometheus.CounterValue, float64(n), name) })
		count, buckets := histogram(&m.Handling, 128*time.Nanosecond, 20*time.Second)
		out <- prometheus.MustNewConstHistogram(c.handle, count, m.Handling.Sum().Seconds(), buckets, labels...)
		switch s.Spec.Role {
		case actor.Input:
			paused := 0.0
			if s.Paused && !s.Standby {
				paused = 1
			}
			one(c.paused, prometheus.GaugeValue, paused)
		case actor.Output:
			count, buckets := histogram(&m.Age, 8*time.Microsecond, 2*time.Hour)
			out <- prometheus.MustNewConstHistogram(c.age, count, m.Age.Sum().Seconds(), buckets, labels...)
		}
		for _, e := range s.Receivers {
			out <- prometheus.MustNewConstMetric(c.edge, prometheus.CounterValue, float64(e.Passed), s.ID, e.ID)
		}
	}
	if c.program != nil {
		out <- prometheus.MustNewConstMetric(c.config, prometheus.GaugeValue, 1, c.program.Plan().Hash())
		_, good, bad := c.program.LastReload()
		out <- prometheus.MustNewConstMetric(c.reload, prometheus.CounterValue, float64(good), "success")
		out <- prometheus.MustNewConstMetric(c.reload, prometheus.CounterValue, float64(bad), "failure")
	}
	version, commit := build()
	out <- prometheus.MustNewConstMetric(c.build, prometheus.GaugeValue, 1, version, commit, runtime.Version())
}

// histogram turns the buckets of a meter between two times into those of Prometheus, every
// other one of them.
func histogram(h *meter.Histogram, smallest, largest time.Duration) (count uint64, buckets map[float64]uint64) {
	buckets = map[float64]uint64{}
	h.Each(func(below time.Duration, n int64) {
		count += uint64(max(n, 0))
		if below >= smallest && below <= largest && int(math.Log2(float64(below)))%2 == 1 {
			buckets[below.Seconds()] = count
		}
	})
	return count, buckets
}

func build() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return info.Main.Version, commit
}

// newRegistry knows all figures.
func (s *server) newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	c := newCollector(s.env)
	c.program = s.program
	r.MustRegister(c, newPackMetrics(s.env), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// metrics is the handler of /metrics.
func (s *server) metrics() http.HandlerFunc {
	h := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.env.Log.Handler(), slog.LevelWarn)})
	return h.ServeHTTP
}
