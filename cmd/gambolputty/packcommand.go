package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gambolputty/stages/cluster/pack"
	"gambolputty/stages/cluster/packconfiguration"
)

func (a *app) packCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pack",
		Short: "Show the pack that a running program is part of, and take care of its configuration",
		Long:  "Shows the pack that a running program is part of, and takes care of its configuration. The program must have a Pack and a WebserverTornado.",
		Args:  cobra.NoArgs,
	}
	members := &cobra.Command{
		Use:   "members",
		Short: "List the nodes with their states and their revisions of the configuration",
		Example: `  gambolputty pack members
  gambolputty pack members --url https://loghost:5100`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.packShow(c.Context(), a.printMembers) },
	}
	leader := &cobra.Command{
		Use:   "leader",
		Short: "Print the name of the leader; without one the exit code is 3",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.packShow(c.Context(), a.printLeader) },
	}
	for _, sub := range append(a.departureCommands(), members, leader) {
		remoteFlags(sub)
		c.AddCommand(sub)
	}
	c.AddCommand(a.revisionCommands()...)
	return c
}

// packAnswer is what the web server tells of the pack.
type packAnswer struct {
	Pack          *pack.View              `json:"pack"`
	Configuration *packconfiguration.View `json:"configuration"`
}

func (a *app) packShow(ctx context.Context, show func(packAnswer) error) error {
	r, err := a.remote()
	if err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	res, err := r.do(ctx, http.MethodGet, "/api/v1/pack")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &exit{exitModule, fmt.Sprintf("%s: %s", r.url, refusal(res))}
	}
	var v packAnswer
	if err := json.NewDecoder(io.LimitReader(res.Body, 16<<20)).Decode(&v); err != nil {
		return &exit{exitModule, "the server sends what is no JSON"}
	}
	if v.Pack == nil {
		return &exit{exitModule, r.url + ": there is no Pack in the configuration"}
	}
	return show(v)
}

func (a *app) printLeader(v packAnswer) error {
	if v.Pack.Leader == "" {
		return &exit{exitModule, "nobody leads the pack"}
	}
	fmt.Fprintln(a.out, v.Pack.Leader)
	return nil
}

func (a *app) printMembers(v packAnswer) error {
	reports := map[string]packconfiguration.Report{}
	if v.Configuration != nil {
		reports[v.Pack.Node] = v.Configuration.Report
		for _, r := range v.Configuration.Nodes {
			reports[r.Node] = r
		}
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATE\tROLE\tADDRESS\tREVISION\tCONFIGURATION")
	for _, m := range v.Pack.Members {
		name, revision := m.Name, ""
		if m.Leader {
			name += " *"
		}
		r := reports[m.Name]
		if r.N > 0 {
			revision = fmt.Sprintf("%d %.8s", r.N, r.Hash)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, m.State, m.Role, m.Address, cmp.Or(revision, "-"), cmp.Or(string(r.State), "-"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printConcerns(v)
	return nil
}

// printConcerns prints what somebody should look at: what is wrong on nodes, and what waits.
func (a *app) printConcerns(v packAnswer) {
	if v.Configuration == nil {
		return
	}
	for _, r := range append([]packconfiguration.Report{v.Configuration.Report}, v.Configuration.Nodes...) {
		for _, text := range []string{r.Error, r.Health} {
			if text != "" {
				fmt.Fprintf(a.out, "%s: %s\n", r.Node, text)
			}
		}
	}
	if w := v.Configuration.Waiting; w != nil {
		fmt.Fprintf(a.out, "revision %d (%.8s) waits for approval\n", w.N, w.Hash)
	}
	if c := v.Configuration.Canary; c != nil {
		fmt.Fprintf(a.out, "revision %d (%.8s) runs on some nodes before the others get it\n", c.N, c.Hash)
	}
}
