package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run sends events through the module and returns its reports.
func run(t *testing.T, options string, in ...string) []string {
	t.Helper()
	var events []*event.Event
	for _, text := range in {
		events = append(events, actortest.Event(t, text))
	}
	out := actortest.Process(t, Spec, options, events...)
	for i, e := range out[:len(in)] {
		if got := actortest.JSON(e); got != actortest.JSON(events[i]) || e.Type() == "metrics" {
			t.Errorf("event %d became %s", i, got)
		}
	}
	var reports []string
	for _, e := range out[len(in):] {
		if e.Type() != "metrics" || actortest.Meta(e, "source_module") != "Metrics" {
			t.Errorf("got %s", actortest.Whole(e))
		}
		reports = append(reports, actortest.JSON(e))
	}
	return reports
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// statuses are the events of the reference.
func statuses(vhost string) []string {
	var list []string
	for status, n := range map[string]int{"200": 10, "301": 5, "302": 3, "404": 3} {
		for range n {
			list = append(list, fmt.Sprintf(`{"vhost": %q, "http_status": %s}`, vhost, status))
		}
	}
	return list
}

func TestValuesAreCountedByName(t *testing.T) {
	want(t, run(t, "aggregations: [{name: http_status_$(vhost), field: http_status}]", append(statuses("this.parrot.dead"), `{"http_status": 1}`, `{"vhost": "x"}`)...),
		`{"data":"","field_counts":{"200":10,"301":5,"302":3,"404":3},"field_name":"http_status_this.parrot.dead","interval":10,"total_count":21}`)
	want(t, run(t, "interval: 2.5\naggregations: [{name: b, value: x}, {name: a, field: l.0}]", `{"x": "y", "l": [[1]]}`, `{"x": null, "l": []}`),
		`{"data":"","field_counts":{"None":1,"y":1},"field_name":"b","interval":2.5,"total_count":2}`,
		`{"data":"","field_counts":{"[1]":1},"field_name":"a","interval":2.5,"total_count":1}`)
	want(t, run(t, "aggregations: [{name: b, field: x}]", `{"y": 1}`))
}

func TestBucketsHoldValuesUpToTheirBound(t *testing.T) {
	const buckets = "aggregations: [{name: s, field: v, buckets: [{name: 300, upper: 399}, {name: 100, upper: 199}, {name: '200', upper: 299}, {name: '400', upper: 499}, {name: '500', upper: 599}]}]"
	want(t, run(t, buckets, `{"v": 202}`, `{"v": "301"}`, `{"v": " 302 "}`, `{"v": 404.5}`, `{"v": 199}`, `{"v": 600}`, `{"v": "many"}`, `{"v": -1}`, `{"v": []}`, `{"v": true}`, `{"v": "1e999"}`, `{"v": "0x10"}`),
		`{"data":"","field_counts":{"100":2,"200":1,"300":2,"400":1,"other":1},"field_name":"s","interval":10,"total_count":7}`)
}

func TestPercentilesOfTheReference(t *testing.T) {
	for name, c := range map[string]struct {
		step, last int
		ask        string
		want       []float64
		mean, std  float64
	}{
		"by 10": {10, 90, "[50, 75, 95, 99]", []float64{50, 70, 86, 89.2}, 50, 25.81988897471611},
		"by 5":  {5, 95, "[40, 65, 95, 99]", []float64{44, 65.25, 90.75, 94.15}, 52.5, 25.940637360455632},
	} {
		t.Run(name, func(t *testing.T) {
			var in []*event.Event
			for v := 10; v <= c.last; v += c.step {
				in = append(in, actortest.Event(t, fmt.Sprintf(`{"v": "%d"}`, v)))
			}
			rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
			out := actortest.Process(t, Spec, "percentiles: [{name: p, field: v, percentiles: "+c.ask+"}]", in...)
			e := out[len(out)-1]
			near := func(field string, want float64) {
				t.Helper()
				v, _ := e.Get(event.MustPath(field))
				if f, ok := v.Float(); !ok || v.Kind() != event.KindFloat || math.Abs(f-want) > 1e-9 {
					t.Errorf("%s is %s, want %v", field, v.Text(), want)
				}
			}
			near("mean", c.mean)
			near("std", c.std)
			for i, p := range c.want {
				near(fmt.Sprint("percentiles.", i), p)
			}
			near("percentiles_map.p95", map[string]float64{"by 10": 86, "by 5": 90.75}[name])
			if text := actortest.JSON(e); !strings.Contains(text, fmt.Sprintf(`"max":%d,`, c.last)) || !strings.Contains(text, `"min":10,`) || !strings.Contains(text, `"field_name":"p"`) {
				t.Error(text)
			}
		})
	}
	want(t, run(t, "percentiles: [{name: p, field: v, percentiles: [0, 99.9, 100]}]", `{"v": 1}`, `{"v": 2.5}`, `{"v": "x"}`),
		`{"data":"","field_name":"p","interval":10,"max":2.5,"mean":1.75,"min":1.0,"percentiles":[1.0,2.4985,2.5],"percentiles_map":{"p0":1.0,"p100":2.5,"p99.9":2.4985},"std":0.75}`)
}

func TestGroupsAndWhatElse(t *testing.T) {
	want(t, run(t, "aggregations: [{name: n, field: v, group_by: [host, a.b], add: [sum, rate, unique]}]",
		`{"v": 2, "host": "x", "a": {"b": 1}}`, `{"v": 2, "host": "x", "a": {"b": 1}}`, `{"v": "3", "host": "x", "a": {"b": "1"}}`, `{"v": "z", "host": "x", "a": {"b": "1"}}`, `{"v": 1, "host": "x"}`),
		`{"a":{"b":"1"},"data":"","field_counts":{"3":1,"z":1},"field_name":"n","host":"x","interval":10,"rate":0.2,"sum":3.0,"total_count":2,"unique_count":2}`,
		`{"a":{"b":1},"data":"","field_counts":{"2":2},"field_name":"n","host":"x","interval":10,"rate":0.2,"sum":4.0,"total_count":2,"unique_count":1}`)
	want(t, run(t, "percentiles: [{name: n, field: v, percentiles: 50, group_by: host}]", `{"v": 2, "host": "x"}`, `{"v": 4, "host": "y"}`),
		`{"data":"","field_name":"n","host":"x","interval":10,"max":2,"mean":2.0,"min":2,"percentiles":[2.0],"percentiles_map":{"p50":2.0},"std":0.0}`,
		`{"data":"","field_name":"n","host":"y","interval":10,"max":4,"mean":4.0,"min":4,"percentiles":[4.0],"percentiles_map":{"p50":4.0},"std":0.0}`)
}

func TestThereIsAnEndToSeries(t *testing.T) {
	want(t, run(t, "max_series: 1\naggregations: [{name: $(n), field: n}]", `{"n": "a"}`, `{"n": "b"}`, `{"n": "a"}`),
		`{"data":"","field_counts":{"a":2},"field_name":"a","interval":10,"total_count":2}`)
	var in []string
	for i := range maxCounts + 5 {
		in = append(in, fmt.Sprintf(`{"n": %d}`, i))
	}
	if got := run(t, "aggregations: [{name: n, field: n}]", in...); !strings.Contains(got[0], `"other":5}`) {
		t.Errorf("got %.100s", got)
	}
}

func TestAWindowCoversSeveralIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := make(chan string)
		r := actortest.Start(t, "- Lines\n- Metrics:\n    interval: 10\n    window: 30\n    aggregations: [{name: n, field: data, add: [rate, unique, sum]}]\n    percentiles: [{name: p, field: data, percentiles: [50]}]\n- TestCatch\n", Spec, actortest.Lines(feed))
		time.Sleep(time.Second)
		for i := range 5 {
			feed <- fmt.Sprint(i)
			time.Sleep(10 * time.Second)
		}
		var got []string
		for _, e := range r.Wait(0) {
			if e.Type() == "metrics" {
				got = append(got, actortest.JSON(e))
			}
		}
		if len(got) != 10 {
			t.Fatalf("got %d reports", len(got))
		}
		want(t, got[8:],
			`{"data":"","field_counts":{"2":1,"3":1,"4":1},"field_name":"n","interval":10,"rate":0.1,"sum":9.0,"total_count":3,"unique_count":3,"window":30}`,
			`{"data":"","field_name":"p","interval":10,"max":4,"mean":3.0,"min":2,"percentiles":[3.0],"percentiles_map":{"p50":3.0},"std":0.816496580927726,"window":30}`)
		time.Sleep(40 * time.Second)
		n := len(r.Wait(0))
		time.Sleep(40 * time.Second)
		if len(r.Wait(0)) != n {
			t.Error("there are reports about nothing")
		}
		r.Stop()
	})
}

