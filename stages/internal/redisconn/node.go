package redisconn

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Command is one command for a server.
type Command struct {
	// Key decides which node of a cluster gets the command.
	Key  string
	Name string
	Args []any
	// Again says that no harm is done if the command is run twice, as may happen when a
	// connection breaks before the reply has come.
	Again bool
}

// Node is a server with its connections.
type Node struct {
	// Address is that of the server, "" if sentinels have to be asked for it.
	Address string

	pool  *redis.Pool
	stale atomic.Int64 // connections older than this are not to be trusted
}

const (
	// idleLimit ends connections that nobody needs any more.
	idleLimit = 5 * time.Minute
	// idleTrust is the time for which a connection that is not used is believed to be alive.
	idleTrust = 10 * time.Second
)

func newNode(address string, most int, dial func(context.Context) (*conn, error)) *Node {
	n := &Node{Address: address}
	n.pool = &redis.Pool{
		MaxActive: most, MaxIdle: most, Wait: true, IdleTimeout: idleLimit,
		DialContext: func(ctx context.Context) (redis.Conn, error) { return dial(ctx) },
		TestOnBorrowContext: func(ctx context.Context, c redis.Conn, used time.Time) error {
			if c.(*conn).made.UnixNano() <= n.stale.Load() {
				return errStale
			}
			if time.Since(used) < idleTrust {
				return nil
			}
			_, err := c.(*conn).DoContext(ctx, "PING")
			return err
		},
	}
	return n
}

var errStale = errors.New("the connection is stale")

// Run sends commands in one go and returns the replies. Errors of single commands are
// among the replies, as a redis.Error.
func (n *Node) Run(ctx context.Context, commands ...Command) ([]any, error) {
	c, err := n.pool.GetContext(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	defer c.Close() // what is wrong with it is known already
	for _, one := range commands {
		if err := c.Send(one.Name, one.Args...); err != nil {
			return nil, n.broke(ctx, err)
		}
	}
	replies, err := redis.Values(redis.DoContext(c, ctx, ""))
	if err != nil {
		return nil, n.broke(ctx, err)
	}
	for _, r := range replies {
		if is(r, "READONLY", "UNBLOCKED", "NOAUTH") { // it has another role now, or other users
			n.distrust()
			break
		}
	}
	return replies, nil
}

// broke notes that a connection did not last. All others were made before, so they will
// not last either, unless it was our own haste.
func (n *Node) broke(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		n.distrust()
	}
	return err
}

func (n *Node) distrust() { n.stale.Store(time.Now().UnixNano()) }

// is reports whether a reply is an error that begins with one of the words.
func is(reply any, words ...string) bool {
	e, ok := reply.(redis.Error)
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(string(e), " ")
	for _, w := range words {
		if first == w {
			return true
		}
	}
	return false
}
