package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// conn is a connection whose operations end with their contexts. It lets redigo neither
// start a goroutine for that nor copy anything.
type conn struct {
	redis.Conn
	raw  net.Conn
	made time.Time
}

// interruptible ends f when ctx does, by closing the connection.
func (c *conn) interruptible(ctx context.Context, f func() (any, error)) (any, error) {
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	reply, err := f()
	if !stop() && err != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return reply, err
}

// DoContext is Do until ctx ends.
func (c *conn) DoContext(ctx context.Context, command string, args ...any) (any, error) {
	return c.interruptible(ctx, func() (any, error) { return c.Do(command, args...) })
}

// ReceiveContext is Receive until ctx ends.
func (c *conn) ReceiveContext(ctx context.Context) (any, error) {
	return c.interruptible(ctx, c.Receive)
}

// DoWithTimeout waits for the reply as long as is said here, as blocking commands need it.
func (c *conn) DoWithTimeout(timeout time.Duration, command string, args ...any) (any, error) {
	return redis.DoWithTimeout(c.Conn, timeout, command, args...)
}

// ReceiveWithTimeout waits as long as is said here.
func (c *conn) ReceiveWithTimeout(timeout time.Duration) (any, error) {
	return redis.ReceiveWithTimeout(c.Conn, timeout)
}

// unsent is the error of a connection that could not be made, so that nothing has happened.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// dialer makes connections.
type dialer struct {
	timeout            time.Duration
	tls                *tls.Config
	username, password string
	db                 int
}

// dial connects to an address.
func (d *dialer) dial(ctx context.Context, address string) (*conn, error) {
	c := &conn{made: time.Now()}
	network, target := "tcp", address
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		network, target = "unix", path
	}
	options := []redis.DialOption{
		redis.DialContextFunc(func(ctx context.Context, network, target string) (net.Conn, error) {
			var err error
			c.raw, err = (&net.Dialer{Timeout: d.timeout}).DialContext(ctx, network, target)
			return c.raw, err
		}),
		redis.DialReadTimeout(d.timeout), redis.DialWriteTimeout(d.timeout), redis.DialTLSHandshakeTimeout(d.timeout),
		redis.DialUsername(d.username), redis.DialPassword(d.password), redis.DialDatabase(d.db),
	}
	if d.tls != nil && network == "tcp" {
		options = append(options, redis.DialUseTLS(true), redis.DialTLSConfig(d.tls))
	}
	var err error
	if c.Conn, err = redis.DialContext(ctx, network, target, options...); err != nil {
		return nil, unsent{fmt.Errorf("connect to redis at %s: %w", address, err)}
	}
	return c, nil
}
