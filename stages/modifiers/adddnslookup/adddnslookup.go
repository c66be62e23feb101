// Package adddnslookup looks names and addresses up in the Domain Name System.
package adddnslookup

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

//go:embed adddnslookup.md
var doc string

// Spec is the AddDnsLookup module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "AddDnsLookup",
	Aliases:  []string{"modifier.AddDnsLookup"},
	Role:     actor.Modifier,
	Summary:  "Resolves a host name to an address, or an address to a name.",
	Doc:      doc,
	Parallel: true,
	Workers:  3,
	Example: `- AddDnsLookup:
    action: reverse
    source_field: remote_ip
    target_field: remote_host
`,
}, Options{
	Action: resolve, Timeout: time.Second, CacheSize: 5000, CacheTTL: 300 * time.Second, NegativeTTL: 30 * time.Second, RecordType: "A",
}, New)

// The directions.
const (
	resolve = "resolve"
	reverse = "reverse"
)

// Options of the AddDnsLookup module.
type Options struct {
	Given       option.Given
	Action      string        `opt:"action" enum:"resolve|reverse" doc:"Whether the source is a name or an address."`
	SourceField event.Path    `opt:"source_field" required:"true" doc:"Field with the name or the address, or with a list of them."`
	TargetField event.Path    `opt:"target_field" null:"true" doc:"Field for the result, instead of the source."`
	Nameservers servers       `opt:"nameservers" doc:"Addresses of the servers to ask, each with a port if it is not 53. The default is those of the system."`
	Timeout     time.Duration `opt:"timeout" min:"1ms" doc:"Longest time for one lookup in all, in seconds."`
	CacheSize   int           `opt:"cache_size" min:"1" doc:"Answers to remember."`
	CacheTTL    time.Duration `opt:"cache_ttl" min:"0s" doc:"Longest time to remember an answer, in seconds; the record may say less."`
	NegativeTTL time.Duration `opt:"negative_cache_ttl" min:"0s" doc:"How long to remember that there was no answer, in seconds."`
	RecordType  string        `opt:"record_type" enum:"A|AAAA|ANY_IP|TXT|MX" doc:"What to look for with resolve. ANY_IP is an IPv4 address or, if there is none, an IPv6 address."`
	ReturnAll   bool          `opt:"return_all" doc:"Set a list of all records instead of the first one."`
	HostsFile   string        `opt:"hosts_file" null:"true" doc:"File with addresses and names such as /etc/hosts, which is asked first. It is read again when it changes."`
}

// Validate warns of what has no effect.
func (o *Options) Validate() error {
	if o.Action == reverse && o.Given["record_type"] {
		return &option.Fault{Code: "W105", Option: "record_type", Message: "has no effect with action: reverse"}
	}
	return nil
}

// Reads names the file of hosts.
func (o *Options) Reads() []actor.File {
	if o.HostsFile == "" {
		return nil
	}
	return []actor.File{{Option: "hosts_file", Path: o.HostsFile}}
}

// servers are the addresses of name servers with their ports.
type servers []string

// OptionType describes the option in tables.
func (*servers) OptionType() string { return "list of string" }

// DecodeOption reads one address or a list.
func (s *servers) DecodeOption(v *option.Value) error {
	if v.Kind == option.Null {
		return nil
	}
	items, ok := v.OneOrMore()
	if !ok {
		return v.Wrong("string or list")
	}
	var errs []error
	for _, item := range items {
		address, ok := serverAddress(item.Text)
		if !ok || item.Kind != option.String {
			errs = append(errs, item.Faultf(option.NotAllowed, "must be the address of a name server such as 192.0.2.1 or 192.0.2.1:53, got %s", item.Describe()))
			continue
		}
		*s = append(*s, address)
	}
	return errors.Join(errs...)
}

const dnsPort = 53

func serverAddress(s string) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return net.JoinHostPort(a.String(), strconv.Itoa(dnsPort)), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() > 0 {
		return ap.String(), true
	}
	return "", false
}

// New makes an AddDnsLookup.
func New(env actor.Env, o Options) (actor.Processor, error) {
	m := &modifier{env: env, opts: o}
	type shared struct {
		*resolver
		slots chan struct{}
		err   error
	}
	s := actor.Shared(env, func() *shared {
		s := &shared{slots: make(chan struct{}, max(1, env.Workers))}
		if !env.CheckOnly {
			s.resolver, s.err = newResolver(env, o)
		}
		return s
	})
	if s.err != nil {
		return nil, fmt.Errorf("prepare lookups: %w", s.err)
	}
	m.resolver, m.slots = s.resolver, s.slots
	if m.target = o.TargetField; m.target.IsZero() {
		m.target = o.SourceField
	}
	return m, nil
}

// Outside says that every event may be a question.
func (o *Options) Outside() string { return "name servers" }
