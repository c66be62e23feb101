//go:build crash

package stages_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"gambolputty/actor/disklog"
)

// crashPlan is a pipeline made up at random: inputs that can repeat, modules that panic, and
// outputs, with or without buffers in between.
type crashPlan struct {
	t       *testing.T
	dir     string
	text    string
	events  []string
	counts  map[byte]int // events of each input
	redis   *miniredis.Miniredis
	buffers []string // directories
	salts   []int    // of the modules in front of the outputs
	outputs map[string]int
}

// noSalt is a salt that no event has.
const noSalt = 1000

func newCrashPlan(t *testing.T, random *rand.Rand) *crashPlan {
	p := &crashPlan{t: t, dir: t.TempDir(), counts: map[byte]int{}, outputs: map[string]int{}}
	var b strings.Builder
	fmt.Fprintf(&b, "- Global: {restart_max: 1000000, dead_letter: dead, workers: %d, ordered: %t}\n", 1+random.IntN(4), random.IntN(2) == 0)
	if random.IntN(2) == 0 {
		fmt.Fprintf(&b, "- EventBuffer: {path: %s, fsync: %s}\n", p.buffer(), policy(random))
	}
	middle := random.IntN(3)
	outputs := 1 + random.IntN(3)
	first := p.receivers(random, middle, outputs, 0)
	kinds := []byte("rfl")
	random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for _, kind := range kinds[:1+random.IntN(2)] {
		p.input(&b, random, kind, first)
		first = p.receivers(random, middle, outputs, 0) // an edge of its own
	}
	for i := range middle {
		salt := 10 + i
		p.salts = append(p.salts, salt)
		fmt.Fprintf(&b, "- Shaky:\n    id: middle%d\n    salt: %d\n    on_error: dead_letter\n    inbox_size: %d\n%s", i, salt, inboxes(random), p.receivers(random, middle, outputs, i+1))
	}
	for i := range outputs {
		name := fmt.Sprintf("out%d", i)
		if random.IntN(2) == 0 {
			p.outputs[name] = noSalt
			fmt.Fprintf(&b, "- FileSink: {id: %s, file_name: %s, store_interval_in_secs: 0, fsync: never, backlog_size: %d}\n", name, filepath.Join(p.dir, name), inboxes(random))
			continue
		}
		p.outputs[name] = 20 + i
		fmt.Fprintf(&b, "- Shelf: {id: %s, name: %s, salt: %d, inbox_size: %d}\n", name, name, 20+i, inboxes(random))
	}
	fmt.Fprintf(&b, "- FileSink: {id: dead, file_name: %s, store_interval_in_secs: 0, fsync: never}\n", filepath.Join(p.dir, "dead"))
	p.text = b.String()
	if err := os.WriteFile(filepath.Join(p.dir, "pipeline.yml"), []byte(p.text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func inboxes(random *rand.Rand) int { return 4 << random.IntN(9) }

func policy(random *rand.Rand) string {
	return []string{"always", "interval", "never"}[random.IntN(3)]
}

func (p *crashPlan) buffer() string {
	dir := filepath.Join(p.dir, fmt.Sprint("buffer", len(p.buffers)))
	p.buffers = append(p.buffers, dir)
	return dir
}

// receivers are what stands behind an input or module number at.
func (p *crashPlan) receivers(random *rand.Rand, middle, outputs, at int) string {
	var names []string
	if at < middle {
		names = []string{fmt.Sprint("middle", at)}
	} else {
		for i := range outputs {
			names = append(names, fmt.Sprint("out", i))
		}
	}
	var b strings.Builder
	b.WriteString("    receivers:\n")
	for _, n := range names {
		if len(p.buffers) < 3 && random.IntN(2) == 0 {
			disk := fmt.Sprintf("path: %s, fsync: %s, max_bytes: %d", p.buffer(), policy(random), 300_000<<random.IntN(6))
			if random.IntN(3) == 0 {
				disk += fmt.Sprintf(", type: memory, max_events: %d, when_full: overflow", 1+random.IntN(500))
			}
			fmt.Fprintf(&b, "      - %s: {buffer: {%s}}\n", n, disk)
			continue
		}
		if random.IntN(5) == 0 {
			fmt.Fprintf(&b, "      - %s: {buffer: {type: memory, max_events: %d}}\n", n, 1+random.IntN(500))
			continue
		}
		fmt.Fprintf(&b, "      - %s\n", n)
	}
	return b.String()
}

// input adds an input with its events.
func (p *crashPlan) input(b *strings.Builder, random *rand.Rand, kind byte, receivers string) {
	n := 100 + random.IntN(4000)
	p.counts[kind] = n
	var list []string
	for i := range n {
		list = append(list, crashName(kind, i))
	}
	p.events = append(p.events, list...)
	switch kind {
	case 'r':
		fmt.Fprintf(b, "- Replay:\n    count: %d\n%s", n, receivers)
	case 'f':
		path := filepath.Join(p.dir, "in.log")
		if err := os.WriteFile(path, []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintf(b, "- File:\n    paths: [%s]\n    mode: tail\n    start_position: beginning\n    sincedb_path: %s\n    sincedb_write_interval: 0.01\n%s", path, filepath.Join(p.dir, "sincedb"), receivers)
	case 'l':
		p.redis = miniredis.RunT(p.t)
		if _, err := p.redis.Push("list", list...); err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintf(b, "- RedisList:\n    lists: [list]\n    server: %s\n    batch_size: %d\n    reliable: True\n    lease_in_secs: 0.2\n%s", p.redis.Addr(), 1+random.IntN(300), receivers)
	}
}

// wanted are the files in which an event must be in the end.
func (p *crashPlan) wanted(e string) []string {
	for _, salt := range p.salts {
		if poisonous(e, salt) {
			return []string{"dead"}
		}
	}
	var list []string
	for name, salt := range p.outputs {
		if poisonous(e, salt) {
			name = "dead"
		}
		list = append(list, name)
	}
	return list
}

var crashLine = regexp.MustCompile(`^<[rfl]\d{7}>\n$`)

// read counts the events in the files of the outputs.
func (p *crashPlan) read() map[string]map[string]int {
	all := map[string]map[string]int{}
	for _, name := range append([]string{"dead"}, p.outputNames()...) {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
		all[name] = map[string]int{}
		for line := range strings.Lines(string(text)) {
			if crashLine.MatchString(line) {
				all[name][line[:len(line)-1]]++
			}
		}
	}
	return all
}

func (p *crashPlan) outputNames() (names []string) {
	for name := range p.outputs {
		names = append(names, name)
	}
	return names
}

// unacknowledged are the events that the inputs would send again.
func (p *crashPlan) unacknowledged() map[string]bool {
	open := map[string]bool{}
	rest := func(kind byte, done int) {
		for i := done; i < p.counts[kind]; i++ {
			open[crashName(kind, i)] = true
		}
	}
	rest('r', notedBy(p.dir))
	rest('f', p.position()/len(crashName('f', 0)+"\n"))
	if p.redis == nil {
		return open
	}
	// A program that is dead may have asked for entries in its last moment: what leaves the one
	// list is found in the other.
	take := func(key string) {
		entries, _ := p.redis.List(key) // there is none if it is empty
		for _, e := range entries {
			open[e] = true
		}
	}
	take("list")
	for _, key := range p.redis.Keys() {
		if strings.Contains(key, ".processing.") && p.redis.Type(key) == "list" {
			take(key)
		}
	}
	return open
}

var offset = regexp.MustCompile(`"offset":(\d+)`)

// position is how far the File module has come, as it has written it down.
func (p *crashPlan) position() (n int) {
	text, _ := os.ReadFile(filepath.Join(p.dir, "sincedb")) // there is none at first
	if m := offset.FindSubmatch(text); m != nil {
		fmt.Sscan(string(m[1]), &n)
	}
	return n
}

var crashNames = regexp.MustCompile(`<[rfl]\d{7}>`)

// buffered counts the events in the buffers. It looks at copies, because who opens a log
// repairs it.
func (p *crashPlan) buffered() map[string]int {
	kept := map[string]int{}
	for _, dir := range p.buffers {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		for _, e := range p.unfinished(dir) {
			kept[e]++
		}
	}
	return kept
}

func (p *crashPlan) unfinished(dir string) (events []string) {
	copied, err := os.MkdirTemp(p.dir, "look")
	if err != nil {
		p.t.Fatal(err)
	}
	defer os.RemoveAll(copied)
	files, err := os.ReadDir(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if os.IsNotExist(err) {
			continue // the program is at work
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, f.Name()), data, 0o600)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	log, err := disklog.Open(disklog.Options{Dir: copied, Fsync: disklog.Never})
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	for rec, err := range log.Unfinished() {
		if err != nil {
			p.t.Error(err)
			continue
		}
		name := crashNames.Find(rec.Data)
		if name == nil {
			p.t.Errorf("a record without an event in %s", dir)
			continue
		}
		events = append(events, string(name))
	}
	return events
}
