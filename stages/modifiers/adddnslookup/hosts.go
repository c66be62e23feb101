package adddnslookup

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"gambolputty/actor"
)

// hosts is a file of addresses and names.
type hosts struct {
	path string

	mu        sync.Mutex
	looked    time.Time // at the file
	changed   time.Time // says the file
	addresses map[string][]netip.Addr
	names     map[netip.Addr][]string
}

const (
	// lookEvery is the time between two looks whether the file has changed.
	lookEvery = 5 * time.Second
	// maxHostsLine bounds a line, in bytes.
	maxHostsLine = 64 << 10
)

func openHosts(path string) (*hosts, error) {
	h := &hosts{path: path}
	return h, h.read()
}

// read reads the file.
func (h *hosts) read() error {
	f, err := os.Open(h.path)
	if err != nil {
		return fmt.Errorf("read hosts_file: %w", err)
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read hosts_file: %w", err)
	}
	addresses, names := map[string][]netip.Addr{}, map[netip.Addr][]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxHostsLine)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		a = a.WithZone("").Unmap()
		for _, name := range fields[1:] {
			name = strings.TrimSuffix(name, ".")
			names[a] = append(names[a], name)
			name = strings.ToLower(name)
			addresses[name] = append(addresses[name], a)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read hosts_file: %w", err)
	}
	h.looked, h.changed, h.addresses, h.names = time.Now(), info.ModTime(), addresses, names
	return nil
}

// find answers a question, nil if the file knows nothing about it.
func (h *hosts) find(q question, env actor.Env) (values []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh(env)
	if q.types[0] == dns.TypePTR {
		a, err := netip.ParseAddr(q.key)
		if err != nil {
			return nil
		}
		return h.names[a.WithZone("").Unmap()]
	}
	for _, t := range q.types {
		for _, a := range h.addresses[strings.ToLower(strings.TrimSuffix(q.name, "."))] {
			if a.Is4() && t == dns.TypeA || a.Is6() && t == dns.TypeAAAA {
				values = append(values, a.String())
			}
		}
	}
	return slices.Clip(values)
}

// refresh reads the file again if it has changed. One that cannot be read leaves all as it
// was.
func (h *hosts) refresh(env actor.Env) {
	if time.Since(h.looked) < lookEvery {
		return
	}
	h.looked = time.Now()
	info, err := os.Stat(h.path)
	if err == nil && info.ModTime().Equal(h.changed) {
		return
	}
	if err == nil {
		err = h.read()
	}
	if err != nil {
		env.Warn("hosts_file cannot be read again", "hosts_file", h.path, "error", err)
	}
}
