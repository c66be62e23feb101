package modifyfields

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// action tells which options an action needs and knows, and how it is prepared.
type action struct {
	name     string
	needs    []string
	knows    []string
	prepare  func(o *Options) (step, error)
	anyField bool // source_fields or fields_matching is needed
}

// table lists all actions in the order of the documentation.
func table() []action {
	return []action{
		{name: "keep", knows: []string{"source_fields", "fields_matching"}, prepare: (*Options).keep, anyField: true},
		{name: "delete", knows: []string{"source_fields", "fields_matching"}, prepare: (*Options).remove, anyField: true},
		{name: "concat", needs: []string{"source_fields", "target_field"}, prepare: (*Options).concat},
		{name: "insert", needs: []string{"target_field", "value"}, prepare: (*Options).insert},
		{name: "copy", needs: []string{"source_field", "target_field"}, prepare: (*Options).copyField},
		{name: "coalesce", needs: []string{"source_fields", "target_field"}, prepare: (*Options).coalesce},
		{name: "rename", needs: []string{"source_field", "target_field"}, prepare: (*Options).rename},
		{name: "string_replace", needs: []string{"source_field", "old", "new"}, knows: []string{"max"}, prepare: (*Options).stringReplace},
		{name: "replace", needs: []string{"source_field", "regex", "with"}, prepare: (*Options).replace},
		{name: "mask", needs: []string{"source_field", "regex"}, knows: []string{"mask_with"}, prepare: (*Options).mask},
		{name: "map", needs: []string{"source_field"}, knows: []string{"map", "map_file", "map_file_reload", "target_field", "keep_unmappable", "default_value"}, prepare: (*Options).mapValues},
		{name: "key_value", needs: []string{"source_field", "kv_separator"}, knows: []string{"line_separator", "target_field", "prefix", "allow_quotes", "trim_key", "trim_value", "include_keys", "exclude_keys"}, prepare: (*Options).keyValue},
		{name: "key_value_regex", needs: []string{"source_field", "regex"}, knows: []string{"target_field", "prefix", "trim_key", "trim_value", "include_keys", "exclude_keys"}, prepare: (*Options).keyValueRegex},
		{name: "split", needs: []string{"source_field"}, knows: []string{"separator", "target_field"}, prepare: (*Options).split},
		{name: "merge", needs: []string{"source_fields", "target_field"}, prepare: (*Options).merge},
		{name: "join", needs: []string{"source_field", "target_field"}, knows: []string{"separator"}, prepare: (*Options).join},
		{name: "cast_to_int", needs: []string{"source_fields"}, knows: []string{"on_cast_error"}, prepare: castTo("int")},
		{name: "cast_to_float", needs: []string{"source_fields"}, knows: []string{"on_cast_error"}, prepare: castTo("float")},
		{name: "cast_to_str", needs: []string{"source_fields"}, knows: []string{"on_cast_error"}, prepare: castTo("str")},
		{name: "cast_to_bool", needs: []string{"source_fields"}, knows: []string{"on_cast_error"}, prepare: castTo("bool")},
		{name: "cast", knows: []string{"source_fields", "type", "types", "on_cast_error"}, prepare: (*Options).cast},
		{name: "hash", needs: []string{"source_fields"}, knows: []string{"algorithm", "salt", "hmac_key", "target_fields"}, prepare: (*Options).hash},
		{name: "anonymize", needs: []string{"source_fields"}, knows: []string{"algorithm", "salt", "hmac_key", "target_fields"}, prepare: (*Options).hash},
		{name: "lower", needs: []string{"source_fields"}, knows: []string{"target_fields"}, prepare: changeCase(strings.ToLower)},
		{name: "upper", needs: []string{"source_fields"}, knows: []string{"target_fields"}, prepare: changeCase(strings.ToUpper)},
		{name: "slice", needs: []string{"source_field", "target_field"}, knows: []string{"start", "end"}, prepare: (*Options).slice},
		{name: "truncate", needs: []string{"source_field", "max_length"}, knows: []string{"target_field"}, prepare: (*Options).truncate},
		{name: "strip", needs: []string{"source_field"}, knows: []string{"target_field"}, prepare: (*Options).strip},
		{name: "rename_regex", needs: []string{"regex", "replace"}, knows: []string{"source_field", "recursive"}, prepare: (*Options).renameRegex},
		{name: "rename_replace", needs: []string{"old", "new"}, knows: []string{"source_field", "recursive"}, prepare: (*Options).renameReplace},
		{name: "flatten", knows: []string{"source_field", "flatten_separator"}, prepare: (*Options).flatten},
		{name: "unflatten", knows: []string{"source_field", "flatten_separator"}, prepare: (*Options).unflatten},
		{name: "remove_empty", knows: []string{"source_fields"}, prepare: (*Options).removeEmpty},
		{name: "sort_keys", knows: []string{"source_field"}, prepare: (*Options).sortKeys},
		{name: "deduplicate", needs: []string{"source_field"}, knows: []string{"target_field"}, prepare: (*Options).deduplicate},
	}
}

