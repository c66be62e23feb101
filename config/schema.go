package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// object is a JSON object. Its keys are written in alphabetical order.
type object map[string]any

// Schema is a JSON schema of configurations for editors.
func Schema(specs []actor.Spec) ([]byte, error) {
	var items, names []any
	items = append(items, single("Global", globalSchema()))
	for _, s := range specs {
		options := append(CommonOptions(), ModuleOptions(s)...) // which may have some of the common ones for themselves
		for _, name := range append([]string{s.Name}, s.Aliases...) {
			items = append(items, single(name, object{"anyOf": []any{object{"type": "null"}, optionsSchema(options, s.Summary)}}))
			names = append(names, name)
		}
	}
	items = append(items, object{"enum": names}, single("Include", object{"type": "string"}))
	root := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "GambolPutty configuration",
		"type":    "array",
		"items":   object{"anyOf": items},
	}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(b, '\n'), nil
}

func single(name string, value any) object {
	return object{"type": "object", "properties": object{name: value}, "required": []string{name}, "additionalProperties": false}
}

func globalSchema() object {
	g := optionsSchema(option.Fields(defaultGlobal()), "Settings of the configuration as a whole.")
	g["properties"].(object)["logging"] = optionsSchema(option.Fields(defaultGlobal().Logging), "How the program logs.")
	return object{"anyOf": []any{object{"type": "null"}, g}}
}

func optionsSchema(list []option.Field, summary string) object {
	properties, required := object{}, []string{}
	for _, f := range list {
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			properties[name] = valueSchema(f)
		}
		if f.Required && len(f.Aliases) == 0 {
			required = append(required, f.Name)
		}
	}
	o := object{"type": "object", "description": summary, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// valueSchema describes the values of an option. A reference to the environment is text
// whatever the type, so a string is always accepted beside a scalar.
func valueSchema(f option.Field) object {
	o := object{"description": Meaning(f)}
	element, isList := strings.CutPrefix(f.Type, "list of ")
	switch {
	case isList:
		o["type"] = []string{"array", "null", "string", "number"}
		if element == "string" || element == "field" {
			o["items"] = object{"type": "string"}
		}
	case strings.HasPrefix(f.Type, "map"):
		o["type"] = []string{"object", "null"}
	case f.Type == "any":
	case f.Type == "boolean":
		o["type"] = []string{"boolean", "string", "null"}
	case f.Type == "integer" || f.Type == "float":
		o["type"] = []string{map[string]string{"integer": "integer", "float": "number"}[f.Type], "string", "null", "boolean"}
		bounds(o, f)
	case f.Type == "duration":
		o["type"] = []string{"number", "string", "null"}
	default:
		o["type"] = []string{"string", "null", "boolean"}
		if strings.Contains(f.Type, "integer") {
			o["type"] = []string{"string", "integer", "null", "boolean"}
		}
	}
	if len(f.Enum) > 0 {
		o["examples"] = f.Enum
	}
	return o
}

func bounds(o object, f option.Field) {
	if n, err := strconv.ParseFloat(f.Min, 64); err == nil {
		o["minimum"] = n
	}
	if n, err := strconv.ParseFloat(f.Max, 64); err == nil {
		o["maximum"] = n
	}
}
