package adddnslookup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/miekg/dns"
	"golang.org/x/net/idna"
	"golang.org/x/sync/singleflight"

	"gambolputty/actor"
)

// resolver answers questions from what it knows, or by asking servers. All workers share it.
type resolver struct {
	env   actor.Env
	opts  Options
	asker asker
	names func(name string) []string // the names to try for one
	hosts *hosts                     // nil without a file
	cache *lru.Cache[string, remembered]
	same  singleflight.Group
}

// remembered is an answer and how long it holds.
type remembered struct {
	answer
	until time.Time
}

// question is what to ask.
type question struct {
	key   string // the name or the address as it was given, cleaned up
	name  string // the name in the DNS
	types []uint16
}

var recordTypes = map[string][]uint16{
	"A": {dns.TypeA}, "AAAA": {dns.TypeAAAA}, "ANY_IP": {dns.TypeA, dns.TypeAAAA}, "TXT": {dns.TypeTXT}, "MX": {dns.TypeMX},
}

var reverseTypes = []uint16{dns.TypePTR}

// resolvConf tells the servers of the system.
const resolvConf = "/etc/resolv.conf"

func newResolver(env actor.Env, o Options) (*resolver, error) {
	r := &resolver{env: env, opts: o, asker: asker{servers: o.Nameservers, timeout: o.Timeout}, names: func(name string) []string { return []string{name} }}
	var err error
	if r.cache, err = lru.New[string, remembered](o.CacheSize); err != nil {
		return nil, err
	}
	if o.HostsFile != "" {
		if r.hosts, err = openHosts(o.HostsFile); err != nil {
			return nil, err
		}
	}
	if len(o.Nameservers) == 0 {
		r.asker.servers, r.names, err = system(resolvConf)
	}
	return r, err
}

var errNoServers = errors.New("it names none")

// system reads which servers the system uses, and which names it tries.
func system(path string) (servers []string, names func(string) []string, err error) {
	config, err := dns.ClientConfigFromFile(path)
	if err == nil {
		for _, s := range config.Servers {
			if full, ok := serverAddress(s); ok {
				servers = append(servers, full)
			}
		}
		if len(servers) == 0 {
			err = errNoServers
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the name servers of the system are not known, set nameservers: read %s: %w", path, err)
	}
	return servers, config.NameList, nil
}

// known answers what needs no server. If that is not possible it returns the question.
func (r *resolver) known(text string, a *answer) (q question, ok bool) {
	if e, hit := r.cache.Get(text); hit && time.Now().Before(e.until) {
		*a = e.answer
		r.env.Count("cache_hits", 1)
		return q, true
	}
	address, err := netip.ParseAddr(text)
	isAddress := err == nil
	switch {
	case isAddress && r.opts.Action == resolve:
		a.values = []string{strings.Clone(text)}
		return q, true
	case !isAddress && r.opts.Action == reverse:
		a.err = errNoAddress
		return q, true
	}
	q.key, q.types = strings.Clone(text), recordTypes[r.opts.RecordType]
	if r.opts.Action == reverse {
		q.types = reverseTypes
		if q.name, err = dns.ReverseAddr(address.Unmap().WithZone("").String()); err != nil {
			a.err = errNoAddress
			return q, true
		}
	} else if q.name, ok = hostName(text); !ok {
		a.err = errNoName
		return q, true
	}
	if r.hosts != nil {
		if a.values = r.hosts.find(q, r.env); a.values != nil {
			return q, true
		}
	}
	return q, false
}

// hostName returns a name as servers know it.
func hostName(text string) (string, bool) {
	name := text
	for _, c := range text {
		if c <= ' ' || c == 0x7f || c == '\\' {
			return "", false
		}
		if c > 0x7f {
			var err error
			if name, err = idna.Lookup.ToASCII(text); err != nil {
				return "", false
			}
			break
		}
	}
	if _, ok := dns.IsDomainName(name); !ok || strings.Trim(name, ".") == "" || len(name) > 253 {
		return "", false
	}
	return name, true
}

// lookUp asks, once for all who ask the same at the same time, and remembers the answer.
func (r *resolver) lookUp(ctx context.Context, q question) answer {
	v, _, _ := r.same.Do(q.key, func() (any, error) {
		start := time.Now()
		a, ttl := r.search(ctx, q)
		r.env.Count("lookups", 1)
		r.env.Count("lookup_micros", int(time.Since(start).Microseconds()))
		ttl = min(ttl, r.opts.CacheTTL)
		if a.err != nil {
			r.env.Count("failed_lookups", 1)
			ttl = r.opts.NegativeTTL
		}
		if ttl > 0 && ctx.Err() == nil {
			r.cache.Add(q.key, remembered{a, time.Now().Add(ttl)})
		}
		return a, nil
	})
	return v.(answer)
}

// search tries all names that may be meant, within the time for one lookup.
func (r *resolver) search(ctx context.Context, q question) (a answer, ttl time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	for _, name := range r.names(q.name) {
		a, ttl = r.all(ctx, dns.Fqdn(name), q.types)
		if !errors.Is(a.err, errNotFound) {
			break
		}
	}
	return a, ttl
}

// all asks for records of several types at the same time. What one of them lacks another
// may have.
func (r *resolver) all(ctx context.Context, name string, types []uint16) (a answer, ttl time.Duration) {
	answers, ttls := make([]answer, len(types)), make([]time.Duration, len(types))
	var all sync.WaitGroup
	for i, t := range types[1:] {
		all.Go(func() { answers[i+1], ttls[i+1] = r.asker.records(ctx, name, t) })
	}
	answers[0], ttls[0] = r.asker.records(ctx, name, types[0])
	all.Wait()
	for i, one := range answers {
		if one.err != nil {
			if a.err == nil || errors.Is(a.err, errNotFound) {
				a.err = one.err
			}
			continue
		}
		if len(a.values) == 0 || ttls[i] < ttl {
			ttl = ttls[i]
		}
		a.values = append(a.values, one.values...)
	}
	if len(a.values) > 0 {
		a.err = nil
	}
	return a, ttl
}
