package keyvaluestore

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"gambolputty/actor"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/onmemcache"
	"gambolputty/stages/internal/storemodule"
)

// memcachedPort is the port of memcached where none is given.
const memcachedPort = 11211

// memcached makes a store in memcached.
func memcached(env actor.Env, o Options) (*storemodule.Backend, error) {
	t, err := o.Client.Config(env.Log)
	if err != nil {
		return nil, err
	}
	if !o.Given["port"] {
		o.Port = memcachedPort
	}
	c := onmemcache.Options{TLS: t, Username: o.Username, Password: o.Password, Timeout: o.SocketTimeout, MaxConnections: o.MaxConnections}
	if c.Network, c.Address, err = where(o); err != nil {
		return nil, err
	}
	s := onmemcache.New(c, store.Encoding(o.Encoding), env.Log)
	return &storemodule.Backend{Store: s, Target: "memcached at " + c.Address, Ping: s.Ping, Close: s.Close, Timeout: o.SocketTimeout}, nil
}

var errNoServer = errors.New("server is empty")

// where is the address of the server.
func where(o Options) (network, address string, err error) {
	path, isPath := strings.CutPrefix(o.Server, "unix:")
	switch {
	case o.UnixSocketPath != "":
		return "unix", o.UnixSocketPath, nil
	case isPath:
		return "unix", strings.TrimPrefix(path, "//"), nil
	case o.Server == "":
		return "", "", errNoServer
	}
	if _, _, err := net.SplitHostPort(o.Server); err == nil {
		return "tcp", o.Server, nil
	}
	return "tcp", net.JoinHostPort(strings.Trim(o.Server, "[]"), strconv.Itoa(o.Port)), nil
}
