package redislist

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/stages/internal/redisconn"
)

// keys are what belongs to a list. All but the first are unset without reliable.
type keys struct {
	list       string
	processing string // entries that are not delivered yet, oldest first
	lease      string // lives as long as the consumer
	consumers  string // the set of all consumers
}

// keysOf names the keys for a consumer. In a cluster they must be in one slot.
func keysOf(list, consumer string, cluster bool) keys {
	base := list
	if cluster && !strings.Contains(list, "{") {
		base = "{" + list + "}"
	}
	p := base + ".processing." + consumer
	return keys{list: list, processing: p, lease: p + ".lease", consumers: base + ".consumers"}
}

// delivery is what was sent on together.
type delivery struct {
	from  *list
	texts []string
}

// ledger knows which entries are under way, and cares for those of dead consumers.
// Everything but the answers happens in the goroutine of the source.
type ledger struct {
	env    actor.Env
	opts   Options
	client *redisconn.Client
	lists  []*list
	token  string

	name    string    // "" before we have one
	doubt   bool      // an answer got lost, so that we do not know what is in our lists
	recheck time.Time // when to doubt once more
	looked  time.Time // when dead consumers were looked for
	stop    func()    // ends keepAlive

	mu       sync.Mutex
	underway map[*delivery]struct{}
	answered []*delivery // to be removed from the server
	renewal  []redisconn.Command
	lost     bool // somebody else has our name
}

func newLedger(env actor.Env, o Options, c *redisconn.Client, lists []*list) *ledger {
	return &ledger{env: env, opts: o, client: c, lists: lists, token: rand.Text(), underway: map[*delivery]struct{}{}}
}

// open makes the ticket for entries that are about to be sent on.
func (l *ledger) open(from *list, texts []string) *ack.Ticket {
	d := &delivery{from, texts}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underway[d] = struct{}{}
	return ack.New(func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil {
			return // they stay where they are, for the next start
		}
		if _, ours := l.underway[d]; !ours {
			return
		}
		delete(l.underway, d)
		l.answered = append(l.answered, d)
	})
}

// begin makes sure at the begin of a session that we have a name, and that what is in our
// lists is what we know.
func (l *ledger) begin(ctx context.Context) error {
	if l.name == "" {
		return l.claim(ctx)
	}
	return l.settle(ctx)
}

var errLost = errors.New("this consumer was taken for dead and another one has its name")

// disown forgets everything after somebody else has got our name, with all that was ours.
func (l *ledger) disown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lost {
		return false
	}
	l.name, l.renewal, l.answered = "", nil, nil
	clear(l.underway)
	return true
}

// late is how long a command may still do something after its connection broke.
const late = 3 * step

// upkeep is done between two pops.
func (l *ledger) upkeep(ctx context.Context) error {
	if l.disown() {
		return errLost
	}
	if err := l.settle(ctx); err != nil {
		return err
	}
	if time.Since(l.looked) < l.opts.Lease {
		return nil
	}
	l.looked = time.Now()
	return l.bury(ctx)
}

// settle removes what has been delivered.
func (l *ledger) settle(ctx context.Context) error {
	again := !l.recheck.IsZero() && time.Now().After(l.recheck)
	if again {
		l.recheck = time.Time{}
	}
	if l.doubt || again {
		if err := l.reconcile(ctx); err != nil {
			l.doubt = true
			return err
		}
		if l.doubt {
			l.doubt, l.recheck = false, time.Now().Add(late)
		}
		return nil
	}
	l.mu.Lock()
	done := l.answered
	l.answered = nil
	l.mu.Unlock()
	if len(done) == 0 {
		return nil
	}
	var commands []redisconn.Command
	for _, d := range done {
		for _, t := range d.texts {
			commands = append(commands, redisconn.Command{Key: d.from.processing, Name: "LREM", Args: []any{d.from.processing, 1, t}})
		}
	}
	_, err := l.run(ctx, commands...)
	if err != nil {
		l.doubt = true
		l.mu.Lock()
		l.answered = append(done, l.answered...)
		l.mu.Unlock()
		return fmt.Errorf("remove delivered entries: %w", err)
	}
	return nil
}

// run runs commands; the first error among the replies is one of all.
func (l *ledger) run(ctx context.Context, commands ...redisconn.Command) ([]any, error) {
	replies, err := l.client.Run(context.WithoutCancel(ctx), commands...)
	if err != nil {
		return nil, err
	}
	for _, r := range replies {
		if e, bad := r.(redis.Error); bad {
			return nil, e
		}
	}
	return replies, nil
}

// reconcile compares our lists with what is under way, after an answer got lost. What has
// been delivered is removed, and what never reached us goes back.
func (l *ledger) reconcile(ctx context.Context) error {
	for _, one := range l.lists {
		known, done, settled := l.of(one)
		reply, err := redis.Strings(l.client.Do(context.WithoutCancel(ctx), redisconn.Command{Key: one.processing, Name: "LRANGE", Args: []any{one.processing, 0, -1}, Again: true}))
		if err != nil {
			if wrong(err) {
				continue // there is nothing of ours in it
			}
			return fmt.Errorf("compare entries of %s: %w", one.processing, err)
		}
		args := []any{reconcileScript, 2, one.list, one.processing, l.opts.Direction}
		var back []any
		for _, text := range reply {
			switch {
			case known[text] > 0:
				known[text]--
			case done[text] > 0:
				done[text]--
				args = append(args, "done", text)
			default:
				back = append(back, "back", text)
			}
		}
		if len(args)+len(back) > 5 {
			if _, err := l.run(ctx, redisconn.Command{Key: one.list, Name: "EVAL", Args: append(args, back...)}); err != nil {
				return fmt.Errorf("put entries of %s in order: %w", one.processing, err)
			}
			l.env.Count("recovered", len(back)/2)
		}
		l.forget(settled)
	}
	return nil
}

// of counts the entries of a list that are under way and those that are answered.
func (l *ledger) of(one *list) (known, done map[string]int, settled map[*delivery]bool) {
	known, done, settled = map[string]int{}, map[string]int{}, map[*delivery]bool{}
	l.mu.Lock()
	defer l.mu.Unlock()
	for d := range l.underway {
		for _, t := range d.texts {
			if d.from == one {
				known[t]++
			}
		}
	}
	for _, d := range l.answered {
		if d.from == one {
			settled[d] = true
			for _, t := range d.texts {
				done[t]++
			}
		}
	}
	return known, done, settled
}

// forget takes deliveries off the list of those to be removed.
func (l *ledger) forget(settled map[*delivery]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []*delivery
	for _, d := range l.answered {
		if !settled[d] {
			left = append(left, d)
		}
	}
	l.answered = left
}

// end removes what has been delivered; the rest is for the next start.
func (l *ledger) end(ctx context.Context) {
	if l.stop != nil {
		l.stop()
	}
	if l.name == "" || l.disown() {
		return
	}
	err := l.settle(ctx)
	if err != nil {
		err = l.settle(ctx) // over a new connection
	}
	_, failed := l.run(ctx, l.releases(l.lists, l.name)...)
	if err := errors.Join(err, failed); err != nil {
		l.env.Log.Warn("the server could not be told what has been delivered, so it may come again", "error", err)
	}
}

// consumer is the name to be asked for in the n-th place.
func (l *ledger) consumer(n int) string {
	name := l.opts.Consumer
	if name == "" {
		name = l.env.ID
	}
	if l.env.Worker > 0 {
		name += ".worker" + strconv.Itoa(l.env.Worker+1)
	}
	if n > 1 {
		name += "-" + strconv.Itoa(n)
	}
	return name
}
