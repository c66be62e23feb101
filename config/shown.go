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
	var known map[string]option.Field
	if m.Opts != nil {
		known = byName(option.Fields(m.Opts))
	}
	for _, p := range m.options.Pairs {
		given[rename(p.Key.Text)] = entry(p, known, false)
	}
	return given
}

// entry is the value of an option as JSON has it. What an option is not known by is judged by
// its name.
func entry(p option.Pair, known map[string]option.Field, secret bool) any {
	f, ok := known[p.Key.Text]
	return asJSON(p.Value, byName(f.Parts), secret || f.Hidden() || !ok && option.SecretName(p.Key.Text))
}

// asJSON is a value as JSON has it.
func asJSON(v *option.Value, known map[string]option.Field, secret bool) any {
	switch v.Kind {
	case option.Null:
		return nil
	case option.List:
		list := []any{}
		for _, item := range v.Items {
			list = append(list, asJSON(item, known, secret))
		}
		return list
	case option.Map:
		all := map[string]any{}
		for _, p := range v.Pairs {
			all[p.Key.Text] = entry(p, known, secret)
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
