package redislist

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/stages/internal/redisconn"
)

// most consumers of one name.
const mostConsumers = 1000

// claim finds a name that nobody else has. Whoever died a moment ago still has his, so the
// first name is waited for: what was left under it must come first.
func (l *ledger) claim(ctx context.Context) error {
	for late := time.Now().Add(l.opts.Lease + l.opts.Lease/4); ; pause(ctx, l.opts.Lease/10) {
		free, err := l.try(ctx, 1)
		if err != nil || free {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if time.Now().After(late) {
			break
		}
	}
	for n := 2; n <= mostConsumers; n++ {
		if free, err := l.try(ctx, n); err != nil || free {
			return err
		}
	}
	return fmt.Errorf("all names from %s to %s are taken", l.consumer(1), l.consumer(mostConsumers))
}

// try takes a name for all lists, or for none.
func (l *ledger) try(ctx context.Context, n int) (bool, error) {
	name := l.consumer(n)
	for i, one := range l.lists {
		one.keys = keysOf(one.list, name, len(l.opts.Cluster) > 0)
		free, err := redis.Bool(l.client.Do(ctx, l.request(one.keys, name)))
		if err != nil {
			return false, fmt.Errorf("register as consumer %s: %w", name, err)
		}
		if !free {
			_, _ = l.run(ctx, l.releases(l.lists[:i], name)...) // they end by themselves if need be
			return false, nil
		}
	}
	for _, one := range l.lists {
		if _, err := l.recover(ctx, one, name, l.token); err != nil {
			return false, err
		}
	}
	l.name, l.doubt, l.looked = name, false, time.Time{}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost, l.renewal = false, nil
	for _, one := range l.lists {
		l.renewal = append(l.renewal, l.request(one.keys, name))
	}
	l.env.Log.Info("consumer registered", "consumer", name)
	return true, nil
}

// releases are the commands that give leases back.
func (l *ledger) releases(lists []*list, name string) []redisconn.Command {
	var commands []redisconn.Command
	for _, one := range lists {
		commands = append(commands, redisconn.Command{
			Key: one.lease, Name: "EVAL", Args: []any{releaseScript, 3, one.lease, one.consumers, one.processing, l.token, name}, Again: true,
		})
	}
	return commands
}

// recover puts what a consumer has not delivered back to where it came from, if the lease
// is held by nobody or by us.
func (l *ledger) recover(ctx context.Context, one *list, name, token string) (int, error) {
	k := keysOf(one.list, name, len(l.opts.Cluster) > 0)
	n, err := redis.Int(l.client.Do(ctx, redisconn.Command{
		Key: k.list, Name: "EVAL", Args: []any{recoverScript, 4, k.list, k.processing, k.lease, k.consumers, l.opts.Direction, token, name}, Again: true,
	}))
	if wrong(err) {
		l.env.Warn("a key is no list, so nothing can be recovered", "list", k.list, "processing", k.processing)
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("recover entries of consumer %s: %w", name, err)
	}
	if n > 0 {
		l.env.Log.Warn("entries that were not delivered are taken again", "list", k.list, "consumer", name, "entries", n)
		l.env.Count("recovered", n)
	}
	return n, nil
}

// bury recovers what dead consumers have left.
func (l *ledger) bury(ctx context.Context) error {
	for _, one := range l.lists {
		names, err := redis.Strings(l.client.Do(ctx, redisconn.Command{Key: one.consumers, Name: "SMEMBERS", Args: []any{one.consumers}, Again: true}))
		if wrong(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for consumers of %s: %w", one.list, err)
		}
		for _, name := range names {
			if name == l.name {
				continue
			}
			if _, err := l.recover(ctx, one, name, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepAlive renews the lease until end, also while the source has to wait for its receivers.
func (l *ledger) keepAlive() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(l.opts.Lease / 4)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.renew(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	l.stop = func() { cancel(); running.Wait() }
}

// renew prolongs the lease. An outage is no concern of its own: the source meets it too.
func (l *ledger) renew(ctx context.Context) {
	l.mu.Lock()
	commands := l.renewal
	l.mu.Unlock()
	if len(commands) == 0 {
		return
	}
	replies, err := l.client.Run(ctx, commands...)
	if err != nil {
		return
	}
	for _, r := range replies {
		if held, isInt := r.(int64); isInt && held == 0 {
			l.mu.Lock()
			l.lost = true
			l.mu.Unlock()
		}
	}
}

// request asks for the lease of a list under a name.
func (l *ledger) request(k keys, name string) redisconn.Command {
	return redisconn.Command{
		Key: k.lease, Name: "EVAL", Again: true,
		Args: []any{claimScript, 2, k.lease, k.consumers, l.token, l.opts.Lease.Milliseconds(), name},
	}
}

const (
	// claimScript takes or renews a lease unless somebody else has it.
	claimScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
return 1`

	// releaseScript gives a lease back, and the name as well if nothing is left under it.
	releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end
return 1`

	// recoverScript puts entries back, the newest first, so that the oldest is the next to be
	// taken.
	recoverScript = `
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[2] then return 0 end
local push = ARGV[1] == 'left' and 'LPUSH' or 'RPUSH'
local n = 0
while true do
  local entry = redis.call('LINDEX', KEYS[2], -1)
  if not entry then break end
  redis.call(push, KEYS[1], entry)
  redis.call('RPOP', KEYS[2])
  n = n + 1
end
if not holder then redis.call('SREM', KEYS[4], ARGV[3]) end
return n`

	// reconcileScript removes entries that are done and puts others back.
	reconcileScript = `
local push = ARGV[1] == 'left' and 'LPUSH' or 'RPUSH'
for i = #ARGV - 1, 2, -2 do
  if ARGV[i] == 'back' then
    if redis.call('LREM', KEYS[2], -1, ARGV[i + 1]) > 0 then redis.call(push, KEYS[1], ARGV[i + 1]) end
  else
    redis.call('LREM', KEYS[2], 1, ARGV[i + 1])
  end
end
return 1`
)
