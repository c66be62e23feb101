// Package keyvaluestore is a key/value store for other modules, in memory, in Redis, in
// memcached or on disk.
package keyvaluestore

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/ondisk"
	"gambolputty/stages/internal/storemodule"
	"gambolputty/stages/misc/redisstore"
)

//go:embed keyvaluestore.md
var doc string

// Spec is the KeyValueStore module.
var Spec = actor.DefineService(actor.Info{
	Name:    "KeyValueStore",
	Aliases: []string{"Cache", "misc.Cache", "misc.KeyValueStore"},
	Role:    actor.StandAlone,
	Summary: "A key/value store for other modules, with a choice of backends.",
	Doc:     doc,
	Serves:  true,
	Example: `- KeyValueStore:
    id: cache
    backend: RedisStore
    server: 127.0.0.1
`,
}, defaults(), New)

func defaults() Options {
	o := Options{
		Options: storemodule.Defaults, Redis: redisstore.Redis{Options: redisconn.Defaults}, Backend: dict,
		MaxEntries: 100_000, SnapshotEvery: time.Minute,
	}
	o.Server = ""
	return o
}

// The backends.
const (
	dict     = "DictStore"
	redis    = "RedisStore"
	memcache = "MemcacheStore"
	disk     = "DiskStore"
)

// Options of the KeyValueStore module.
type Options struct {
	Given   option.Given
	Backend string `opt:"backend" enum:"DictStore|RedisStore|MemcacheStore|DiskStore" doc:"What keeps the values: this process, a Redis or memcached server, or a file. RedisStore means a kind of server here and no module."`
	redisstore.Redis
	storemodule.Options
	MaxEntries    int           `opt:"max_entries" min:"1" doc:"Values that a DictStore keeps; beyond that those go that were not used for the longest time."`
	MaxMemory     int64         `opt:"max_memory" min:"0" doc:"Bytes that the values of a DictStore may take, about; 0 is no bound."`
	SnapshotFile  string        `opt:"snapshot_file" null:"true" doc:"File to which a DictStore writes its values once in a while and at the end, and from which it takes them at start."`
	SnapshotEvery time.Duration `opt:"snapshot_interval" min:"1s" doc:"Time between two writes of snapshot_file, in seconds."`
	Path          string        `opt:"path" null:"true" doc:"File of a DiskStore, or a directory for it. Required with DiskStore."`
}

// Validate checks that the options go with the backend.
func (o *Options) Validate() error {
	errs := []error{o.CheckModule()}
	if o.Backend == redis || o.Backend == memcache {
		errs = append(errs, o.CheckRedis())
	}
	missing := func(name, why string) {
		errs = append(errs, &option.Fault{Code: option.Required, Option: name, Message: "required option is missing: " + why})
	}
	switch o.Backend {
	case redis:
		if !o.Anywhere() {
			missing("server", "backend is RedisStore and cluster is not set")
		}
	case memcache:
		if o.Server == "" && o.UnixSocketPath == "" {
			missing("server", "backend is MemcacheStore")
		}
		if o.Password != "" && o.Username == "" {
			missing("username", "backend is MemcacheStore and password is set")
		}
	case disk:
		if o.Path == "" {
			missing("path", "backend is DiskStore")
		}
	}
	return errors.Join(append(errs, o.useless()...)...)
}

// forBackend are the options that only some backends know.
var forBackend = map[string][]string{
	"server": {redis, memcache}, "port": {redis, memcache}, "username": {redis, memcache}, "password": {redis, memcache}, "socket_timeout": {redis, memcache},
	"unix_socket_path": {redis, memcache}, "max_connections": {redis, memcache}, "require_at_start": {redis, memcache},
	"tls": {redis, memcache}, "cert": {redis, memcache}, "key": {redis, memcache}, "cacert": {redis, memcache}, "tls_proto": {redis, memcache}, "tls_verify": {redis, memcache}, "tls_server_name": {redis, memcache},
	"cluster": {redis}, "db": {redis}, "url": {redis}, "sentinels": {redis}, "master_name": {redis}, "sentinel_password": {redis},
	"encoding": {redis, memcache, disk}, "path": {disk},
	"max_entries": {dict}, "max_memory": {dict}, "snapshot_file": {dict}, "snapshot_interval": {dict},
}

// useless warns of options that another backend would know.
func (o *Options) useless() []error {
	var errs []error
	for name := range o.Given {
		if kinds := forBackend[name]; kinds != nil && !slices.Contains(kinds, o.Backend) {
			errs = append(errs, &option.Fault{Code: "W105", Option: name, Message: fmt.Sprintf("has no effect with the backend %s", o.Backend)})
		}
	}
	return errs
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesRedis() }

// New makes a KeyValueStore.
func New(env actor.Env, o Options) (actor.Service, error) {
	if o.Backend == dict {
		return newDictionary(env, o), nil
	}
	return storemodule.New(env, o.Options, func() (*storemodule.Backend, error) { return backend(env, o) }), nil
}

// backend makes what keeps the values.
func backend(env actor.Env, o Options) (*storemodule.Backend, error) {
	switch o.Backend {
	case redis:
		return redisstore.Backend(env, o.Redis.Options, o.Encoding)
	case memcache:
		return memcached(env, o)
	}
	s, err := ondisk.Open(o.Path, store.Encoding(o.Encoding), env.Log, env.Count)
	if err != nil {
		return nil, err
	}
	return &storemodule.Backend{Store: s, Target: o.Path, Close: s.Close, Timeout: o.SocketTimeout}, nil
}
