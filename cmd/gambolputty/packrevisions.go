package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gambolputty/stages/cluster/packconfiguration"
)

// revisionCommands are those of pack that are about the configuration that is shared.
func (a *app) revisionCommands() []*cobra.Command {
	list := []*cobra.Command{
		{
			Use:   "diff [REVISION]",
			Short: "Show what the revision that waits would change, or a former one",
			Long: `Shows the difference between what the nodes run and the revision that waits for approval, or that
some nodes have before the others; with a number, the difference to that revision of the history,
which is what a rollback to it would change. Secrets are masked.`,
			Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return a.packDiff(c.Context(), args) },
		},
		{
			Use:   "approve [REVISION]",
			Short: "Let the revision be used that waits for approval",
			Long: `Lets the revision be used that waits for approval: on the leader, it is given to the other nodes;
on a follower, it is put into effect there. With a number, only if that revision waits.`,
			Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return a.packApprove(c.Context(), args) },
		},
		{
			Use:   "history",
			Short: "List the last revisions, and who did what about them",
			Args:  cobra.NoArgs,
			RunE:  func(c *cobra.Command, _ []string) error { return a.packHistory(c.Context()) },
		},
		{
			Use:   "rollback [REVISION]",
			Short: "Make a former revision the newest one",
			Long: `Makes the modules of a former revision those of all nodes again, as a new revision. Without a number
it is the one before that which runs. The file of the leader is not written; what it holds counts
again as soon as it changes.`,
			Example: `  gambolputty pack diff 7
  gambolputty pack rollback 7 --token "$TOKEN"`,
			Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return a.packRollback(c.Context(), args) },
		},
	}
	for _, c := range list {
		remoteFlags(c)
	}
	return append(list, &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a pair of keys that signs revisions",
		Long: `Makes a pair of Ed25519 keys. The private one is written to a file that must not be there yet, for
sign_key of the leader; the public one is printed, for trusted_keys of the others.`,
		Example: "  gambolputty pack keygen /etc/gambolputty/pack.key",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.packKeygen(args[0]) },
	})
}

// packAsk asks the web server about the pack and reads its answer.
func (a *app) packAsk(ctx context.Context, method, path string, body, into any) error {
	r, err := a.remote()
	if err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	limit := answerTime
	if method != http.MethodGet {
		limit = reloadTime // modules are given time to come to a stop
		if t, ok := r.http.Transport.(*http.Transport); ok {
			t.ResponseHeaderTimeout = reloadTime
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, text)
	if err != nil {
		return err
	}
	req.Header = r.header()
	req.Header.Set("User-Agent", "gambolputty")
	req.Header.Set("Content-Type", "application/json")
	res, err := r.http.Do(req)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		return &exit{exitModule, fmt.Sprintf("%s: %s", r.url, refusal(res))}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<20)).Decode(into); err != nil {
		return &exit{exitModule, "the server sends what is no JSON"}
	}
	return nil
}

// revisionNumber is the argument of a command, 0 without one.
func revisionNumber(args []string) (int64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("the revision must be a number from 1 on, got %q", args[0])
	}
	return n, nil
}

func (a *app) packDiff(ctx context.Context, args []string) error {
	n, err := revisionNumber(args)
	if err != nil {
		return err
	}
	path := "/api/v1/pack/diff"
	if n > 0 {
		path += fmt.Sprintf("?revision=%d", n)
	}
	var d struct {
		Unified string `json:"unified"`
		Hidden  bool   `json:"only_hidden"`
	}
	if err := a.packAsk(ctx, http.MethodGet, path, nil, &d); err != nil {
		return err
	}
	switch {
	case d.Hidden:
		fmt.Fprintln(a.err, "only secrets are different, which are not shown")
	case d.Unified == "":
		fmt.Fprintln(a.err, "there is no difference")
	}
	fmt.Fprint(a.out, d.Unified)
	return nil
}

func (a *app) packApprove(ctx context.Context, args []string) error {
	n, err := revisionNumber(args)
	if err != nil {
		return err
	}
	var v packAnswer
	if err := a.packAsk(ctx, http.MethodGet, "/api/v1/pack", nil, &v); err != nil {
		return err
	}
	switch {
	case v.Configuration == nil:
		return &exit{exitModule, "there is no PackConfiguration in the configuration"}
	case v.Configuration.Waiting == nil:
		return &exit{exitModule, "no revision waits for approval"}
	case n > 0 && v.Configuration.Waiting.N != n:
		return &exit{exitModule, fmt.Sprintf("revision %d does not wait for approval, but %d does", n, v.Configuration.Waiting.N)}
	}
	w := v.Configuration.Waiting
	var said any
	if err := a.packAsk(ctx, http.MethodPost, "/api/v1/pack/approve", map[string]string{"hash": w.Hash}, &said); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "revision %d (%.8s) is approved\n", w.N, w.Hash)
	return nil
}

func (a *app) packHistory(ctx context.Context) error {
	var h packconfiguration.History
	if err := a.packAsk(ctx, http.MethodGet, "/api/v1/pack/history", nil, &h); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REVISION\tTIME\tMODULES\tSTATE\tBY\tNOTE")
	for _, e := range h.Revisions {
		number := fmt.Sprintf("%d %.8s", e.N, e.Hash)
		if e.Runs {
			number += " *"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", number, e.Time.Local().Format(time.DateTime), e.Modules, e.Stage, cmp.Or(e.By, "-"), cmp.Or(e.Note, "-"))
	}
	if len(h.Actions) > 0 {
		fmt.Fprintln(w, "\nACTION\tTIME\tREVISION\t\tWHO\tNOTE")
	}
	for _, e := range h.Actions {
		fmt.Fprintf(w, "%s\t%s\t%d %.8s\t\t%s\t%s\n", e.Action, e.Time.Local().Format(time.DateTime), e.N, e.Hash, e.Who, cmp.Or(e.Note, "-"))
	}
	return w.Flush()
}

func (a *app) packRollback(ctx context.Context, args []string) error {
	n, err := revisionNumber(args)
	if err != nil {
		return err
	}
	var said struct {
		Revision int64 `json:"revision"`
	}
	if err := a.packAsk(ctx, http.MethodPost, "/api/v1/pack/rollback", map[string]int64{"n": n}, &said); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "the pack is rolled back with revision %d; the file of the leader counts again when it changes\n", said.Revision)
	return nil
}

// packKeygen never replaces a key, as nodes may trust it.
func (a *app) packKeygen(path string) error {
	private, public, err := packconfiguration.NewKey()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	_, err = f.Write(private)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return &exit{exitModule, err.Error()}
	}
	fmt.Fprintln(a.out, public)
	return nil
}