func TestCountsAreExactOverAllWorkers(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- Metrics:\n    pool_size: 4\n    aggregations: [{name: c, field: gambolputty.event_type}]\n    percentiles: [{name: p, field: n, percentiles: [50]}]\n- TestCatch\n", Spec, actortest.Numbers(10_000))
	out := r.Finish()
	if a, b := actortest.JSON(out[len(out)-2]), actortest.JSON(out[len(out)-1]); !strings.Contains(a, `{"Unknown":10000}`) || !strings.Contains(b, `"mean":4999.5,"min":0,"percentiles":[4999.5]`) {
		t.Errorf("got %s and %s", a, b)
	}
}

func TestManyValuesTakeLittleMemory(t *testing.T) {
	var v, half, rest values
	var all []float64
	for i := range 200_000 {
		f := math.Exp(rand.NormFloat64()*2) - 0.5
		if i%1000 == 0 {
			f = 0
		}
		all = append(all, f)
		v.add(f, false)
		if i%2 == 0 {
			half.add(f, false)
		} else {
			rest.add(f, false)
		}
	}
	half.merge(&rest)
	slices.Sort(all)
	asked := []float64{0, 1, 25, 50, 90, 99, 99.9, 100}
	for _, v := range []*values{&v, &half} {
		r := v.report(asked)
		for i, p := range asked {
			exact := all[int(p/100*float64(len(all)-1))]
			if math.Abs(r.percentiles[i]-exact) > 0.0051*math.Abs(exact)+1e-3 {
				t.Errorf("percentile %v is %v, want %v", p, r.percentiles[i], exact)
			}
		}
		if len(v.exact) > 0 || len(v.rough.above) > maxBuckets || v.least != all[0] || v.most != all[len(all)-1] {
			t.Error("too much is kept, or not enough")
		}
	}
	if a, b := v.report(nil), half.report(nil); math.Abs(a.mean-b.mean) > 1e-9 || math.Abs(a.std-b.std) > 1e-6 {
		t.Errorf("got %v and %v", a, b)
	}
	h := histogram{above: map[int]float64{}, below: map[int]float64{}}
	for i := range 2 * maxBuckets {
		h.add(middle(i-maxBuckets), 1)
	}
	if len(h.above) > maxBuckets {
		t.Errorf("%d buckets", len(h.above))
	}
}

