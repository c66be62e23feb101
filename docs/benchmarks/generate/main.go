// Command generate writes lines for benchmarks: access log lines, JSON documents, or a mix
// of what a log shipper meets. The same seed gives the same lines.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
)

func main() {
	kind := flag.String("kind", "access", "access, json or mixed")
	lines := flag.Int("lines", 1_000_000, "number of lines")
	seed := flag.Uint64("seed", 1, "seed of the random numbers")
	flag.Parse()
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	if err := generate(out, *kind, *lines, *seed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(w io.Writer, kind string, lines int, seed uint64) error {
	g := &generator{rand.New(rand.NewPCG(seed, seed))}
	makers := map[string]func() string{"access": g.access, "json": g.json, "mixed": g.mixed}
	line, ok := makers[kind]
	if !ok {
		return fmt.Errorf("kind must be access, json or mixed, got %q", kind)
	}
	for range lines {
		if _, err := io.WriteString(w, line()+"\n"); err != nil {
			return err
		}
	}
	return nil
}

type generator struct{ *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) words(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte('/')
		}
		for range 4 + g.IntN(6) {
			b.WriteByte(letters[g.IntN(len(letters))])
		}
	}
	return b.String()
}

func (g *generator) ip() string {
	return fmt.Sprintf("%d.%d.%d.%d", 1+g.IntN(223), g.IntN(256), g.IntN(256), 1+g.IntN(254))
}

// access is a line of about 200 bytes that the README's first pattern matches.
func (g *generator) access() string {
	return fmt.Sprintf(`%s - %s [%02d/%s/2015:%02d:%02d:%02d +0200] "%s /%s?%s=%s HTTP/1.1" %s %d`,
		g.ip(), g.pick("-", "-", "-", "brian", "judith"), 1+g.IntN(28), g.pick("Jan", "Jun", "Oct"), g.IntN(24), g.IntN(60), g.IntN(60),
		g.pick("GET", "GET", "POST", "HEAD"), g.words(9), g.words(1), g.words(4), g.pick("200", "200", "200", "304", "404", "500"), 100+g.IntN(100_000))
}

// json is a nested document of about 500 bytes.
func (g *generator) json() string {
	return fmt.Sprintf(`{"timestamp":"2015-%02d-%02dT%02d:%02d:%02d.%03dZ","host":"web%d.example.com","level":"%s","request":{"method":"%s","uri":"/%s","headers":{"accept":"text/html","user-agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/%d.0","referer":"http://example.com/%s"},"client":{"ip":"%s","port":%d}},"response":{"status":%s,"bytes":%d,"time":0.%03d,"cached":%s},"tags":["web","%s","prod"],"message":"it\u0027s \"%s\"\n","trace":null,"secret":"%s"}`,
		1+g.IntN(12), 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60), g.IntN(1000), g.IntN(20), g.pick("info", "warn", "error"), g.pick("GET", "POST"), g.words(4),
		30+g.IntN(60), g.words(2), g.ip(), 1024+g.IntN(60_000), g.pick("200", "304", "404"), g.IntN(100_000), g.IntN(1000), g.pick("true", "false"), g.words(1), g.words(3), g.words(2))
}

// mixed is mostly access lines, some of syslog, and some that are not even text.
func (g *generator) mixed() string {
	switch n := g.IntN(10); {
	case n < 7:
		return g.access()
	case n < 9:
		return fmt.Sprintf("<%d>Jun %2d %02d:%02d:%02d host%d kernel: %s", g.IntN(192), 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60), g.IntN(9), g.words(5))
	}
	b := make([]byte, 20+g.IntN(200))
	for i := range b {
		if b[i] = byte(g.IntN(256)); b[i] == '\n' {
			b[i] = ' '
		}
	}
	return string(b)
}
