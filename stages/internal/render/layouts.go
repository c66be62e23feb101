package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor/event"
)

// Only is the part of a map that the given names select.
func Only(v event.Value, names []*event.Key) event.Value {
	m := event.NewMap(len(names))
	for _, k := range names {
		if field, ok := v.Map().Get(k); ok {
			m.Set(k, field)
		}
	}
	return event.MapOf(m)
}

// AppendIndented appends v as JSON over several lines.
func AppendIndented(dst []byte, v event.Value) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, new(event.Encoder).AppendValue(nil, v), "", "  "); err != nil {
		return dst // an encoder that writes no JSON would be a bug that its tests find
	}
	return append(dst, out.Bytes()...)
}

// Node is v as a YAML node with the keys of maps in order.
func Node(v event.Value) *yaml.Node {
	switch v.Kind() {
	case event.KindMap:
		n := &yaml.Node{Kind: yaml.MappingNode}
		fields := make([]event.Field, v.Map().Len())
		for i := range fields {
			fields[i] = v.Map().At(i)
		}
		slices.SortFunc(fields, func(a, b event.Field) int { return cmp.Compare(a.Key.Name, b.Key.Name) })
		for _, f := range fields {
			n.Content = append(n.Content, Node(event.String(f.Key.Name)), Node(f.Value))
		}
		return n
	case event.KindList:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.List().Len() {
			n.Content = append(n.Content, Node(v.List().At(i)))
		}
		return n
	case event.KindString:
		n := &yaml.Node{}
		n.SetString(v.Str())
		return n
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: string(new(event.Encoder).AppendValue(nil, v))}
}
