package webservertornado

import (
	"net/http"
	"slices"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/config"
)

// classOf is a kind of module.
type classOf struct {
	Name     string     `json:"name"`
	Role     actor.Role `json:"role"`
	Summary  string     `json:"summary"`
	Aliases  []string   `json:"aliases,omitempty"`
	Parallel bool       `json:"parallel"`
}

// optionOf is an option of a kind of module.
type optionOf struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default"`
	Meaning string `json:"meaning"`
}

func newClass(s actor.Spec) classOf {
	return classOf{s.Name, s.Role, s.Summary, s.Aliases, s.Parallel}
}

// specs are the kinds of modules there are; without a program those that run.
func (s *server) specs() []actor.Spec {
	if s.program != nil {
		return s.program.Loader().Specs
	}
	var list []actor.Spec
	for _, m := range s.env.Status() {
		if !slices.ContainsFunc(list, func(o actor.Spec) bool { return o.Name == m.Spec.Name }) {
			list = append(list, m.Spec)
		}
	}
	return list
}

// classes lists all kinds of modules.
func (s *server) classes(w http.ResponseWriter, _ *http.Request) {
	list := []classOf{}
	for _, spec := range s.specs() {
		list = append(list, newClass(spec))
	}
	s.answer(w, list)
}

// class describes a kind of module.
func (s *server) class(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	var names []string
	for _, spec := range s.specs() {
		if spec.Name == name || slices.Contains(spec.Aliases, name) {
			s.answer(w, struct {
				classOf
				Doc     string     `json:"doc"`
				Example string     `json:"example"`
				Options []optionOf `json:"options"`
				Common  []optionOf `json:"common_options"`
			}{newClass(spec), spec.Doc, spec.Example, optionsOf(config.ModuleOptions(spec)), optionsOf(config.CommonOptions())})
			return
		}
		names = append(names, spec.Name)
	}
	s.fail(w, r, http.StatusNotFound, "there is no such kind of module"+hint(name, names))
}

func optionsOf(fields []option.Field) []optionOf {
	list := []optionOf{}
	for _, f := range fields {
		list = append(list, optionOf{f.Name, f.Type, f.Default, config.Meaning(f)})
	}
	return list
}
