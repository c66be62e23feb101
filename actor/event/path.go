package event

import (
	"errors"
	"strconv"
	"strings"
)

// Path is a compiled field path such as params.spanish.0. On a map a segment is a key,
// on a list an index, which may be negative to count from the end. A field of the event
// whose name is the whole path wins over the split. Paths below gambolputty address the
// metadata. The zero Path addresses nothing.
type Path struct {
	text   string
	whole  *Key
	steps  []step
	meta   bool // the first step is gambolputty
	legacy bool // the first step is lumbermill, the later name of gambolputty
}

type step struct {
	key    *Key
	index  int
	number bool
}

// errEmptyPath says that there is no field without a name.
var errEmptyPath = errors.New("the field name is empty")

// ParsePath compiles a path. The only fault is an empty text.
func ParsePath(s string) (Path, error) {
	if s == "" {
		return Path{}, errEmptyPath
	}
	p := Path{text: s, whole: Intern(s)}
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		p.steps = append(p.steps, step{Intern(part), n, err == nil})
	}
	p.meta = p.steps[0].key == metaKey
	p.legacy = p.steps[0].key == legacyKey
	return p, nil
}

// MustPath is ParsePath for paths written in code.
func MustPath(s string) Path {
	p, err := ParsePath(s)
	if err != nil {
		panic("event: " + err.Error())
	}
	return p
}

// OptionType describes paths in tables of options.
func (Path) OptionType() string { return "field" }

// KeyPath makes a path to the top level field named by k, dots in the name included.
func KeyPath(k *Key) Path {
	return Path{text: k.Name, whole: k, steps: []step{{key: k}}, meta: k == metaKey, legacy: k == legacyKey}
}

// String is the path as it was written.
func (p Path) String() string { return p.text }

// IsZero reports whether p addresses nothing.
func (p Path) IsZero() bool { return p.whole == nil }

// IsMeta reports whether p addresses the metadata or something in it.
func (p Path) IsMeta() bool { return p.meta }

// Key is the whole path as one field name.
func (p Path) Key() *Key { return p.whole }

// UnmarshalText compiles the path, so that it can be the type of an option.
func (p *Path) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePath(string(b))
	return err
}