// oldNames are spellings of former versions.
var oldNames = map[string]string{
	"castToInteger": "cast_to_int", "castToFloat": "cast_to_float", "castToString": "cast_to_str",
	"castToBoolean": "cast_to_bool", "replaceStatic": "replace", "replaceDynamic": "replace",
}

// prepare checks the options of one action and makes its step.
func (o *Options) prepare() (step, error) {
	name := o.Action
	if n, ok := oldNames[name]; ok {
		name = n
	}
	all := table()
	i := slices.IndexFunc(all, func(a action) bool { return a.name == name })
	if i < 0 {
		return step{}, &option.Fault{Code: option.NotAllowed, Option: "action", Message: fmt.Sprintf("unknown action %q", o.Action), Hint: hint(name, all)}
	}
	if err := errors.Join(o.missing(all[i]), o.foreign(all[i])); err != nil {
		return step{}, err
	}
	return all[i].prepare(o)
}

func hint(name string, all []action) string {
	var names []string
	for _, a := range all {
		names = append(names, a.name)
	}
	if near := option.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "the actions are " + strings.Join(names, ", ")
}

func (o *Options) missing(a action) error {
	var errs []error
	for _, n := range a.needs {
		if !o.Given[n] {
			errs = append(errs, &option.Fault{Code: option.Required, Message: fmt.Sprintf("action %s requires the option %s", a.name, n)})
		}
	}
	if a.anyField && !o.Given["source_fields"] && !o.Given["fields_matching"] {
		errs = append(errs, &option.Fault{Code: option.Required, Message: fmt.Sprintf("action %s requires the option source_fields or fields_matching", a.name)})
	}
	return errors.Join(errs...)
}

// foreign finds options that the action does not know.
func (o *Options) foreign(a action) error {
	known := append(append([]string{"action"}, a.needs...), a.knows...)
	var errs []error
	for n := range o.Given {
		if !slices.Contains(known, n) {
			errs = append(errs, &option.Fault{Code: option.Contradiction, Option: n, Message: fmt.Sprintf("action %s does not know this option", a.name)})
		}
	}
	return errors.Join(errs...)
}

// prepareAll reads the list of actions, each of which is a set of options of its own.
func (o *Options) prepareAll() error {
	if len(o.Given) > 1 {
		return &option.Fault{Code: option.Contradiction, Option: "actions", Message: "stands alone, the other options belong into its items"}
	}
	if o.Actions.Kind != option.List {
		return o.Actions.Wrong("list")
	}
	var errs []error
	for _, item := range o.Actions.Items {
		one := Spec.Options().(*Options)
		if faults := option.Decode(item, one); len(faults) > 0 {
			for _, f := range faults {
				errs = append(errs, f)
			}
			continue
		}
		errs = append(errs, one.place(item))
		o.steps = append(o.steps, one.steps...)
	}
	return errors.Join(errs...)
}

// place validates one item of the list and points faults without a place at it.
func (o *Options) place(item *option.Value) error {
	var errs []error
	for _, f := range option.Faults(o.Validate(), option.Contradiction) {
		if f.Line == 0 {
			f.Position = item.Position
			if v := item.Get(f.Option); v != nil {
				f.Position = v.Position
			}
		}
		f.Option = strings.TrimSuffix("actions."+f.Option, ".")
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// oneField is a field that may be written as a list with one entry.
type oneField struct{ event.Path }

// DecodeOption reads a field name.
func (f *oneField) DecodeOption(v *option.Value) error {
	if v.Kind == option.List && len(v.Items) == 1 {
		v = v.Items[0]
	}
	if v.Kind == option.List {
		return v.Faultf(option.WrongType, "must be one field, got a list of %d", len(v.Items))
	}
	if v.Kind == option.Null {
		return nil
	}
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	p, err := event.ParsePath(v.Text)
	if err != nil {
		return v.Faultf(option.OutOfRange, "%s", err)
	}
	f.Path = p
	return nil
}

// pairs checks that there is a target for each source, or none at all.
func (o *Options) pairs() error {
	if n := len(o.TargetFields); n > 0 && n != len(o.SourceFields) {
		return &option.Fault{Code: option.Contradiction, Option: "target_fields", Message: fmt.Sprintf("must name as many fields as source_fields, got %d for %d", n, len(o.SourceFields))}
	}
	return nil
}

// target is where the result of source field i goes.
func (o *Options) target(i int) event.Path {
	if len(o.TargetFields) == 0 {
		return o.SourceFields[i]
	}
	return o.TargetFields[i]
}
