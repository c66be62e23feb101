// Package redisstore is a Redis server or cluster as a key/value store for other modules.
package redisstore

import (
	_ "embed"
	"errors"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/onredis"
	"gambolputty/stages/internal/storemodule"
)

//go:embed redisstore.md
var doc string

// Spec is the RedisStore module.
var Spec = actor.DefineService(actor.Info{
	Name:    "RedisStore",
	Aliases: []string{"misc.RedisStore"},
	Role:    actor.StandAlone,
	Summary: "A Redis key/value store for other modules.",
	Doc:     doc,
	Serves:  true,
	Example: `- RedisStore:
    server: redis.example.com
    password: ${REDIS_PASSWORD:-}
    batch_size: 100
    store_interval_in_secs: 5
`,
}, Options{Options: storemodule.Defaults, Redis: Redis{redisconn.Defaults}}, New)

// Options of the RedisStore module.
type Options struct {
	Redis
	storemodule.Options
}

// Redis are the options of the connection.
type Redis struct{ redisconn.Options }

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckRedis(), o.CheckModule()}
	if !o.Anywhere() {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "server", Message: "required option is missing: nothing else says where to connect to"})
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesRedis() }

// New makes a RedisStore.
func New(env actor.Env, o Options) (actor.Service, error) {
	return storemodule.New(env, o.Options, func() (*storemodule.Backend, error) { return Backend(env, o.Redis.Options, o.Encoding) }), nil
}

// Backend makes a store in Redis. It connects when it is used.
func Backend(env actor.Env, o redisconn.Options, encoding string) (*storemodule.Backend, error) {
	c, err := o.New(env.Log)
	if err != nil {
		return nil, err
	}
	return &storemodule.Backend{
		Store: onredis.New(c, store.Encoding(encoding), env.Log), Target: c.Target(), Ping: c.Ping, Close: c.Close, Timeout: o.SocketTimeout,
	}, nil
}
