// Package addgeoinfo adds where in the world an address is.
package addgeoinfo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

//go:embed addgeoinfo.md
var doc string

// Spec is the AddGeoInfo module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "AddGeoInfo",
	Aliases:  []string{"modifier.AddGeoInfo"},
	Role:     actor.Modifier,
	Summary:  "Adds country, city and position of an IP address.",
	Doc:      doc,
	Parallel: true,
	Example: `- AddGeoInfo:
    source_fields: [x_forwarded_for, remote_ip]
    geo_info_fields: [latitude, longitude, country_code]
`,
}, Options{
	SourceFields: []event.Path{event.MustPath("x_forwarded_for"), event.MustPath("remote_ip")},
	Locals:       []string{"en"},
	Mode:         "MODE_AUTO",
	OnMissing:    "builtin",
	CacheSize:    1000,
	Reload:       5 * time.Minute,
}, New)

// Options of the AddGeoInfo module.
type Options struct {
	Database     string            `opt:"geoip_dat_path" null:"true" doc:"Database file; without it the built-in country database is used."`
	Fields       []string          `opt:"geo_info_fields" null:"true" doc:"Fields to set; without it, the usual ones."`
	LaterFields  []string          `opt:"maxmind_info_fields" null:"true" doc:"Fields to set, with the meanings of the later version of the former program."`
	SourceFields []event.Path      `opt:"source_fields" old:"source_field" doc:"Fields with addresses, in the order of preference."`
	TargetField  event.Path        `opt:"target_field" null:"true" doc:"Field for a map with the result; without it, the top level of the event."`
	ASN          string            `opt:"asn_dat_path" null:"true" doc:"Database of autonomous systems."`
	Locals       []string          `opt:"maxmind_locals" doc:"Languages of names, in the order of preference."`
	Mode         string            `opt:"maxmind_mode" enum:"MODE_MMAP_EXT|MODE_MMAP|MODE_FILE|MODE_MEMORY|MODE_AUTO" doc:"Taken for old configurations; files are always mapped into memory."`
	OnMissing    string            `opt:"on_missing_database" enum:"builtin|fail" doc:"What to do when the database file does not exist."`
	Hostnames    bool              `opt:"resolve_hostnames" doc:"Look up names that are no address in the DNS."`
	TagOnMiss    string            `opt:"tag_on_miss" null:"true" doc:"Tag for events without a result."`
	PrivateValue string            `opt:"private_ip_value" null:"true" doc:"Text for country_code, country_name and city of addresses that are private, such as 10.0.0.1, if no other field has a result."`
	CacheSize    int               `opt:"cache_size" min:"1" doc:"Results to remember."`
	CustomFields map[string]string `opt:"custom_fields" doc:"Further fields by their path in the record of the database, as in radius: location.accuracy_radius."`
	Reload       time.Duration     `opt:"reload_interval_in_secs" min:"0s" doc:"How often to look whether the file has changed; 0 never does."`
	ECS          bool              `opt:"ecs" doc:"Name the fields as the Elastic Common Schema does, in a map geo."`
}

// Validate checks the names of fields.
func (o *Options) Validate() error {
	return errors.Join(check("geo_info_fields", o.Fields), check("maxmind_info_fields", o.LaterFields))
}

