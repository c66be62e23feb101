// Command generate writes lines for benchmarks: access log lines, JSON documents, or a mix
// of lines for several patterns and for none. The same seed gives the same bytes.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

func main() {
	kind := flag.String("kind", "access", "access, json or mixed")
	lines := flag.Int("lines", 1_000_000, "number of lines")
	seed := flag.Uint64("seed", 1, "seed of the random numbers")
	flag.Parse()
	if err := generate(os.Stdout, *kind, *lines, *seed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(w io.Writer, kind string, lines int, seed uint64) error {
	g := generator{rand.New(rand.NewPCG(seed, seed))}
	makers := map[string]func([]byte) []byte{"access": g.access, "json": g.json, "mixed": g.mixed}
	add, ok := makers[kind]
	if !ok {
		return fmt.Errorf("kind must be access, json or mixed, got %q", kind)
	}
	out := bufio.NewWriterSize(w, 1<<20)
	var line []byte
	for range lines {
		line = append(add(line[:0]), '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// generator makes lines. Each of its methods takes a buffer and appends one line to it,
// without the line ending.
type generator struct{ *rand.Rand }

// access appends a line of about 200 bytes that the first pattern of access.yml matches.
func (g generator) access(b []byte) []byte {
	b = fmt.Appendf(b, "%s - %s ", g.ip(), g.pick("-", "-", "-", "brian", "judith"))
	b = fmt.Appendf(b, "[%02d/%s/2015:%s +0200] ", g.between(1, 28), g.pick("Jan", "Jun", "Oct"), g.clock())
	b = fmt.Appendf(b, `"%s /`, g.pick("GET", "GET", "POST", "HEAD"))
	b = g.words(b, 11)
	b = fmt.Appendf(b, "?page=%d&q=", g.IntN(100))
	b = g.words(b, 4)
	return fmt.Appendf(b, ` HTTP/1.1" %s %d`, g.pick("200", "200", "200", "304", "404", "500"), g.between(100, 100_000))
}

// json appends a nested document of 400 to 600 bytes.
func (g generator) json(b []byte) []byte {
	b = fmt.Appendf(b, `{"timestamp":"2015-%02d-%02dT%s.%03dZ",`, g.between(1, 12), g.between(1, 28), g.clock(), g.IntN(1000))
	b = fmt.Appendf(b, `"host":"web%d.example.com","level":"%s",`, g.IntN(20), g.pick("info", "warn", "error"))
	b = fmt.Appendf(b, `"request":{"method":"%s","uri":"/`, g.pick("GET", "POST"))
	b = g.words(b, 4)
	b = fmt.Appendf(b, `","headers":{"accept":"text/html","user-agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/%d.0"},`, g.between(30, 90))
	b = fmt.Appendf(b, `"client":{"ip":"%s","port":%d}},`, g.ip(), g.between(1024, 65_535))
	b = fmt.Appendf(b, `"response":{"status":%s,"bytes":%d,"time":0.%03d,"cached":%t},`, g.pick("200", "304", "404"), g.IntN(100_000), g.IntN(1000), g.IntN(2) == 0)
	b = fmt.Appendf(b, `"spans":[%d,-%d,%d.5,[]],"tags":["web","prod","caf\u00e9"],`, g.IntN(1000), g.IntN(1000), g.IntN(1000))
	b = append(b, `"message":"it\u0027s \"`...)
	b = g.words(b, 3)
	b = append(b, `\"\n\ud834\udd1e","trace":null,"secret":"`...)
	b = g.words(b, 2)
	return append(b, `"}`...)
}

// mixed appends an access line six times out of ten, a line of a packet filter twice, and
// another line of syslog twice.
func (g generator) mixed(b []byte) []byte {
	switch n := g.IntN(10); {
	case n < 6:
		return g.access(b)
	case n < 8:
		return g.iptables(b)
	}
	return g.syslog(b)
}

// iptables appends a line that the third pattern of mixed.yml matches.
func (g generator) iptables(b []byte) []byte {
	b = fmt.Appendf(b, "<%d>Jun %2d %s fw-%02d kernel: [%d.%06d] iptables %s : IN=eth%d OUT=%s ",
		g.IntN(192), g.between(1, 28), g.clock(), g.IntN(9), g.IntN(100_000), g.IntN(1_000_000), g.pick("DROP", "ACCEPT", "REJECT in"), g.IntN(3), g.pick("", "eth0", "ppp0"))
	b = fmt.Appendf(b, "SRC=%s DST=%s LEN=%d TOS=0x00 PREC=0x00 TTL=%d ID=%d DF ", g.ip(), g.ip(), g.between(40, 1500), g.between(30, 64), g.IntN(65_536))
	return fmt.Appendf(b, "PROTO=TCP SPT=%d DPT=%d WINDOW=%d RES=0x00 SYN URGP=0", g.between(1024, 65_535), g.between(1, 1023), g.IntN(65_536))
}

func (g generator) syslog(b []byte) []byte {
	b = fmt.Appendf(b, "<%d>Jun %2d %s host%d kernel: ", g.IntN(192), g.between(1, 28), g.clock(), g.IntN(9))
	return g.words(b, 5)
}

// words appends n short words with slashes between them.
func (g generator) words(b []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			b = append(b, '/')
		}
		for range g.between(4, 9) {
			b = append(b, 'a'+byte(g.IntN(26)))
		}
	}
	return b
}

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) between(low, high int) int { return low + g.IntN(high-low+1) }

func (g generator) ip() string {
	return fmt.Sprintf("%d.%d.%d.%d", g.between(1, 223), g.IntN(256), g.IntN(256), g.between(1, 254))
}

func (g generator) clock() string {
	return fmt.Sprintf("%02d:%02d:%02d", g.IntN(24), g.IntN(60), g.IntN(60))
}
