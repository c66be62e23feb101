package addgeoinfo

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/oschwald/maxminddb-golang/v2"

	"gambolputty/actor/event"
)

//go:embed dbip-country.mmdb.zst
var builtinData []byte

// maxLegacy bounds old databases, which are read into memory.
const maxLegacy = 512 << 20

// database is an open database of any kind.
type database interface {
	lookup(ip netip.Addr) (*place, bool)
}

// builtin opens the database that comes with the program. It is unpacked once.
var builtin = sync.OnceValues(func() (database, error) {
	z, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	data, err := z.DecodeAll(builtinData, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack the built-in database: %w", err)
	}
	r, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("open the built-in database: %w", err)
	}
	return &mmdb{r, nil}, nil
})

// openFile opens a database, whose kind is seen from its content.
func openFile(path string, languages []string) (database, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	r, err := maxminddb.Open(path)
	if err == nil {
		return &mmdb{r, languages}, nil
	}
	if info.Size() > maxLegacy {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	data, readErr := os.ReadFile(path)
	if readErr != nil {
		return nil, readErr
	}
	l, err := newLegacy(data)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return l, nil
}

// mmdb is a database in the format of MaxMind, of whatever vendor.
type mmdb struct {
	reader    *maxminddb.Reader
	languages []string
}

func (m *mmdb) lookup(ip netip.Addr) (*place, bool) {
	r := m.reader.Lookup(ip)
	if !r.Found() {
		return nil, false
	}
	var raw map[string]any
	if err := r.Decode(&raw); err != nil || len(raw) == 0 {
		return nil, false
	}
	p := &place{raw: raw}
	if code, ok := raw["country_code"].(string); ok {
		p.flat(raw, code)
	} else {
		p.nested(raw, m.languages)
	}
	if n, ok := integer(raw["autonomous_system_number"]); ok {
		p.asNumber = n
	}
	p.asOrganization = text(raw["autonomous_system_organization"])
	return p, true
}

// flat reads the layout of DB-IP and ip-location-db.
func (p *place) flat(raw map[string]any, code string) {
	p.country, p.city, p.postal, p.zone = code, text(raw["city"]), text(raw["postcode"]), text(raw["timezone"])
	p.region, p.regionName = text(raw["state1"]), text(raw["state1"])
	p.latitude, p.longitude = number(raw["latitude"]), number(raw["longitude"])
}

// nested reads the layout of MaxMind.
func (p *place) nested(raw map[string]any, languages []string) {
	countryOf := below(raw, "country")
	if len(countryOf) == 0 {
		countryOf = below(raw, "registered_country")
	}
	p.country, p.countryName = text(countryOf["iso_code"]), named(countryOf, languages)
	p.continent, p.continentName = text(below(raw, "continent")["code"]), named(below(raw, "continent"), languages)
	p.city, p.postal = named(below(raw, "city"), languages), text(below(raw, "postal")["code"])
	location := below(raw, "location")
	p.zone, p.latitude, p.longitude = text(location["time_zone"]), number(location["latitude"]), number(location["longitude"])
	if n, ok := integer(location["metro_code"]); ok {
		p.metro = int(n)
	}
	if list, ok := raw["subdivisions"].([]any); ok && len(list) > 0 {
		last, _ := list[len(list)-1].(map[string]any) // the most specific one
		p.region, p.regionName = text(last["iso_code"]), named(last, languages)
	}
}

func below(raw map[string]any, key string) map[string]any {
	m, _ := raw[key].(map[string]any)
	return m
}

// named returns the name in the first language that there is one for.
func named(raw map[string]any, languages []string) string {
	names := below(raw, "names")
	for _, l := range languages {
		if s := text(names[l]); s != "" {
			return s
		}
	}
	return text(names["en"])
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case uint64:
		return int64(n), true
	case int:
		return int64(n), true
	case uint32:
		return int64(n), true
	case uint16:
		return int64(n), true
	}
	return 0, false
}

// number makes a value of a number in a database. Those of a single precision are written
// as short as that allows, not as long as a double would.
func number(v any) event.Value {
	switch n := v.(type) {
	case float64:
		return event.Float(n)
	case float32:
		d, ok := event.Number(fmt.Sprint(n))
		if ok {
			return d
		}
	case string:
		if d, ok := event.Number(n); ok {
			return d
		}
	}
	if n, ok := integer(v); ok {
		return event.Float(float64(n))
	}
	return event.Null
}

// valueOf makes a value of anything in a record.
func valueOf(v any) event.Value {
	switch x := v.(type) {
	case string:
		return event.String(x)
	case bool:
		return event.Bool(x)
	case []any:
		items := make([]event.Value, len(x))
		for i := range x {
			items[i] = valueOf(x[i])
		}
		return event.ListOf(items...)
	case map[string]any:
		m := event.NewMap(len(x))
		for k, item := range x {
			m.Set(event.Intern(k), valueOf(item))
		}
		return event.MapOf(m)
	}
	if n, ok := integer(v); ok {
		return event.Int(n)
	}
	return number(v)
}

// find returns what a path such as location.accuracy_radius means in a record.
func find(raw any, path string) event.Value {
	for key := range strings.SplitSeq(path, ".") {
		m, ok := raw.(map[string]any)
		if !ok {
			return event.Null
		}
		raw = m[key]
	}
	if raw == nil {
		return event.Null
	}
	return valueOf(raw)
}

// source is a database file that is opened anew when it changes. All workers share it.
type source struct {
	path      string
	languages []string
	every     time.Duration

	mu      sync.Mutex
	current database
	changed time.Time // of the file that is open
	checked time.Time
}

// get returns the database. A file that cannot be opened any more leaves the old one.
func (s *source) get(now time.Time) (db database, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.every <= 0 || now.Sub(s.checked) < s.every {
		return s.current, nil
	}
	s.checked = now
	info, err := os.Stat(s.path)
	if err != nil || info.ModTime().Equal(s.changed) {
		return s.current, nil
	}
	fresh, err := openFile(s.path, s.languages)
	if err != nil {
		return s.current, err
	}
	s.current, s.changed = fresh, info.ModTime()
	return fresh, nil
}

// open opens the file for the first time. missing is set if there is none.
func (s *source) open(now time.Time) (missing bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return false, nil
	}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	if err != nil {
		return false, err
	}
	s.current, err = openFile(s.path, s.languages)
	s.changed, s.checked = info.ModTime(), now
	return false, err
}
