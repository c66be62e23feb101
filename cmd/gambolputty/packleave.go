package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// departureCommands are those about nodes that go.
func (a *app) departureCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use:   "step-down",
		Short: "Make an elected leader hand its role to another node",
		Long: `Makes the node hand the role of the leader to another one that votes, as before work on its machine. It stays
a member and votes on. Where its priority is the highest it is handed the role back; leave takes it out
altogether. A leader that is fixed by pack: leader does not step down.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.packAct(c.Context(), "step-down", nil, "the node has stepped down")
		},
	}, {
		Use:   "leave",
		Short: "Make the node leave its pack, while its events go on",
		Long: `Makes the node leave its pack: it is left for the others, gives up its vote if it has one, and does not
lead any more. Its modules go on as they are, but for inputs with run_on: leader, which end. It is a
member again after a restart.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.packAct(c.Context(), "leave", nil, "the node has left the pack")
		},
	}, {
		Use:   "force-remove NODE",
		Short: "Remove a node that is dead from the pack and from its voters",
		Long: `Removes a node that is dead, or has left, from the list of the nodes and from those that vote, so that
the majority is counted without it. Voters can be removed as long as there is a leader. A node that
is there is not removed; it can leave. One that comes back is a member again.`,
		Example: `  gambolputty pack force-remove log3`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.packAct(c.Context(), "force-remove", map[string]string{"node": args[0]}, fmt.Sprintf("%s was removed from the pack", args[0]))
		},
	}}
}

// departureTime is how long the nodes may take to agree upon who is there.
const departureTime = time.Minute

// packAct asks something of the pack.
func (a *app) packAct(ctx context.Context, what string, body any, done string) error {
	r, err := a.remote()
	if err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, departureTime)
	defer cancel()
	if t, ok := r.http.Transport.(*http.Transport); ok {
		t.ResponseHeaderTimeout = departureTime
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/api/v1/pack/"+what, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header = r.header()
	req.Header.Set("Content-Type", "application/json")
	res, err := r.http.Do(req)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &exit{exitModule, fmt.Sprintf("%s: %s", r.url, refusal(res))}
	}
	fmt.Fprintln(a.out, done)
	return nil
}
