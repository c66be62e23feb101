package metrics

import (
	"maps"
	"math"
	"slices"
)

// exactUpTo is the number of values that are kept. With more of them percentiles are off by
// 0.5 percent of their value at most.
const exactUpTo = 10_000

// values are numbers whose percentiles are asked for. Number, bounds, mean and deviation are
// exact whatever their number.
type values struct {
	count         float64
	mean, squares float64 // of the distances from the mean
	least, most   float64
	ints          bool
	exact         []float64
	rough         *histogram // once there are too many
}

func (v *values) add(f float64, isInt bool) {
	if v.count == 0 {
		v.least, v.most, v.ints = f, f, true
	}
	v.count++
	v.least, v.most, v.ints = min(v.least, f), max(v.most, f), v.ints && isInt
	d := f - v.mean // after Welford
	v.mean += d / v.count
	v.squares += d * (f - v.mean)
	v.keep(f)
}

func (v *values) keep(f float64) {
	if v.rough == nil {
		if len(v.exact) < exactUpTo {
			v.exact = append(v.exact, f)
			return
		}
		v.roughen()
	}
	v.rough.add(f, 1)
}

func (v *values) roughen() {
	v.rough = &histogram{above: map[int]float64{}, below: map[int]float64{}}
	for _, f := range v.exact {
		v.rough.add(f, 1)
	}
	v.exact = nil
}

// merge adds the values of o, which stays as it is.
func (v *values) merge(o *values) {
	if o.count == 0 {
		return
	}
	if v.count == 0 {
		v.least, v.most, v.ints = o.least, o.most, true
	}
	n := v.count + o.count
	d := o.mean - v.mean // after Chan, Golub and LeVeque
	v.squares += o.squares + d*d*v.count*o.count/n
	v.mean += d * o.count / n
	v.count = n
	v.least, v.most, v.ints = min(v.least, o.least), max(v.most, o.most), v.ints && o.ints
	for _, f := range o.exact {
		v.keep(f)
	}
	if o.rough != nil {
		if v.rough == nil {
			v.roughen()
		}
		v.rough.merge(o.rough)
	}
}

// figures are what is reported of values.
type figures struct {
	mean, std   float64
	percentiles []float64
}

// report finds percentiles, between the ranks by a straight line, and the deviation of a
// whole population.
func (v *values) report(percentiles []float64) figures {
	slices.Sort(v.exact)
	r := v.moments()
	for _, p := range percentiles {
		rank := p / 100 * (v.count - 1)
		if v.rough != nil {
			r.percentiles = append(r.percentiles, min(v.most, max(v.least, v.rough.at(rank))))
			continue
		}
		low := int(rank)
		high := min(low+1, len(v.exact)-1)
		r.percentiles = append(r.percentiles, v.exact[low]+(v.exact[high]-v.exact[low])*(rank-float64(low)))
	}
	return r
}

// moments are mean and deviation, without the rounding of a running mean where the values
// are there.
func (v *values) moments() figures {
	if v.rough != nil {
		return figures{mean: v.mean, std: math.Sqrt(v.squares / v.count)}
	}
	sum, squares := 0.0, 0.0
	for _, f := range v.exact {
		sum += f
	}
	mean := sum / v.count
	for _, f := range v.exact {
		squares += (f - mean) * (f - mean)
	}
	return figures{mean: mean, std: math.Sqrt(squares / v.count)}
}

// histogram counts values in buckets that are 1 percent wide, so that its size depends on
// the magnitudes of values and not on their number.
type histogram struct {
	above, below map[int]float64 // numbers of values above and below 0, by the bucket of their magnitude
	zero         float64
}

const (
	// smallest is what still differs from 0.
	smallest = 1e-9
	// maxBuckets bounds the buckets on each side of 0. The smallest magnitudes are joined
	// beyond that.
	maxBuckets = 4096
)

var width = math.Log(1.01)

func (h *histogram) add(f, n float64) {
	switch {
	case math.Abs(f) < smallest:
		h.zero += n
	case f > 0:
		h.above[bucketOf(f)] += n
		limit(h.above)
	default:
		h.below[bucketOf(-f)] += n
		limit(h.below)
	}
}

func bucketOf(magnitude float64) int { return int(math.Ceil(math.Log(magnitude) / width)) }

// middle is the value in the middle of a bucket.
func middle(bucket int) float64 { return math.Exp((float64(bucket) - 0.5) * width) }

// limit joins the two buckets of the smallest magnitudes.
func limit(buckets map[int]float64) {
	if len(buckets) <= maxBuckets {
		return
	}
	sorted := slices.Sorted(maps.Keys(buckets))
	buckets[sorted[1]] += buckets[sorted[0]]
	delete(buckets, sorted[0])
}

func (h *histogram) merge(o *histogram) {
	h.zero += o.zero
	for b, n := range o.above {
		h.above[b] += n
		limit(h.above)
	}
	for b, n := range o.below {
		h.below[b] += n
		limit(h.below)
	}
}

// at returns the value at a rank, counted from 0.
func (h *histogram) at(rank float64) float64 {
	last := 0.0
	for _, b := range slices.Backward(slices.Sorted(maps.Keys(h.below))) {
		last = -middle(b)
		if rank -= h.below[b]; rank < 0 {
			return last
		}
	}
	if rank -= h.zero; h.zero > 0 {
		if last = 0; rank < 0 {
			return 0
		}
	}
	for _, b := range slices.Sorted(maps.Keys(h.above)) {
		last = middle(b)
		if rank -= h.above[b]; rank < 0 {
			return last
		}
	}
	return last
}
