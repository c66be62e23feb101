package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by the linker for releases, as in -X main.version=1.2.3.
var (
	version = ""
	commit  = ""
	built   = ""
)

// build describes this program.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Built    string `json:"build_date"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func describeBuild() build {
	b := build{Version: version, Commit: commit, Built: built, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.Commit == "":
			b.Commit = s.Value
		case s.Key == "vcs.time" && b.Built == "":
			b.Built = s.Value
		}
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  gambolputty version --output json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := describeBuild()
			if a.settings.GetString("output") == "json" {
				text, err := json.Marshal(b)
				if err != nil {
					return err
				}
				fmt.Fprintln(a.out, string(text))
				return nil
			}
			fmt.Fprintf(a.out, "gambolputty %s (commit %s, built %s, %s, %s)\n", b.Version, b.Commit, b.Built, b.Go, b.Platform)
			return nil
		},
	}
	c.Flags().String("output", "text", "text or json")
	return c
}
