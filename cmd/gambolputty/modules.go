package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/config"
	"gambolputty/stages"
)

func (a *app) modulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "modules",
		Short:   "List and describe the modules of this build",
		Example: "  gambolputty modules list\n  gambolputty modules describe RegexParser",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
		Args:    cobra.NoArgs,
	}
	c.AddCommand(a.listCommand(), a.describeCommand(), a.patternsCommand(), a.docsCommand(), a.schemaCommand())
	return c
}

// roles in the order of the flow.
var roles = []actor.Role{actor.Input, actor.Parser, actor.Modifier, actor.Misc, actor.Output, actor.StandAlone}

func (a *app) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the modules",
		Example: "  gambolputty modules list --role parser",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.list(a.settings.GetString("role"), a.settings.GetString("output"))
		},
	}
	c.Flags().String("role", "", "only modules of this role: input, parser, modifier, misc, output or stand_alone")
	c.Flags().String("output", "text", "text or json")
	return c
}

func (a *app) list(role, output string) error {
	if role != "" && !slices.Contains(roles, actor.Role(role)) {
		return fmt.Errorf("role must be one of input, parser, modifier, misc, output, stand_alone, got %q", role)
	}
	specs := slices.DeleteFunc(stages.All(), func(s actor.Spec) bool { return role != "" && s.Role != actor.Role(role) })
	slices.SortFunc(specs, func(x, y actor.Spec) int {
		return cmp.Or(cmp.Compare(slices.Index(roles, x.Role), slices.Index(roles, y.Role)), cmp.Compare(x.Name, y.Name))
	})
	if output == "json" {
		type entry struct {
			Name    string     `json:"name"`
			Role    actor.Role `json:"role"`
			Summary string     `json:"summary"`
		}
		list := []entry{}
		for _, s := range specs {
			list = append(list, entry{s.Name, s.Role, s.Summary})
		}
		return a.printJSON(list)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, s := range specs {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Role, s.Summary)
	}
	return w.Flush()
}

func (a *app) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, string(text))
	return err
}

func (a *app) describeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Say what a module does and list its options",
		Example: "  gambolputty modules describe TcpServer\n  gambolputty modules describe TcpServer --output json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.describe(args[0], a.settings.GetString("output"))
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return moduleNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().String("output", "text", "text, json or yaml")
	return c
}

func moduleNames() []string {
	var names []string
	for _, s := range stages.All() {
		names = append(names, s.Name)
	}
	return names
}

// find returns a module by its name or an alias.
func find(name string) (actor.Spec, error) {
	var names []string
	for _, s := range stages.All() {
		if s.Name == name || slices.Contains(s.Aliases, name) {
			return s, nil
		}
		names = append(append(names, s.Name), s.Aliases...)
	}
	if near := option.Nearest(name, names); near != "" {
		return actor.Spec{}, fmt.Errorf("unknown module %q; did you mean %q?", name, near)
	}
	return actor.Spec{}, fmt.Errorf("unknown module %q", name)
}

// description is a module for programs to read.
type description struct {
	Name     string              `json:"name" yaml:"name"`
	Role     actor.Role          `json:"role" yaml:"role"`
	Aliases  []string            `json:"aliases" yaml:"aliases"`
	Summary  string              `json:"summary" yaml:"summary"`
	Parallel bool                `json:"parallel" yaml:"parallel"`
	Options  []optionDescription `json:"options" yaml:"options"`
	Example  string              `json:"example" yaml:"example"`
}

type optionDescription struct {
	Name     string   `json:"name" yaml:"name"`
	Type     string   `json:"type" yaml:"type"`
	Default  string   `json:"default" yaml:"default"`
	Required bool     `json:"required" yaml:"required"`
	Values   []string `json:"values,omitempty" yaml:"values,omitempty"`
	Minimum  string   `json:"minimum,omitempty" yaml:"minimum,omitempty"`
	Maximum  string   `json:"maximum,omitempty" yaml:"maximum,omitempty"`
	Aliases  []string `json:"aliases,omitempty" yaml:"aliases,omitempty"`
	Meaning  string   `json:"meaning" yaml:"meaning"`
}

func (a *app) describe(name, output string) error {
	s, err := find(name)
	if err != nil {
		return err
	}
	d := description{Name: s.Name, Role: s.Role, Aliases: s.Aliases, Summary: s.Summary, Parallel: s.Parallel, Example: s.Example}
	for _, f := range config.ModuleOptions(s) {
		d.Options = append(d.Options, optionDescription{
			Name: f.Name, Type: f.Type, Default: f.Default, Required: f.Required, Values: f.Enum,
			Minimum: f.Min, Maximum: f.Max, Aliases: f.Aliases, Meaning: f.Doc,
		})
	}
	switch output {
	case "json":
		return a.printJSON(d)
	case "yaml":
		text, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		_, err = a.out.Write(text)
		return err
	case "text":
		return a.describeText(s)
	}
	return fmt.Errorf("output must be text, json or yaml, got %q", output)
}

func (a *app) describeText(s actor.Spec) error {
	fmt.Fprintf(a.out, "%s (%s)\n%s\n", s.Name, s.Role, s.Summary)
	if len(s.Aliases) > 0 {
		fmt.Fprintf(a.out, "\nAlso known as %s.\n", strings.Join(s.Aliases, ", "))
	}
	if doc := strings.TrimSpace(s.Doc); doc != "" {
		fmt.Fprintf(a.out, "\n%s\n", doc)
	}
	fmt.Fprint(a.out, "\nOptions:\n")
	for _, f := range config.ModuleOptions(s) {
		fmt.Fprintf(a.out, "  %s (%s", f.Name, f.Type)
		switch {
		case f.Required:
			fmt.Fprint(a.out, ", required")
		case f.Default != "":
			fmt.Fprintf(a.out, ", default %s", f.Default)
		}
		f.Required = false
		fmt.Fprintf(a.out, ")\n      %s\n", config.Meaning(f))
	}
	_, err := fmt.Fprintf(a.out, "  and those that every module has: id, filter, receivers, add_fields, ... (see docs/modules/README.md)\n\nExample:\n%s", indent(s.Example))
	return err
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

func (a *app) docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "docs DIR",
		Short:   "Write a page about every module into a directory",
		Example: "  gambolputty modules docs docs/modules",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			pages := map[string]string{"README": config.Index(stages.All())}
			for _, s := range stages.All() {
				pages[s.Name] = config.Page(s)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for name, text := range pages {
				if err := os.WriteFile(filepath.Join(args[0], name+".md"), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print a JSON schema of configurations, for editors",
		Example: "  gambolputty modules schema > gambolputty.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := config.Schema(stages.All())
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
}
