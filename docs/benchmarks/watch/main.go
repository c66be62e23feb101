// Command watch opens all that the web server of a program has to watch: it asks for /metrics
// each second, and keeps the stream of the statistics and a tap open. It does nothing with what
// comes, so that it takes little from the program, and tells at the end how much came.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

func main() {
	base := flag.String("url", "http://127.0.0.1:5100", "address of the web server")
	module := flag.String("module", "RegexParser", "module to tap, as its events leave")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var scrapes, ticks, events atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		for ; scrape(ctx, *base) == nil; scrapes.Add(1) {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
		}
	})
	all.Go(func() { listen(ctx, *base+"/websockets/statistics", &ticks) })
	all.Go(func() { listen(ctx, *base+"/websockets/tap?where=out&module="+*module, &events) })
	all.Wait()
	fmt.Fprintf(os.Stderr, "%d scrapes, %d messages of statistics, %d of the tap\n", scrapes.Load(), ticks.Load(), events.Load())
}

func scrape(ctx context.Context, base string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func listen(ctx context.Context, address string, count *atomic.Int64) {
	c, _, err := websocket.Dial(ctx, strings.Replace(address, "http", "ws", 1), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer c.CloseNow() // there is nothing to say at the end
	c.SetReadLimit(1 << 20)
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return
		}
		count.Add(1)
	}
}
