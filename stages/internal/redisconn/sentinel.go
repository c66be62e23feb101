package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/gomodule/redigo/redis"
)

// sentinels know where the master is.
type sentinels struct {
	master string
	dialer dialer

	mu        sync.Mutex
	addresses []string // the one that answered last comes first
}

// find returns the address of the master.
func (s *sentinels) find(ctx context.Context) (string, error) {
	s.mu.Lock()
	list := append([]string(nil), s.addresses...)
	s.mu.Unlock()
	var errs []error
	for i, a := range list {
		where, err := s.ask(ctx, a)
		if err == nil {
			s.prefer(a, i)
			return where, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no sentinel knows the master %s: %w", s.master, errors.Join(errs...))
}

// prefer puts a sentinel first.
func (s *sentinels) prefer(address string, i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i > 0 && i < len(s.addresses) && s.addresses[i] == address {
		s.addresses[0], s.addresses[i] = s.addresses[i], s.addresses[0]
	}
}

func (s *sentinels) ask(ctx context.Context, sentinel string) (string, error) {
	c, err := s.dialer.dial(ctx, sentinel)
	if err != nil {
		return "", err
	}
	defer c.Close() // it was only read
	reply, err := redis.Strings(c.DoContext(ctx, "SENTINEL", "get-master-addr-by-name", s.master))
	if err != nil || len(reply) != 2 {
		return "", fmt.Errorf("sentinel %s does not know it: %w", sentinel, errors.Join(err))
	}
	return net.JoinHostPort(reply[0], reply[1]), nil
}

// checkMaster closes a connection to a server that is a replica by now, as the sentinels
// may be late.
func checkMaster(c *conn, address string) error {
	reply, err := redis.Values(c.Do("ROLE"))
	if err == nil && len(reply) > 0 {
		role, _ := redis.String(reply[0], nil)
		if role == "master" {
			return nil
		}
		err = fmt.Errorf("it is a %s", role)
	}
	c.Close()
	return unsent{fmt.Errorf("redis at %s is not the master: %w", address, err)}
}