func check(name string, fields []string) error {
	var errs []error
	for _, f := range fields {
		if slices.Contains(fieldNames, f) {
			continue
		}
		fault := &option.Fault{Code: option.NotAllowed, Option: name, Message: fmt.Sprintf("must be of %s, got %q", strings.Join(fieldNames, ", "), f)}
		if near := option.Nearest(f, fieldNames); near != "" {
			fault.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		errs = append(errs, fault)
	}
	return errors.Join(errs...)
}

// Reads names the database files.
func (o *Options) Reads() []actor.File {
	var files []actor.File
	for name, path := range map[string]string{"geoip_dat_path": o.Database, "asn_dat_path": o.ASN} {
		if path != "" {
			files = append(files, actor.File{Option: name, Path: path})
		}
	}
	return files
}

// sources are shared by all workers.
type sources struct{ places, systems *source }

type modifier struct {
	env     actor.Env
	opts    Options
	sources *sources
	builtin database
	places  database
	systems database
	cache   *lru.Cache[netip.Addr, []event.Field]
	names   []string
	custom  []string // keys of CustomFields in order
	inside  []event.Field
	private bool // the event has an address that is not public
}

// New makes an AddGeoInfo and opens its databases.
func New(env actor.Env, o Options) (actor.Processor, error) {
	m := &modifier{env: env, opts: o}
	m.sources = actor.Shared(env, func() *sources {
		return &sources{
			places:  &source{path: o.Database, languages: o.Locals, every: o.Reload},
			systems: &source{path: o.ASN, languages: o.Locals, every: o.Reload},
		}
	})
	switch {
	case len(o.LaterFields) > 0:
		m.names = o.LaterFields
	case len(o.Fields) > 0:
		m.names = o.Fields
	default:
		m.names = usualFields
		if o.ASN != "" {
			m.names = append(slices.Clone(usualFields), "autonomous_system_number", "autonomous_system_organization")
		}
	}
	for name := range o.CustomFields {
		m.custom = append(m.custom, name)
	}
	slices.Sort(m.custom)
	value := o.PrivateValue
	m.inside = m.fields(&place{country: value, countryName: value, city: value})
	var err error
	if m.cache, err = lru.New[netip.Addr, []event.Field](o.CacheSize); err != nil {
		return nil, err
	}
	return m, nil
}

// Open opens the databases. One that does not exist is replaced by the built-in one, as
// far as that goes.
func (m *modifier) Open(context.Context) error { return m.open() }

func (m *modifier) open() error {
	now := time.Now()
	if m.opts.Database != "" {
		missing, err := m.sources.places.open(now)
		switch {
		case missing && m.opts.OnMissing == "builtin":
			if m.env.Worker == 0 {
				m.env.Log.Warn("database does not exist, the built-in one is used, which knows countries only: no cities, regions, postal codes or exact positions", "geoip_dat_path", m.opts.Database)
			}
		case err != nil:
			return fmt.Errorf("geoip_dat_path: %w", err)
		}
	}
	if m.opts.ASN != "" {
		if _, err := m.sources.systems.open(now); err != nil {
			return fmt.Errorf("asn_dat_path: %w", err)
		}
	}
	if m.sources.places.current == nil {
		db, err := builtin()
		if err != nil {
			return err
		}
		m.builtin = db
	}
	return nil
}

// Process adds fields to the events.
func (m *modifier) Process(ctx context.Context, b *actor.Batch) error {
	if m.builtin == nil && m.sources.places.current == nil { // a dry run opens nothing
		if err := m.open(); err != nil {
			return err
		}
	}
	m.refresh()
	for e := range b.Each() {
		m.private = false
		if fields, ok := m.first(ctx, e); ok {
			m.set(e, fields)
		} else if m.private && m.opts.PrivateValue != "" {
			m.set(e, m.inside)
		} else if m.opts.TagOnMiss != "" {
			e.Tag(m.opts.TagOnMiss)
		}
	}
	return nil
}

// refresh takes databases that have changed on disk, and forgets what the old ones said.
func (m *modifier) refresh() {
	now := time.Now()
	for _, s := range []struct {
		from *source
		to   *database
	}{{m.sources.places, &m.places}, {m.sources.systems, &m.systems}} {
		db, err := s.from.get(now)
		if err != nil {
			m.env.Warn("database cannot be read any more, the old one stays", "path", s.from.path, "error", err)
		}
		if db != *s.to {
			*s.to = db
			m.cache.Purge()
		}
	}
	if m.places == nil {
		m.places = m.builtin
	}
}

// first returns the fields of the first address that gives a result.
func (m *modifier) first(ctx context.Context, e *event.Event) ([]event.Field, bool) {
	for _, p := range m.opts.SourceFields {
		v, ok := e.Get(p)
		if !ok {
			continue
		}
		if v.Kind() != event.KindList {
			if fields, ok := m.ofText(ctx, v.Str()); ok {
				return fields, true
			}
			continue
		}
		for i := range v.List().Len() {
			if fields, ok := m.ofText(ctx, v.List().At(i).Str()); ok {
				return fields, true
			}
		}
	}
	return nil, false
}

// ofText looks up an address, or the first of several with commas in between.
func (m *modifier) ofText(ctx context.Context, s string) ([]event.Field, bool) {
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" || part == "-" {
			continue
		}
		ip, ok := address(part)
		if !ok && m.opts.Hostnames {
			ip, ok = resolve(ctx, part)
		}
		if !ok {
			continue
		}
		if fields, ok := m.of(ip); ok {
			return fields, true
		}
	}
	return nil, false
}

