package nmapscanner

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// defaultArguments are those of the second scan, see NMAP-3 for its -F.
const defaultArguments = "-O -F --osscan-limit"

// Options of the NmapScanner module.
type Options struct {
	Network       string        `opt:"network" required:"true" doc:"Network or host: an address, a name, or a range as nmap knows it, such as 192.168.2.0 or 10.0.0-3.1-254."`
	Netmask       string        `opt:"netmask" doc:"Length of the network's prefix with a slash, which is appended to network. Empty for a single host or a range. The default is left out where network has a prefix already."`
	Ports         string        `opt:"ports" null:"true" kinds:"integer" doc:"Ports to scan as nmap writes them, such as 22,80-90 or U:53,T:21-25. The default are those of arguments."`
	Arguments     string        `opt:"arguments" doc:"Arguments of nmap for the scan of a host, with quotes as in a shell."`
	Interval      time.Duration `opt:"interval" min:"10ms" doc:"Time in seconds between the end of one run and the start of the next."`
	Path          string        `opt:"nmap_path" doc:"Path of nmap, or its name if it is in the search path."`
	Timeout       time.Duration `opt:"scan_timeout_in_secs" min:"0s" doc:"Longest time in seconds for a run, that is for all hosts together; nmap is killed then and the remaining hosts are left out. 0 is no limit."`
	ParallelHosts int           `opt:"parallel_hosts" min:"1" max:"256" doc:"Number of hosts that are scanned at the same time, each by an nmap of its own."`
	Exclude       []string      `opt:"exclude" null:"true" doc:"Hosts and networks to leave out."`

	Given option.Given
}

// Reads names nmap.
func (o *Options) Reads() []actor.File {
	return []actor.File{{Option: "nmap_path", Path: o.Path, Executable: true}}
}

// Validate checks whether the command lines for nmap can be made.
func (o *Options) Validate() error {
	_, err := o.plan()
	return err
}

// plan holds the command lines of a run, without those arguments that are always there.
type plan struct {
	target    string
	zone      string // of link-local IPv6 addresses, which nmap leaves out of its report
	discovery []string
	scan      []string
}

// host is the command line for one host.
func (p plan) host(a netip.Addr) []string {
	args := slices.Clone(p.scan)
	if a.Is6() && !slices.Contains(args, "-6") {
		args = append(args, "-6")
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(p.zone)
	}
	return append(args, "--", a.String()+"/"+strconv.Itoa(a.BitLen()))
}

var (
	networkText = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9_.*,%-]*(?:/[0-9]{1,3})?$|^[0-9A-Fa-f:][0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?(?:/[0-9]{1,3})?$`)
	netmaskText = regexp.MustCompile(`^(?:/[0-9]{1,3})?$`)
	portsText   = regexp.MustCompile(`^[A-Za-z0-9:,*?_\[\]-]+$`)
)

func fault(name string, code option.Code, format string, args ...any) error {
	return &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)}
}

// plan makes the command lines.
func (o *Options) plan() (plan, error) {
	args, errArguments := o.arguments()
	p := plan{target: o.Network + o.netmask()}
	_, p.zone, _ = strings.Cut(o.Network, "%")
	p.zone, _, _ = strings.Cut(p.zone, "/")
	errs := []error{errArguments, o.checkTarget(p.target), o.checkExclude()}
	if o.Path == "" {
		errs = append(errs, fault("nmap_path", option.NotAllowed, "must not be empty"))
	}
	v6 := strings.Contains(o.Network, ":")
	if _, err := netip.ParseAddr(o.Network); err == nil && !v6 && slices.Contains(args, "-6") {
		errs = append(errs, fault("arguments", option.Contradiction, "-6 does not fit the IPv4 network %s", o.Network))
	}
	if v6 && !slices.Contains(args, "-6") {
		args = append([]string{"-6"}, args...)
	}
	p.scan = args
	p.discovery = []string{"-sn"}
	for _, a := range args { // these decide whether nmap works at all, not how it scans
		if a == "-6" || a == "--privileged" || a == "--unprivileged" {
			p.discovery = append(p.discovery, a)
		}
	}
	if len(o.Exclude) > 0 {
		p.discovery = append(p.discovery, "--exclude="+strings.Join(o.Exclude, ","))
	}
	p.discovery = append(p.discovery, "--", p.target)
	return p, errors.Join(errs...)
}

// netmask is what is appended to network.
func (o *Options) netmask() string {
	if strings.Contains(o.Network, "/") && !o.Given["netmask"] {
		return ""
	}
	return o.Netmask
}

func (o *Options) checkTarget(target string) error {
	if o.Network == "" {
		if !o.Given["network"] {
			return nil // the tag says so
		}
		return fault("network", option.NotAllowed, "must not be empty")
	}
	if !networkText.MatchString(o.Network) {
		return fault("network", option.NotAllowed, "must be one address, name or range, got %q; several networks need several modules", o.Network)
	}
	if !netmaskText.MatchString(o.Netmask) {
		return fault("netmask", option.NotAllowed, "must be a slash and a number, as in /24, or empty, got %q", o.Netmask)
	}
	v6 := strings.Contains(o.Network, ":")
	if v6 && !strings.Contains(o.Network, "/") && !o.Given["netmask"] {
		return fault("netmask", option.Required, "required option is missing: an IPv6 network needs one of its own, as in /120")
	}
	_, bits, found := strings.Cut(target, "/")
	if !found {
		return nil
	}
	if strings.Contains(bits, "/") {
		return fault("netmask", option.Contradiction, "cannot be set together with a network that has a prefix, got %q", target)
	}
	most := 32
	if v6 {
		most = 128
	}
	if n, _ := strconv.Atoi(bits); n > most && (v6 || isIPv4(o.Network)) {
		return fault("netmask", option.OutOfRange, "must be from /0 to /%d, got /%s", most, bits)
	}
	return nil
}

func isIPv4(network string) bool {
	address, _, _ := strings.Cut(network, "/")
	a, err := netip.ParseAddr(address)
	return err == nil && a.Is4()
}

func (o *Options) checkExclude() error {
	var errs []error
	for _, host := range o.Exclude {
		if !networkText.MatchString(host) || strings.Contains(host, ",") {
			errs = append(errs, fault("exclude", option.NotAllowed, "must be a list of addresses, names, networks and ranges, got %q", host))
		}
	}
	return errors.Join(errs...)
}

// arguments are those for the scan of a host, with the ports.
func (o *Options) arguments() ([]string, error) {
	words, err := split(o.Arguments)
	if err != nil {
		return nil, fault("arguments", option.NotAllowed, "%s, got %q", err, o.Arguments)
	}
	if err := checkArguments(words); err != nil {
		return nil, err
	}
	if o.Ports == "" {
		return words, nil
	}
	if !portsText.MatchString(o.Ports) {
		return nil, fault("ports", option.NotAllowed, "must be ports as nmap writes them, as in 22,80-90, got %q", o.Ports)
	}
	if o.Arguments == defaultArguments {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "-F" })
	}
	for _, w := range words {
		if w == "-F" || strings.HasPrefix(w, "-p") || strings.HasPrefix(w, "--top-ports") || strings.HasPrefix(w, "--port-ratio") {
			return nil, fault("ports", option.Contradiction, "cannot be set together with %s in arguments, which selects ports as well", w)
		}
	}
	return append(words, "-p", o.Ports), nil
}
