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
	// Groups are those of the nodes that run the module; without any, all nodes do.
	Groups []string `json:"only_groups,omitempty"`
}

// For reports whether a node that is in some groups runs the module.
func (s Shared) For(groups []string) bool { return inGroup(s.Groups, groups) }

// inGroup reports whether what is for some groups only is for a node that is in others.
func inGroup(only, groups []string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(g string) bool { return slices.Contains(groups, g) })
}

// Instead are modules that stand in the place of the own ones, as long as these are what they
// were: the way back from a file that nobody but its owner writes.
type Instead struct {
	// Own is the hash of the modules of the file that are not to run, without those that Skip
	// names, which run all the same.
	Own     string
	Skip    func(id, class string) bool
	Modules []Shared
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
func (p *Plan) Share(skip func(id, class string) bool) ([]Shared, error) { return p.share(p.all, skip) }

// Own is Share for the modules of the own files alone, whether they run or others stand in their
// place.
func (p *Plan) Own(skip func(id, class string) bool) ([]Shared, error) { return p.share(p.own, skip) }

func (p *Plan) share(modules []*Module, skip func(id, class string) bool) ([]Shared, error) {
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
	for _, m := range modules {
		if skip(m.ID, m.Class()) {
			continue
		}
		s := Shared{ID: m.ID, Declared: m.declared, Class: m.Class(), Text: m.text, Groups: m.common.OnlyGroups}
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

// grouped are options that say in which groups a node is.
type grouped interface{ NodeGroups() []string }

// groups are those of this node. That of a module for some of them only means nothing unless
// there is somebody who knows them.
func (b *builder) groups() (groups []string, known bool) {
	for _, m := range b.modules {
		if g, ok := m.Opts.(grouped); ok && m.common.Enabled {
			return g.NodeGroups(), true
		}
	}
	return nil, false
}

// ownGroups switches off the own modules that are for other nodes.
func (b *builder) ownGroups() {
	groups, known := b.groups()
	for _, m := range b.modules {
		switch {
		case len(m.common.OnlyGroups) == 0:
		case !known:
			b.keyFault(m, "only_groups", "W105", "add PackConfiguration with groups", "this node is in no pack, so the option has no effect")
		case m.Spec != nil && m.Spec.Once:
			b.keyFault(m, "only_groups", "W105", "", "this module is never shared, so the option has no effect")
		case !inGroup(m.common.OnlyGroups, groups):
			m.common.Enabled = false
		}
	}
}

// sharedModules adds modules of another program behind the own ones. Those whose id is that of
// an own one are not needed.
func (b *builder) sharedModules() {
	b.plan.own = slices.Clone(b.modules)
	if b.SharedBy == "" || !slices.ContainsFunc(b.modules, func(m *Module) bool { return m.Class() == b.SharedBy && m.common.Enabled }) {
		return
	}
	list := b.Shared
	if b.replaced() {
		list, b.plan.Replaced = b.Instead.Modules, true
		b.modules = slices.DeleteFunc(b.modules, func(m *Module) bool { return !b.Instead.Skip(m.ID, m.Class()) })
	}
	own := map[string]bool{}
	for _, m := range b.modules {
		own[m.ID] = true
	}
	groups, _ := b.groups()
	for _, s := range list {
		switch {
		case own[s.ID]:
			b.plan.Skipped = append(b.plan.Skipped, s.ID)
		case !s.For(groups):
			b.absent(s)
		default:
			b.sharedModule(s)
		}
	}
}

// replaced reports whether the own modules are those in whose place others stand.
func (b *builder) replaced() bool {
	if b.Instead == nil {
		return false
	}
	own, err := b.plan.Own(b.Instead.Skip)
	return err == nil && HashShared(own) == b.Instead.Own
}

// absent adds a module that other nodes run, as one that is switched off: others may name it as
// a receiver, and it may be given on. Its options are not looked at, as they need not fit here.
func (b *builder) absent(s Shared) {
	m := &Module{ID: s.ID, Name: s.Class, Spec: b.specs[s.Class], common: defaultCommon(), declared: s.Declared, shared: true, text: s.Text}
	m.common.Enabled, m.common.OnlyGroups = false, s.Groups
	b.modules = append(b.modules, m)
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
