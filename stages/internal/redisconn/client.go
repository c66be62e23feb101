package redisconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/gomodule/redigo/redis"
)

// Client speaks to one server, one master or one cluster. It is safe for concurrent use.
// Connections are made when they are needed.
type Client struct {
	opts    Options
	dialer  dialer
	one     *Node // without a cluster
	find    func(context.Context) (string, error)
	cluster *cluster
}

// New makes a client. The error says that a file could not be read.
func (o Options) New(log *slog.Logger) (*Client, error) {
	o = o.settled()
	t, err := o.Config(log)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: o, dialer: dialer{timeout: o.SocketTimeout, tls: t, username: o.Username, password: o.Password, db: o.DB}}
	switch {
	case len(o.Cluster) > 0:
		c.cluster = newCluster(c, o)
		return c, nil
	case len(o.Sentinels) > 0:
		s := &sentinels{master: o.MasterName, dialer: dialer{timeout: o.SocketTimeout, tls: t, password: o.SentinelPassword}}
		for _, a := range o.Sentinels {
			full, err := address(a, 26379)
			if err != nil {
				return nil, err
			}
			s.addresses = append(s.addresses, full)
		}
		c.find = s.find
	default:
		full, err := address(o.Server, o.Port)
		if err != nil {
			return nil, err
		}
		c.find = func(context.Context) (string, error) { return full, nil }
	}
	c.one = newNode("", o.MaxConnections, c.dial)
	return c, nil
}

// dial connects to wherever the server is at the moment.
func (c *Client) dial(ctx context.Context) (*conn, error) {
	where, err := c.find(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	n, err := c.dialer.dial(ctx, where)
	if err != nil || len(c.opts.Sentinels) == 0 {
		return n, err
	}
	return n, checkMaster(n, where)
}

// Target says in words what the client speaks to.
func (c *Client) Target() string {
	switch {
	case c.cluster != nil:
		return "redis cluster " + strings.Join(c.opts.Cluster, ", ")
	case len(c.opts.Sentinels) > 0:
		return "redis master " + c.opts.MasterName
	}
	where, _ := c.find(context.Background()) // which is known
	return "redis at " + where
}

// Run runs commands, in one round trip to each server that they concern, and returns their
// replies in the same order. Errors of single commands are among the replies, as a
// redis.Error. The time limit of the options is one for all of it.
func (c *Client) Run(ctx context.Context, commands ...Command) ([]any, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.SocketTimeout)
	defer cancel()
	if c.cluster != nil {
		return c.cluster.run(ctx, commands)
	}
	replies, err := c.one.Run(ctx, commands...)
	if worthAnother(ctx, commands, replies, err) {
		replies, err = c.one.Run(ctx, commands...)
	}
	return replies, err
}

// worthAnother reports whether a second attempt does no harm and may do some good.
func worthAnother(ctx context.Context, commands []Command, replies []any, err error) bool {
	if err == nil {
		for _, r := range replies {
			if !is(r, "READONLY") {
				return false
			}
		}
		return true // there is another master now, and nothing has happened
	}
	if _, not := errors.AsType[unsent](err); not || ctx.Err() != nil {
		return false
	}
	return harmless(commands)
}

func harmless(commands []Command) bool {
	for _, c := range commands {
		if !c.Again {
			return false
		}
	}
	return true
}

// Do runs one command. An error that the server replied is a redis.Error.
func (c *Client) Do(ctx context.Context, command Command) (any, error) {
	replies, err := c.Run(ctx, command)
	if err != nil {
		return nil, err
	}
	if e, ok := replies[0].(redis.Error); ok {
		return nil, e
	}
	return replies[0], nil
}

// Conn makes a connection that the caller has for himself and must close, for commands
// that block and for subscriptions. In a cluster it leads to the master of key. It knows
// redis.DoWithTimeout, redis.DoContext and their like.
func (c *Client) Conn(ctx context.Context, key string) (redis.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.SocketTimeout)
	defer cancel()
	if c.cluster == nil {
		n, err := c.dial(ctx)
		if err != nil {
			return nil, err
		}
		return n, nil
	}
	if err := c.cluster.refresh(ctx); err != nil {
		return nil, err
	}
	n, err := c.dialer.dial(ctx, c.cluster.node(key).Address)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Masters are the servers that hold the keys: one, or those of a cluster.
func (c *Client) Masters(ctx context.Context) ([]*Node, error) {
	if c.cluster == nil {
		return []*Node{c.one}, nil
	}
	if err := c.cluster.refresh(ctx); err != nil {
		return nil, err
	}
	return c.cluster.masters(), nil
}

// Ping asks all masters for a sign of life.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.SocketTimeout)
	defer cancel()
	nodes, err := c.Masters(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		replies, err := n.Run(ctx, Command{Name: "PING"})
		if err != nil {
			return err
		}
		if e, ok := replies[0].(redis.Error); ok {
			return fmt.Errorf("%s: %w", c.Target(), e)
		}
	}
	return nil
}

// Distrust says that a connection made by Conn did not last, so that those made before now
// will not last either.
func (c *Client) Distrust() {
	if c.cluster == nil {
		c.one.distrust()
		return
	}
	for _, n := range c.cluster.masters() {
		n.distrust()
	}
}

// Close ends all connections that are not in use.
func (c *Client) Close() error {
	if c.cluster != nil {
		return c.cluster.close()
	}
	return c.one.pool.Close()
}
