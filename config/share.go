package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor/option"
)

// Shared is a module that one program gives to others: as it stands in the file, with the
// variables of the environment in it, and under the id that it has there.
type Shared struct {
	// ID addresses the module; Declared says that it was written down and is not made from
	// the name of the class.
	ID       string `json:"id"`
	Declared bool   `json:"declared,omitempty"`
	// Class is the name of the module.
	Class string `json:"class"`
	// Text is the item of the list, as YAML.
	Text string `json:"text"`
}

// HashShared tells one list of modules from another: 64 hex digits.
func HashShared(list []Shared) string {
	text, err := json.Marshal(list)
	if err != nil {
		return "" // it is made of texts
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Class is the name of the module's class, however it was written.
func (m *Module) Class() string {
	if m.Spec == nil {
		return m.Name
	}
	return m.Spec.Name
}

// IsShared reports whether the module came from another program.
func (m *Module) IsShared() bool { return m.shared }

// Share returns the modules of the plan for others, those that are switched off as well, but
// not those that skip says, and not Include items, whose modules are there in their place.
func (p *Plan) Share(skip func(id, class string) bool) ([]Shared, error) {
	items := map[option.Position]*yaml.Node{}
	for _, t := range p.Texts {
		var root yaml.Node
		if err := yaml.Unmarshal(bytes.TrimPrefix([]byte(t.Text), []byte("\xef\xbb\xbf")), &root); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if len(root.Content) == 0 {
			continue
		}
		for _, item := range root.Content[0].Content {
			name := item
			if item.Kind == yaml.MappingNode && len(item.Content) > 0 {
				name = item.Content[0]
			}
			items[option.Position{File: t.Name, Line: name.Line, Column: name.Column}] = item
		}
	}
	list := []Shared{}
	for _, m := range p.all {
		if skip(m.ID, m.Class()) {
			continue
		}
		s := Shared{ID: m.ID, Declared: m.declared, Class: m.Class(), Text: m.text}
		if item := items[m.Position]; item != nil && !m.shared {
			text, err := yaml.Marshal(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{alone(item)}})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.ID, err)
			}
			s.Text = string(text)
		}
		if s.Text == "" {
			return nil, fmt.Errorf("the text of %s is not known", m.ID)
		}
		list = append(list, s)
	}
	return list, nil
}

// alone is a node that can stand by itself: with what its aliases stand for, without comments,
// and without the place that it had.
func alone(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return alone(n.Alias)
	}
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	for _, item := range n.Content {
		c.Content = append(c.Content, alone(item))
	}
	return c
}

// sharedModules adds modules of another program behind the own ones. Those whose id is that of
// an own one are not needed.
func (b *builder) sharedModules() {
	if b.SharedBy == "" || !slices.ContainsFunc(b.modules, func(m *Module) bool { return m.Class() == b.SharedBy && m.common.Enabled }) {
		return
	}
	own := map[string]bool{}
	for _, m := range b.modules {
		own[m.ID] = true
	}
	for _, s := range b.Shared {
		if own[s.ID] {
			b.plan.Skipped = append(b.plan.Skipped, s.ID)
			continue
		}
		b.sharedModule(s)
	}
}

func (b *builder) sharedModule(s Shared) {
	name := "pack:" + s.ID
	root := readYAML(name, []byte(s.Text), b.Env, b.report)
	if !slices.Contains(b.files, name) {
		b.sharedFiles = append(b.sharedFiles, name)
	}
	if root == nil || root.Kind != option.List || len(root.Items) != 1 {
		b.report.add(Problem{File: name, Code: "E003", Module: s.ID, Message: "this is not one module"})
		return
	}
	before := len(b.modules)
	if path, at := includes(root.Items[0]); at != nil {
		b.report.add(Problem{File: name, Line: at.Line, Column: at.Column, Module: "Include", Code: "E001", Message: fmt.Sprintf("%q is not read for a module of another node", path)})
		return
	}
	problems := len(b.report.Problems)
	b.item(root.Items[0])
	if len(b.modules) == before && len(b.report.Problems) == problems {
		b.report.add(Problem{File: name, Code: "E003", Module: s.ID, Message: "this is not one module"})
	}
	for _, m := range b.modules[before:] {
		b.decode(m)
		if m.Class() != s.Class {
			b.moduleProblem(m, "E011", "", "the module is said to be a %s", s.Class)
		}
		m.ID, m.declared, m.shared, m.text = s.ID, s.Declared, true, s.Text
	}
}
