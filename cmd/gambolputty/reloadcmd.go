package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gambolputty/config"
)

func (a *app) reloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Make a running program read its configuration again",
		Long: `Makes a running program read its configuration again and tells what has changed, or why it has
not. Nothing is lost: modules that are the same go on, and if the new configuration has errors
or a module does not start with it, all goes on as before. The program must have a
WebserverTornado; without one, send it SIGHUP, and its log tells how it ended.

Exit codes: 0 the configuration runs, 1 it has errors, 3 it could not be put into effect.`,
		Example: `  gambolputty reload
  gambolputty reload --url https://loghost:5100 --token "$TOKEN"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.reload(c.Context()) },
	}
	remoteFlags(c)
	return c
}

// reloadTime is how long a reload may take: modules are given time to come to a stop.
const reloadTime = 5 * time.Minute

func (a *app) reload(ctx context.Context) error {
	r, err := a.remote()
	if err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	if t, ok := r.http.Transport.(*http.Transport); ok {
		t.ResponseHeaderTimeout = reloadTime
	}
	res, err := r.do(ctx, http.MethodPost, "/api/v1/reload")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var said struct {
		Text, Error string
		Problems    []config.Problem
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil {
		return &exit{exitModule, fmt.Sprintf("%s: %s", r.name, res.Status)}
	}
	switch {
	case len(said.Problems) > 0:
		report := &config.Report{Problems: said.Problems}
		fmt.Fprint(a.err, report.Text())
		return &exit{code: exitInvalid}
	case res.StatusCode >= http.StatusBadRequest:
		return &exit{exitModule, strings.TrimSpace(said.Error)}
	case said.Text == "":
		said.Text = "the reload is under way, and the web server is a part of what changes"
	}
	fmt.Fprintln(a.out, said.Text)
	return nil
}
