package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// CommonOptions are the options that every module has, GlobalOptions those of the Global
// section, with the options of its parts as part.option.
func CommonOptions() []option.Field { return option.Fields(defaultCommon()) }

// GlobalOptions are the options of the Global section.
func GlobalOptions() []option.Field {
	var list []option.Field
	for _, f := range option.Fields(defaultGlobal()) {
		switch f.Name {
		case "workers":
			f.Default = "CPUs - 1"
		case "logging":
			for _, sub := range option.Fields(defaultGlobal().Logging) {
				sub.Name = "logging." + sub.Name
				list = append(list, sub)
			}
			continue
		}
		list = append(list, f)
	}
	return list
}

// ModuleOptions are the options that a module has beside the common ones.
func ModuleOptions(s actor.Spec) []option.Field {
	list := option.Fields(s.Options())
	if s.Role == actor.Parser || s.Role == actor.Modifier {
		list = append(list, option.Fields(tagging{Tag: faultTag(s)})...)
	}
	return list
}

// Page is the page about a module in the documentation, as Markdown.
func Page(s actor.Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", s.Name, s.Summary)
	fmt.Fprintf(&b, "Role: %s. ", strings.ReplaceAll(string(s.Role), "_", "-"))
	if s.Parallel {
		b.WriteString("May run with several workers (`pool_size`).")
	} else {
		b.WriteString("Runs with one worker.")
	}
	if len(s.Aliases) > 0 {
		fmt.Fprintf(&b, " Also known as `%s`.", strings.Join(s.Aliases, "`, `"))
	}
	if doc := strings.TrimSpace(s.Doc); doc != "" {
		b.WriteString("\n\n" + doc)
	}
	fmt.Fprintf(&b, "\n\n## Example\n\n```yaml\n%s\n```\n\n## Options\n\n", strings.TrimSpace(s.Example))
	if list := ModuleOptions(s); len(list) > 0 {
		b.WriteString(table(list))
	} else {
		b.WriteString("None of its own.\n")
	}
	b.WriteString("\nThe [options of every module](README.md#options-of-every-module) are understood as well.\n")
	return b.String()
}

// Index is the first page of the documentation of the modules.
func Index(specs []actor.Spec) string {
	var b strings.Builder
	b.WriteString("# Modules\n\n")
	b.WriteString("This page and those it leads to are written by `gambolputty modules docs`; they say what the program itself says with `gambolputty modules describe NAME`.\n")
	titles := []struct {
		role  actor.Role
		title string
	}{
		{actor.Input, "Inputs"}, {actor.Parser, "Parsers"}, {actor.Modifier, "Modifiers"},
		{actor.Misc, "Miscellaneous"}, {actor.Output, "Outputs"}, {actor.StandAlone, "Stand-alone modules"},
	}
	for _, t := range titles {
		list := slices.DeleteFunc(slices.Clone(specs), func(s actor.Spec) bool { return s.Role != t.role })
		slices.SortFunc(list, func(a, b actor.Spec) int { return cmp.Compare(a.Name, b.Name) })
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", t.title)
		for _, s := range list {
			fmt.Fprintf(&b, "- [%s](%s.md): %s\n", s.Name, s.Name, s.Summary)
		}
	}
	b.WriteString("\n## Options of every module\n\n" + table(CommonOptions()))
	b.WriteString("\nAn entry of `receivers` is the name of a module, or the name with these options below it:\n\n" + table(option.Fields(edgeOptions{})))
	b.WriteString(bufferText + table(option.Fields(defaultEdgeBuffer())))
	b.WriteString("\n## The Global section\n\n" + table(GlobalOptions()))
	return b.String()
}

const bufferText = "\nWith a `buffer`, events that find no room in front of the receiver wait on the disk, in order, and count as\n" +
	"delivered for the sender. What is there when the program stops or dies is sent first the next time; an end of\n" +
	"all inputs waits until everything has been sent. With `type: memory` they wait in memory, which is for bursts: an\n" +
	"input hears of them when they have been delivered, and a stop waits for them.\n\n" +
	"```yaml\n- TcpServer:\n    receivers:\n      - ElasticSearchSink:\n" +
	"          buffer: {path: /var/lib/gambolputty/to-elasticsearch, max_bytes: 10737418240}\n```\n\n"

// table lists options as a Markdown table.
func table(list []option.Field) string {
	var b strings.Builder
	b.WriteString("| Option | Type | Default | Meaning |\n|---|---|---|---|\n")
	for _, f := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, code(f.Default), cell(Meaning(f)))
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// Meaning is the text about an option with its bounds and other names.
func Meaning(f option.Field) string {
	parts := []string{f.Doc}
	if f.Required {
		parts = append([]string{"Required."}, parts...)
	}
	if len(f.Enum) > 0 {
		parts = append(parts, "One of "+strings.Join(f.Enum, ", ")+".")
	}
	switch {
	case f.Min != "" && f.Max != "":
		parts = append(parts, "From "+f.Min+" to "+f.Max+".")
	case f.Min != "":
		parts = append(parts, "At least "+f.Min+".")
	case f.Max != "":
		parts = append(parts, "At most "+f.Max+".")
	}
	if len(f.Aliases) > 0 {
		parts = append(parts, "Also written "+strings.Join(f.Aliases, ", ")+".")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}
