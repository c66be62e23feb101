package netflowparser

import (
	"errors"
	"fmt"

	"gambolputty/actor/event"
)

// templateKey tells templates apart: the same number may mean something else for another
// exporter, and for another source within one.
type templateKey struct {
	exporter string
	version  uint16
	domain   uint32
	id       uint16
}

// template says how the records of a set look.
type template struct {
	definition
	options bool // they are about the exporter and not about a flow
	fields  []field
	least   int // length of the shortest record
	lists   int // number of elements that a record has several times
}

// field is a part of a record.
type field struct {
	element
	size int
	list int // which of the lists its values go to, -1 for none
}

// definition is a template as it stands in a packet. The bytes of its fields are kept, so
// that one that is sent again is recognised.
type definition struct {
	raw    string
	scopes int // number of fields at the front that say what the others are about
}

const (
	// variable as the size of a field says that every value has its length in front.
	variable = 65535
	// maxFields bounds templates. Real ones have about 30 fields.
	maxFields = 1024

	fieldSize      = 4
	enterpriseBit  = 0x8000
	enterpriseSize = 4
)

var (
	errTemplateID     = errors.New("a template has a number below 256")
	errTemplateCut    = errors.New("a template is cut off")
	errTemplateFields = fmt.Errorf("a template has more than %d fields", maxFields)
	errTemplateScopes = errors.New("a template has more fields of scope than fields")
	errTemplateEmpty  = errors.New("a template has records of no length")
)

// define reads a set of templates.
func (d *decoder) define(body string, options bool) error {
	for len(body) >= fieldSize {
		id, def, n, err := readDefinition(d.version, options, body)
		if err != nil {
			return err
		}
		if n == 0 { // padding
			return nil
		}
		if err := d.store.define(templateKey{d.exporter, d.version, d.domain, id}, def, options, &d.ready); err != nil {
			return err
		}
		d.templates++
		body = body[n:]
	}
	return nil
}

// readDefinition reads one template and returns its length, 0 for padding. Without fields
// it is a withdrawal, which IPFIX has.
func readDefinition(version uint16, options bool, body string) (id uint16, def definition, n int, err error) {
	const optionsHead = 6
	id, count := be16(body), int(be16(body[2:]))
	switch {
	case id == 0 && count == 0:
		return 0, def, 0, nil
	case version == 10 && count == 0 && (id >= firstData || id == 2 || id == 3):
		return id, def, fieldSize, nil
	case id < firstData:
		return 0, def, 0, errTemplateID
	}
	head := fieldSize
	if options {
		if head = optionsHead; len(body) < head {
			return 0, def, 0, errTemplateCut
		}
		def.scopes = int(be16(body[4:]))
		if version == 9 { // both are lengths in bytes there
			count, def.scopes = (count+def.scopes)/fieldSize, count/fieldSize
		}
	}
	switch {
	case count > maxFields:
		return 0, def, 0, errTemplateFields
	case def.scopes > count:
		return 0, def, 0, errTemplateScopes
	}
	at := head
	for range count {
		n := fieldSize
		if len(body) >= at+2 && version == 10 && be16(body[at:])&enterpriseBit != 0 {
			n += enterpriseSize
		}
		if at += n; at > len(body) {
			return 0, def, 0, errTemplateCut
		}
	}
	def.raw = body[head:at]
	return id, def, at, nil
}

// compile makes a template of its definition.
func compile(version uint16, def definition, options bool, names strangers) (*template, error) {
	t := &template{definition: def, options: options}
	seen := map[*event.Key]int{}
	for raw := def.raw; len(raw) > 0; {
		id, f := be16(raw), field{size: int(be16(raw[2:]))}
		raw = raw[fieldSize:]
		var err error
		switch {
		case version == 9 && len(t.fields) < def.scopes:
			f.element = element{key: scopes[id]}
			if f.key == nil {
				f.key = otherScope
			}
		case version == 10 && id&enterpriseBit != 0:
			f.element, err = names.element(be32(raw), id&^enterpriseBit)
			raw = raw[enterpriseSize:]
		default:
			f.element, err = names.element(0, id)
		}
		if err != nil {
			return nil, err
		}
		f.list = t.join(f.key, seen)
		if t.least += f.size; f.size == variable {
			t.least += 1 - variable
			if version == 9 { // there it is a length like others, which no record has
				return nil, errTemplateFields
			}
		}
		t.fields = append(t.fields, f)
	}
	if t.least == 0 {
		return nil, errTemplateEmpty
	}
	return t, nil
}

// join finds the list for the next field, which there is if the element was seen before.
func (t *template) join(k *event.Key, seen map[*event.Key]int) int {
	first, again := seen[k]
	if !again {
		seen[k] = len(t.fields)
		return -1
	}
	if t.fields[first].list < 0 {
		t.fields[first].list = t.lists
		t.lists++
	}
	return t.fields[first].list
}
