package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert FILE",
		Short: "Write a configuration with the current names",
		Long: `Prints a configuration with the current names of modules and options; comments and
everything else stay as they are. What is still wrong with it goes to standard error.`,
		Example: `  gambolputty convert old.conf > new.yml`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.convert(args[0]) },
	}
}

func (a *app) convert(path string) error {
	text, err := os.ReadFile(path)
	if path == "-" {
		text, err = io.ReadAll(a.in)
	}
	if err != nil {
		return err
	}
	c, report := a.loader(false).Convert(path, text)
	fmt.Fprint(a.err, report.Text())
	for _, note := range c.Notes {
		fmt.Fprintf(a.err, "note: %s\n", note)
	}
	if _, err := io.WriteString(a.out, c.Text); err != nil {
		return err
	}
	if !report.OK(false) {
		return &exit{code: exitInvalid}
	}
	return nil
}
