package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gambolputty/config"
)

func (a *app) validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "validate-config [FILE]",
		Short: "Check a configuration and say all that is wrong with it",
		Long: `Checks a configuration without opening a socket or a file of it. All errors and
warnings are reported at once, each with file, line and column.`,
		Example: `  gambolputty validate-config pipeline.yml
  gambolputty validate-config -c pipeline.yml --strict --check-files
  gambolputty validate-config pipeline.yml --output json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			output := a.settings.GetString("output")
			if output != "text" && output != "json" {
				return fmt.Errorf("output must be text or json, got %q", output)
			}
			return a.validate(a.paths(args), output, a.settings.GetBool("strict"), a.settings.GetBool("check-files"))
		},
	}
	conf(c)
	c.Flags().String("output", "text", "text or json")
	c.Flags().Bool("strict", false, "warnings are errors")
	c.Flags().Bool("check-files", false, "files that the configuration names must be readable")
	return c
}

func (a *app) validate(paths []string, output string, strict, checkFiles bool) error {
	plan, report, err := a.read(paths, checkFiles)
	if err != nil {
		return err
	}
	if output == "json" {
		fmt.Fprint(a.out, string(report.JSON()))
	} else {
		fmt.Fprint(a.err, report.Text())
	}
	if !report.OK(strict) {
		return &exit{code: exitInvalid}
	}
	if output == "text" {
		modules := "modules"
		if len(plan.Modules) == 1 {
			modules = "module"
		}
		fmt.Fprintf(a.out, "%s: configuration is valid (%d %s)\n", strings.Join(paths, ", "), len(plan.Modules), modules)
	}
	return nil
}

// maxConfig bounds a configuration that comes from standard input.
const maxConfig = 16 << 20

// readStandardInput reads the configuration that a program like cat writes. StdIn would
// want to read the same stream.
func (a *app) readStandardInput(checkFiles bool) (*config.Plan, *config.Report, error) {
	text, err := io.ReadAll(io.LimitReader(a.in, maxConfig))
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	plan, report := a.loader(checkFiles).LoadText("standard input", text)
	for _, m := range plan.Modules {
		if m.Spec.Name == "StdIn" {
			return nil, nil, errors.New("standard input cannot be both the configuration and the input of StdIn")
		}
	}
	return plan, report, nil
}
