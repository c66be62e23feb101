package event

import "slices"

// manyFields is the size from which a merge looks fields up in an index instead of
// walking the list for each.
const manyFields = 32

// Merge sets all fields of m on the top level of e, as decoders do. The metadata in m is
// merged key by key unless protect is set; ignored is true if m held metadata that was
// not used. The nodes in m must not be used elsewhere afterwards.
func (e *Event) Merge(m *Map, protect bool) (ignored bool) {
	root := e.ownFor(len(m.fields))
	root.fields = slices.Grow(root.fields, len(m.fields)) // once, not while it goes on
	index := root.index(len(m.fields))
	for _, f := range m.fields {
		if e.isMeta(f.Key) {
			ignored = !e.mergeMeta(f.Value, protect) || ignored
			continue
		}
		root.setIndexed(index, f)
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
