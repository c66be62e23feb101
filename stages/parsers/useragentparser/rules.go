package useragentparser

import (
	"cmp"
	"fmt"
	"math/bits"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// The rules of uap-core are three lists of regular expressions, and in each the first that
// matches says what the text is. Nearly all of them need some word, so that one look for
// all words tells which few expressions have to be tried at all.

// The lists of rules.
const (
	agents = iota
	systems
	devices
	lists
)

// rule is an expression with what a match makes of each field.
type rule struct {
	expr    string
	fields  []string
	needs   [][]uint16 // words, of each of these one
	tree    *syntax.Regexp
	choices []choice
	once    sync.Once
	pattern *regexp.Regexp
}

// compile makes the pattern when it is needed first: most never are. That the expression
// can be compiled has been checked.
func (r *rule) compile() *regexp.Regexp {
	r.once.Do(func() { r.pattern = regexp.MustCompile(r.expr) })
	return r.pattern
}

// rules are all rules, list by list. They are shared by all workers.
type rules struct {
	all      []rule
	begin    [lists + 1]int // of each list
	words    *automaton
	count    int        // of words
	triggers [][]uint16 // rules to be looked at for each word
	always   []uint64   // a bit for each rule that needs no word
}

// written is a rule as it stands in a file.
type written struct {
	Regex  string `yaml:"regex"`
	Flag   string `yaml:"regex_flag"`
	Family string `yaml:"family_replacement"`
	V1     string `yaml:"v1_replacement"`
	V2     string `yaml:"v2_replacement"`
	V3     string `yaml:"v3_replacement"`
	OS     string `yaml:"os_replacement"`
	OSV1   string `yaml:"os_v1_replacement"`
	OSV2   string `yaml:"os_v2_replacement"`
	OSV3   string `yaml:"os_v3_replacement"`
	OSV4   string `yaml:"os_v4_replacement"`
	Device string `yaml:"device_replacement"`
	Brand  string `yaml:"brand_replacement"`
	Model  string `yaml:"model_replacement"`
}

// readRules reads a file such as regexes.yaml of uap-core.
func readRules(text []byte) (*rules, error) {
	var file struct {
		Agents  []written `yaml:"user_agent_parsers"`
		Systems []written `yaml:"os_parsers"`
		Devices []written `yaml:"device_parsers"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	r := &rules{}
	for _, w := range file.Agents {
		r.add(w, cmp.Or(w.Family, "$1"), cmp.Or(w.V1, "$2"), cmp.Or(w.V2, "$3"), cmp.Or(w.V3, "$4"))
	}
	r.begin[systems] = len(r.all)
	for _, w := range file.Systems {
		r.add(w, cmp.Or(w.OS, "$1"), cmp.Or(w.OSV1, "$2"), cmp.Or(w.OSV2, "$3"), cmp.Or(w.OSV3, "$4"), cmp.Or(w.OSV4, "$5"))
	}
	r.begin[devices] = len(r.all)
	for _, w := range file.Devices {
		r.add(w, cmp.Or(w.Device, "$1"), w.Brand, cmp.Or(w.Model, "$1"))
	}
	r.begin[lists] = len(r.all)
	if len(r.all) == 0 {
		return nil, fmt.Errorf("there are no rules in it")
	}
	return r, r.index()
}

func (r *rules) add(w written, fields ...string) {
	expr := w.Regex
	if w.Flag != "" {
		expr = "(?" + w.Flag + ")" + expr
	}
	r.all = append(r.all, rule{expr: expr, fields: fields})
}

// check compiles all patterns.
func (r *rules) check() error {
	for i := range r.all {
		if _, err := regexp.Compile(r.all[i].expr); err != nil {
			return err
		}
	}
	return nil
}

// index finds the words that rules need.
func (r *rules) index() error {
	x := indexing{numbers: map[string]uint16{}, uses: map[string]int{}, needs: make([][]clause, len(r.all))}
	for i := range r.all {
		if err := x.rule(&r.all[i], i); err != nil {
			return err
		}
	}
	r.count, r.triggers, r.always = len(x.words), make([][]uint16, len(x.words)), make([]uint64, len(r.all)/64+1)
	if r.words = newAutomaton(x.words); r.words == nil || len(x.words) >= maxStates {
		return fmt.Errorf("the rules know %d words, which are too many", len(x.words))
	}
	for i := range r.all {
		r.trigger(i, x.needs[i], x.uses)
	}
	return nil
}

// indexing is what is known while words are gathered.
type indexing struct {
	numbers map[string]uint16
	words   []string
	uses    map[string]int // rules that need a word
	needs   [][]clause     // by rule
}

func (x *indexing) rule(r *rule, i int) error {
	tree, err := syntax.Parse(r.expr, syntax.Perl)
	if err != nil {
		return err
	}
	x.needs[i] = useful(look(tree.Simplify()).all())
	r.needs = x.number(x.needs[i])
	for _, c := range x.needs[i] {
		for _, word := range c {
			x.uses[word]++
		}
	}
	if size(tree) < large {
		return nil
	}
	r.tree = tree
	choices(tree,
		func(sub *syntax.Regexp, needs []clause) {
			r.choices = append(r.choices, choice{sub: sub, needs: x.number(needs)})
		},
		func(sub *syntax.Regexp) { r.choices = append(r.choices, choice{sub: sub, bound: sub.Max}) })
	if len(r.choices) == 0 {
		r.tree = nil
	}
	return nil
}

// number gives the words of clauses numbers.
func (x *indexing) number(clauses []clause) (needs [][]uint16) {
	for _, c := range clauses {
		list := make([]uint16, len(c))
		for k, word := range c {
			n, ok := x.numbers[word]
			if !ok {
				n = uint16(len(x.words))
				x.numbers[word], x.words = n, append(x.words, word)
			}
			list[k] = n
		}
		needs = append(needs, list)
	}
	return needs
}

// trigger makes the words of one need of rule i look at it: of that whose words the fewest
// rules know. The other needs are checked then.
func (r *rules) trigger(i int, needs []clause, uses map[string]int) {
	if len(needs) == 0 {
		r.always[i/64] |= 1 << (i % 64)
		return
	}
	best, least := 0, 0
	for k, c := range needs {
		n := c.usual() * len(r.all)
		for _, word := range c {
			n += uses[word]
		}
		if k == 0 || n < least {
			best, least = k, n
		}
	}
	for _, word := range r.all[i].needs[best] {
		r.triggers[word] = append(r.triggers[word], uint16(i))
	}
}

// matcher applies rules. It belongs to one goroutine.
type matcher struct {
	*rules
	heard    []uint64                  // words in the text
	tried    []uint64                  // rules to be tried
	variants map[string]*regexp.Regexp // patterns that were made simpler
	older    map[string]*regexp.Regexp
	key      []byte
}

func newMatcher(r *rules) *matcher {
	return &matcher{rules: r, heard: make([]uint64, r.count/64+1), tried: make([]uint64, len(r.always)), variants: map[string]*regexp.Regexp{}}
}

// listen looks for the words of all rules.
func (m *matcher) listen(text string) {
	clear(m.heard)
	copy(m.tried, m.always)
	m.words.scan(plain(text), func(word uint16) {
		bit := uint64(1) << (word % 64)
		if m.heard[word/64]&bit != 0 {
			return
		}
		m.heard[word/64] |= bit
		for _, i := range m.triggers[word] {
			m.tried[i/64] |= 1 << (i % 64)
		}
	})
}

// match fills fields in by the first rule of a list that gives the first of them. The text
// must be the one that was listened to.
func (m *matcher) match(list int, text string, fields []string, trim bool) bool {
	for i := m.next(m.begin[list]); i < m.begin[list+1]; i = m.next(i + 1) {
		r := &m.all[i]
		if !m.met(r.needs) {
			continue
		}
		pattern := m.pattern(i, text)
		found := pattern.FindStringSubmatchIndex(text)
		if found == nil {
			continue
		}
		for k, template := range r.fields {
			fields[k] = expand(pattern, template, text, found)
			if trim {
				fields[k] = strings.TrimSpace(fields[k])
			}
		}
		if fields[0] != "" {
			return true
		}
	}
	return false
}

// next is the first rule from number i on that is to be tried.
func (m *matcher) next(i int) int {
	for ; i < len(m.all); i = (i/64 + 1) * 64 {
		if rest := m.tried[i/64] >> (i % 64); rest != 0 {
			return i + bits.TrailingZeros64(rest)
		}
	}
	return len(m.all)
}

// met reports whether of each need a word is there.
func (m *matcher) met(needs [][]uint16) bool {
	for _, need := range needs {
		if !slices.ContainsFunc(need, func(word uint16) bool { return m.heard[word/64]&(1<<(word%64)) != 0 }) {
			return false
		}
	}
	return true
}

// expand replaces $1 and the like in a template by what was found.
func expand(pattern *regexp.Regexp, template, text string, found []int) string {
	at := strings.IndexByte(template, '$')
	if at < 0 {
		return template
	}
	const digit = 2 // the length of $1
	if at == 0 && len(template) == digit && template[1] >= '1' && template[1] <= '9' {
		n := 2 * int(template[1]-'0')
		if n >= len(found) || found[n] < 0 {
			return ""
		}
		return text[found[n]:found[n+1]]
	}
	return string(pattern.ExpandString(nil, template, text, found))
}
