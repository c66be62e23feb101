package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func (a *app) healthCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Tell whether a pipeline has started and runs",
		Long: `Looks for the process whose id run --pid-file wrote once all modules had started. Ends
with 0 if it is there and with 1 if not, as health checks of containers want it.`,
		Example: "  gambolputty healthcheck --pid-file /run/gambolputty/pid",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path := a.settings.GetString("pid-file")
			if path == "" {
				return fmt.Errorf("no process is given; name its file with --pid-file")
			}
			if err := alive(path); err != nil {
				return &exit{exitInvalid, err.Error()}
			}
			fmt.Fprintln(a.out, "running")
			return nil
		},
	}
	c.Flags().String("pid-file", "", "file with the process id")
	return c
}

func alive(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the pipeline has not started: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s holds no process id", path)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("process %d does not run: %w", pid, err)
	}
	if err := p.Signal(syscall.Signal(0)); err != nil {
		return fmt.Errorf("process %d does not run: %w", pid, err)
	}
	return nil
}
