package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/parsers/regexparser"
)

func (a *app) matchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "match [LINE]",
		Short: "Show which pattern matches a line, and why the others do not",
		Long: `Tries every pattern of the RegexParser modules of a configuration on a line, or on each
line of standard input. For a pattern that matches it prints the fields, for any other
one how far it gets and what it wants there.`,
		Example: `  gambolputty match -c examples/stdin.yml '192.168.2.20 - - [28/Jul/2006:10:27:10 -0300]'
  tail access.log | gambolputty match -c pipeline.yml --module access`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.match(args) },
	}
	conf(c)
	c.Flags().String("module", "", "id of one RegexParser; otherwise all are tried")
	return c
}

func (a *app) match(args []string) error {
	plan, err := a.load(a.paths(nil), false)
	if err != nil {
		return err
	}
	parsers, err := regexParsers(plan, a.settings.GetString("module"))
	if err != nil {
		return err
	}
	one := func(_ int, line string) error {
		for _, p := range parsers {
			for _, x := range p.opts.Explain(line) {
				if err := a.printMatch(p.id, line, x); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if len(args) > 0 {
		return one(1, args[0])
	}
	return a.eachLine("-", one)
}

// regexParser is such a module of a configuration.
type regexParser struct {
	id   string
	opts *regexparser.Options
}

// regexParsers finds them, or only the one with the given id.
func regexParsers(plan *config.Plan, only string) (list []regexParser, err error) {
	for _, m := range plan.Modules {
		if o, ok := m.Opts.(*regexparser.Options); ok && (only == "" || only == m.ID) {
			list = append(list, regexParser{m.ID, o})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("there is no such RegexParser in the configuration")
	}
	return list, nil
}

func (a *app) patternsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "patterns",
		Short: "Say how the patterns of a configuration are run",
		Long: `Prints for every pattern of the RegexParser modules of a configuration by which engine it
is run, where a match can begin, which texts a line must contain to be worth a look, and
what would make it faster or safer.`,
		Example: "  gambolputty modules patterns -c pipeline.yml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			plan, err := a.load(a.paths(nil), false)
			if err != nil {
				return err
			}
			parsers, err := regexParsers(plan, a.settings.GetString("module"))
			if err != nil {
				return err
			}
			return a.printPatterns(parsers)
		},
	}
	conf(c)
	c.Flags().String("module", "", "id of one RegexParser; otherwise all are described")
	return c
}

func (a *app) printPatterns(parsers []regexParser) error {
	var out strings.Builder
	for _, p := range parsers {
		for _, d := range p.opts.Describe() {
			fmt.Fprintf(&out, "%s: %s\n  engine    %s", p.id, d.Name, d.Engine)
			if d.Why != "" {
				fmt.Fprintf(&out, ", because of %s", d.Why)
			}
			fmt.Fprintf(&out, "\n  begins    %s\n", d.Begins)
			if len(d.Literals) > 0 {
				fmt.Fprintf(&out, "  contains  %q\n", d.Literals)
			}
			for _, text := range d.Advice {
				fmt.Fprintf(&out, "  advice    %s\n", text)
			}
		}
	}
	_, err := fmt.Fprint(a.out, out.String())
	return err
}

func (a *app) printMatch(id, line string, x regexparser.Explanation) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s ", id, x.Name)
	switch {
	case x.Err != nil:
		fmt.Fprintf(&out, "gives no answer: %s\n", x.Err)
	case x.Matched:
		fmt.Fprintf(&out, "matches %q\n", line[x.From:x.To])
		for i := range x.Fields.Len() {
			f := x.Fields.At(i)
			fmt.Fprintf(&out, "  %s = %s\n", f.Key.Name, new(event.Encoder).AppendValue(nil, f.Value))
		}
	case x.Fits == "":
		out.WriteString("does not match, not even its beginning\n")
	default:
		fmt.Fprintf(&out, "does not match\n  fits as far as %s\n  then wants     %s\n  but there is   %s\n", tail(x.Fits), head(x.Wanted), head(line[x.To:]))
	}
	_, err := fmt.Fprint(a.out, out.String())
	return err
}

// shown is the number of characters of a pattern or a line that are printed.
const shown = 60

func head(s string) string {
	if r := []rune(s); len(r) > shown {
		return string(r[:shown]) + " ..."
	}
	if s == "" {
		return "the end of the line"
	}
	return s
}

func tail(s string) string {
	if r := []rune(s); len(r) > shown {
		return "... " + string(r[len(r)-shown:])
	}
	return s
}
