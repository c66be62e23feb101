package config

import (
	"math"
	"strconv"

	"gambolputty/actor/option"
)

// hiddenText stands for a value that nobody may see.
const hiddenText = "***"

// Item is a module as it stands in the file: its name, and its options if it has any.
type Item struct {
	Name    string
	Options map[string]any
}

// Items are all modules as they stand in the files, also those that are switched off, with
// secrets masked.
func (p *Plan) Items() []Item {
	var list []Item
	for _, m := range p.all {
		list = append(list, Item{m.Name, m.shown(func(name string) string { return name })})
	}
	return list
}

// Given are the options of the module that stand in the file, under their own names, as JSON
// has them. In the place of secrets, and of what came from the environment, stands ***.
func (m *Module) Given() map[string]any { return m.shown(m.canonical) }

func (m *Module) shown(rename func(string) string) map[string]any {
	given := map[string]any{}
	if m.options == nil {
		return given
	}
	hidden := map[string]bool{}
	if m.Opts != nil {
		for _, f := range option.Fields(m.Opts) {
			for _, name := range append(f.Aliases, f.Name) {
				hidden[name] = f.Hidden()
			}
		}
	}
	for _, p := range m.options.Pairs {
		secret, known := hidden[p.Key.Text]
		given[rename(p.Key.Text)] = asJSON(p.Value, secret || !known && option.SecretName(p.Key.Text))
	}
	return given
}

// asJSON is a value as JSON has it.
func asJSON(v *option.Value, secret bool) any {
	switch v.Kind {
	case option.Null:
		return nil
	case option.List:
		list := []any{}
		for _, item := range v.Items {
			list = append(list, asJSON(item, secret))
		}
		return list
	case option.Map:
		all := map[string]any{}
		for _, p := range v.Pairs {
			all[p.Key.Text] = asJSON(p.Value, secret || option.SecretName(p.Key.Text))
		}
		return all
	case option.Boolean:
		if !v.FromEnv {
			return v.Truth()
		}
	}
	if (secret || v.FromEnv) && v.Text != "" {
		return hiddenText
	}
	switch v.Kind {
	case option.Integer:
		if n, err := strconv.ParseInt(v.Text, 0, 64); err == nil {
			return n
		}
	case option.Float:
		if n, err := strconv.ParseFloat(v.Text, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n
		}
	}
	return login.ReplaceAllString(v.Text, "${1}***@")
}
