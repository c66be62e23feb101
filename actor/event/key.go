package event

import (
	"strings"
	"sync"
	"sync/atomic"
)

// maxKeys bounds the table of interned keys: field names arrive from outside, and a
// hostile sender must not make the table grow for ever.
const maxKeys = 1 << 16

// Key is a field name. Keys made by Intern are unique for their name, so that two of
// them are compared by pointer. Once the table is full, further names get keys of their
// own, which are compared by name.
type Key struct {
	// Name is the field name as it was given.
	Name string
	// JSON is the name as a JSON string with its colon, ready to be appended.
	JSON string

	id    uint32
	loose bool
}

// table is the one process-wide structure of this package: a field name must mean the
// same key in every goroutine, or comparing pointers would be wrong.
var table = struct {
	sync.RWMutex
	keys map[string]*Key
	full atomic.Bool // some key is loose, look-ups must fall back to names
}{keys: map[string]*Key{}}

// Intern returns the key for name. It is safe for concurrent use. A name that is not known
// yet is copied, so it may be cut out of a larger text.
func Intern(name string) *Key {
	if k := lookUp(name); k != nil {
		return k
	}
	table.Lock()
	defer table.Unlock()
	if k, ok := table.keys[name]; ok {
		return k
	}
	name = strings.Clone(name)
	k := &Key{Name: name, JSON: string(append(AppendJSONString(nil, name), ':'))}
	if len(table.keys) >= maxKeys {
		k.loose = true
		table.full.Store(true)
		return k
	}
	k.id = uint32(len(table.keys)) + 1
	table.keys[name] = k
	return k
}

// lookUp returns the key for name if there is one in the table.
func lookUp(name string) *Key {
	table.RLock()
	defer table.RUnlock()
	return table.keys[name]
}

// same reports whether two keys mean one name.
func (k *Key) same(o *Key) bool {
	return k == o || (k.loose || o.loose) && k.Name == o.Name
}

// Keys that the runtime itself reads or writes.
var (
	// Data is the field that inputs fill.
	Data = Intern("data")

	metaKey   = Intern("gambolputty")
	legacyKey = Intern("lumbermill")
	idKey     = Intern("event_id")
	typeKey   = Intern("event_type")
	pidKey    = Intern("pid")
	byKey     = Intern("received_by")
	fromKey   = Intern("received_from")
	moduleKey = Intern("source_module")
	sourceKey = Intern("source_id")
	tagsKey   = Intern("tags")
	errorKey  = Intern("error")
)
