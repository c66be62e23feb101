package event

import "slices"

// manyFields is the size from which a merge looks fields up in an index instead of
// walking the list for each.
const manyFields = 32

// Merge sets all fields of m on the top level of e, as decoders do. The metadata in m is
// merged key by key unless protect is set; ignored is true if m held metadata that was
// not used. The nodes in m must not be used elsewhere afterwards.
func (e *Event) Merge(m *Map, protect bool) (ignored bool) { return e.MergeFields(m.fields, protect) }

// MergeFields is Merge for fields with different keys. The slice is not kept.
func (e *Event) MergeFields(fields []Field, protect bool) (ignored bool) {
	root := e.ownFor(len(fields))
	root.fields = slices.Grow(root.fields, len(fields)) // once, not while it goes on
	known := len(root.fields) > 0                       // or no field can be there already
	index := root.index(len(fields))
	for _, f := range fields {
		switch {
		case e.isMeta(f.Key):
			ignored = !e.mergeMeta(f.Value, protect) || ignored
		case known:
			root.setIndexed(index, f)
		default:
			root.fields = append(root.fields, f)
		}
	}
	return ignored
}

// isMeta reports whether a decoded key means the metadata.
func (e *Event) isMeta(k *Key) bool { return k == metaKey || k == legacyKey }

func (e *Event) mergeMeta(v Value, protect bool) bool {
	if protect || v.Kind() != KindMap {
		return false
	}
	e.MergeMeta(v.Map())
	return true
}

// index maps the keys of a map that n more fields go into, or is nil for a small one.
func (m *Map) index(n int) map[string]int {
	if n < manyFields || len(m.fields)*n < manyFields*manyFields {
		return nil
	}
	idx := make(map[string]int, len(m.fields)+n)
	for i, f := range m.fields {
		idx[f.Key.Name] = i
	}
	return idx
}

func (m *Map) setIndexed(index map[string]int, f Field) {
	if index == nil {
		m.Set(f.Key, f.Value)
		return
	}
	if i, ok := index[f.Key.Name]; ok {
		m.fields[i].Value = f.Value
		return
	}
	index[f.Key.Name] = len(m.fields)
	m.fields = append(m.fields, f)
}
