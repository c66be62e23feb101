package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/coder/websocket"
	"github.com/spf13/cobra"

	"gambolputty/actor/event"
)

func (a *app) tapCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tap MODULE[.in|.out]",
		Short: "Watch the events that pass a module of a running program",
		Long: `Prints the events that come in to a module (.in, which is the default) or go out of it
(.out), one JSON object per line. The program must have a WebserverTornado, and the token must be
that of an admin. Looking neither holds events up nor changes them; what passes too fast to be
shown is counted on standard error.`,
		Example: `  gambolputty tap RegexParser.out
  gambolputty tap StdOutSink --filter "\$(http_status) == '500'" --count 10 --pretty
  gambolputty tap Kafka.out --edge ElasticSearchSink --rate 100 --url https://loghost:5100`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.tap(c.Context(), args[0]) },
	}
	remoteFlags(c)
	c.Flags().String("filter", "", "filter that selects events")
	c.Flags().String("edge", "", "id of the module at the other end, to see one edge alone")
	c.Flags().Int("rate", 10, "events a second at most, up to 1000")
	c.Flags().Int("count", 0, "end after so many events; 0 goes on for ten minutes")
	c.Flags().Bool("pretty", false, "print events for people")
	return c
}

// interrupted is a context that ends when somebody has had enough.
func interrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

func (a *app) tap(ctx context.Context, what string) error {
	r, err := a.remote()
	if err != nil {
		return err
	}
	q := url.Values{"module": {what}, "where": {"in"}, "rate": {strconv.Itoa(a.settings.GetInt("rate"))}}
	for _, where := range []string{"in", "out"} {
		if module, ok := strings.CutSuffix(what, "."+where); ok {
			q.Set("module", module)
			q.Set("where", where)
		}
	}
	for _, name := range []string{"filter", "edge"} {
		if v := a.settings.GetString(name); v != "" {
			q.Set(name, v)
		}
	}
	if n := a.settings.GetInt("count"); n > 0 {
		q.Set("count", strconv.Itoa(n))
	}
	ctx, cancel := interrupted(ctx)
	defer cancel()
	c, err := r.dial(ctx, "/websockets/tap?"+q.Encode())
	if err != nil {
		return err
	}
	defer c.CloseNow() // after its end nothing is left to say
	return a.printTapped(ctx, c)
}

func (a *app) printTapped(ctx context.Context, c *websocket.Conn) error {
	pretty := a.settings.GetBool("pretty")
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			return farewell(ctx, err)
		}
		var seen struct {
			Event       json.RawMessage `json:"event"`
			Dropped     int64           `json:"dropped"`
			NotLookedAt int64           `json:"not_looked_at"`
		}
		if err := json.Unmarshal(text, &seen); err != nil {
			return &exit{exitModule, "the server sends what is no JSON"}
		}
		switch {
		case seen.Event == nil:
			fmt.Fprintf(a.err, "%d events passed too fast to be shown\n", seen.Dropped+seen.NotLookedAt)
		case pretty:
			v, _, err := new(event.Decoder).Decode(string(seen.Event))
			if err != nil {
				return &exit{exitModule, "the server sends an event that is no JSON"}
			}
			fmt.Fprintf(a.out, "%s\n", event.AppendPretty(nil, v, 0))
		default:
			if _, err := fmt.Fprintf(a.out, "%s\n", seen.Event); err != nil {
				return nil // nobody reads any more
			}
		}
	}
}