func TestManyDifferentValuesAreEstimated(t *testing.T) {
	var a, b unique
	for i := range 100_000 {
		a.add(event.Int(int64(i)))
		b.add(event.Int(int64(i + 50_000)))
		if i == 4999 && a.count() != 5000 {
			t.Errorf("few are %d", a.count())
		}
	}
	few := unique{}
	few.add(event.String("x"))
	a.merge(&few)
	few.merge(&b)
	a.merge(&b)
	if n := a.count(); n < 142_000 || n > 158_000 {
		t.Errorf("150000 are %d", n)
	}
	if n := few.count(); n < 95_000 || n > 105_000 {
		t.Errorf("100001 are %d", n)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, Spec, map[string]string{
		"": "aggregations: required", "aggregations: []": "E016", "aggregations: [{field: x}]": "name: required", "aggregations: [{name: x}]": "field: required", "aggregations: [{name: '', field: x}]": "must not be empty",
		"aggregations: [{name: x, field: x, buckets: [{name: a}]}]": "upper: required", "aggregations: [{name: x, field: x, buckets: [{upper: 1}]}]": "name: required", "aggregations: [{name: x, field: x, buckets: [{name: a, upper: b}]}]": "must be float",
		"percentiles: [{name: x, field: x}]": "percentiles: required", "percentiles: [{name: x, field: x, percentiles: [101]}]": "test:3:53: error[E017]: Metrics: percentiles: must be between 0 and 100, got 101", "percentiles: [{name: x, field: x, percentiles: []}]": "at least one",
		"aggregations: [{name: x, field: x, add: [median]}]": "sum, rate, unique", "interval: 0\naggregations: [{name: x, field: x}]": "at least 10ms", "window: 15\naggregations: [{name: x, field: x}]": "times 1 to", "max_series: 0\naggregations: [{name: x, field: x}]": "at least 1",
		"aggregations: [{name: x, field: x, value: y}]": "another name",
	})
	if got := strings.Join(actortest.Warnings(t, Spec, "aggregations: [{name: 'x_%{vhost}', field: x}]"), ""); !strings.Contains(got, "W113") {
		t.Errorf("warnings: %s", got)
	}
}

func BenchmarkEvent(b *testing.B) {
	var events []string
	for i := range 1000 {
		events = append(events, fmt.Sprintf(`{"vhost":"www%d.example.com","http_status":"%d","request_time":0.%03d}`, i%7, 200+i%4*100, i))
	}
	actortest.BenchEvents(b, Spec, "aggregations: [{name: http_status_$(vhost), field: http_status}]\npercentiles: [{name: request_time_$(vhost), field: request_time, percentiles: [50, 95]}]", "", nil, events...)
}