// address reads an address, with or without a port.
func address(s string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return ip.Unmap().WithZone(""), err == nil
}

// resolveTime bounds a look-up in the DNS.
const resolveTime = time.Second

func resolve(ctx context.Context, host string) (netip.Addr, bool) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(list) == 0 {
		return netip.Addr{}, false
	}
	return list[0].Unmap(), true
}

// of returns the fields of an address.
func (m *modifier) of(ip netip.Addr) ([]event.Field, bool) {
	if ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		m.private = true
		return nil, false
	}
	if fields, ok := m.cache.Get(ip); ok {
		return fields, len(fields) > 0
	}
	p, ok := m.places.lookup(ip)
	if !ok {
		p = &place{}
	}
	if m.systems != nil {
		if as, found := m.systems.lookup(ip); found {
			p.asNumber, p.asOrganization = as.asNumber, as.asOrganization
			ok = true
		}
	}
	var fields []event.Field
	if ok {
		p.complete()
		fields = m.fields(p)
	}
	m.cache.Add(ip, fields)
	return fields, len(fields) > 0
}

// fields are those that the options ask for.
func (m *modifier) fields(p *place) []event.Field {
	if m.opts.ECS {
		return []event.Field{{Key: event.Intern("geo"), Value: p.ecs()}}
	}
	var list []event.Field
	add := func(name string, v event.Value) {
		list = append(list, event.Field{Key: event.Intern(name), Value: v})
	}
	for _, name := range m.names {
		add(name, p.value(name, len(m.opts.LaterFields) > 0))
	}
	for _, name := range m.custom {
		add(name, find(p.raw, m.opts.CustomFields[name]))
	}
	if p.countryOnly && slices.ContainsFunc(m.names, func(n string) bool { return n == "latitude" || n == "longitude" || n == "longlat" }) {
		add("geo_accuracy", event.String("country"))
	}
	return list
}

// ecs is the geo object of the Elastic Common Schema.
func (p *place) ecs() event.Value {
	m := event.NewMap(8)
	set := func(name string, v event.Value) {
		if !v.IsNull() {
			m.Set(event.Intern(name), v)
		}
	}
	if !p.latitude.IsNull() {
		at := event.NewMap(2)
		at.Set(event.Intern("lat"), p.latitude)
		at.Set(event.Intern("lon"), p.longitude)
		set("location", event.MapOf(at))
	}
	set("country_iso_code", known(p.country))
	set("country_name", known(p.countryName))
	set("continent_code", known(p.continent))
	set("continent_name", known(p.continentName))
	set("city_name", known(p.city))
	set("region_iso_code", known(p.region))
	set("region_name", known(p.regionName))
	set("postal_code", known(p.postal))
	set("timezone", known(p.zone))
	return event.MapOf(m)
}

// apart returns a value that the event may change without the cached one changing.
func apart(v event.Value) event.Value {
	if k := v.Kind(); k == event.KindList || k == event.KindMap {
		return v.Clone()
	}
	return v
}

// set writes the fields. The cached ones are copied, as events may change what they hold.
func (m *modifier) set(e *event.Event, fields []event.Field) {
	if m.opts.TargetField.IsZero() {
		for _, f := range fields {
			e.SetField(f.Key, apart(f.Value))
		}
		return
	}
	copied := event.NewMap(len(fields))
	for _, f := range fields {
		copied.Set(f.Key, apart(f.Value))
	}
	if err := e.Set(m.opts.TargetField, event.MapOf(copied)); err != nil {
		m.env.Fault(e, m.opts.TargetField.String(), err)
	}
}
