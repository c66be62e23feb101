// Package redisconn connects to Redis: a single server, a master that sentinels know, or a
// cluster, by TCP, TLS or a Unix socket.
package redisconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/tlsopt"
)

// Options are embedded in the options of modules that speak to Redis.
type Options struct {
	Server           string        `opt:"server" null:"true" doc:"Host, host:port, or unix: with the path of a socket."`
	Cluster          Nodes         `opt:"cluster" doc:"Nodes of a Redis cluster: a map with masters as keys and a replica, or a list of them, as values, which may be empty. The nodes are asked for all others."`
	Port             int           `opt:"port" min:"0" max:"65535" doc:"Port where an address has none."`
	DB               int           `opt:"db" min:"0" doc:"Number of the database. A cluster has only one."`
	Username         string        `opt:"username" null:"true" doc:"Name of a user of the access control lists. Needs password."`
	Password         string        `opt:"password" secret:"true" null:"true" kinds:"integer" doc:"Password."`
	SocketTimeout    time.Duration `opt:"socket_timeout" min:"1ms" doc:"Longest time for connecting, reading and writing, and for an operation as a whole, in seconds."`
	UnixSocketPath   string        `opt:"unix_socket_path" null:"true" doc:"Path of a Unix socket, instead of server and port."`
	URL              URL           `opt:"url" doc:"All of that in one text, as in redis://user:password@host:6379/0, or rediss:// for TLS."`
	Sentinels        []string      `opt:"sentinels" doc:"Addresses of sentinels that know where the master is. Needs master_name."`
	MasterName       string        `opt:"master_name" old:"sentinel_master" null:"true" doc:"Name under which the sentinels know the master."`
	SentinelPassword string        `opt:"sentinel_password" secret:"true" null:"true" kinds:"integer" doc:"Password of the sentinels."`
	MaxConnections   int           `opt:"max_connections" min:"1" doc:"Most connections at a time, for each node of a cluster."`
	tlsopt.Client
}

// Defaults are the options of a server on this host.
var Defaults = Options{
	Server: "localhost", Port: 6379, SocketTimeout: 10 * time.Second, MaxConnections: 10, Client: tlsopt.ClientDefaults,
}

// CheckRedis tells what is missing or does not go together.
func (o *Options) CheckRedis() error {
	errs := []error{o.CheckTLS()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.Username != "" && o.Password == "" {
		fault("password", option.Required, "required option is missing: username is set")
	}
	if len(o.Sentinels) > 0 && o.MasterName == "" {
		fault("master_name", option.Required, "required option is missing: sentinels is set")
	}
	if o.MasterName != "" && len(o.Sentinels) == 0 {
		fault("sentinels", option.Required, "required option is missing: master_name is set")
	}
	if ways := o.ways(); len(ways) > 1 {
		fault(ways[len(ways)-1], option.Contradiction, "cannot be set together with %s", ways[0])
	}
	if len(o.Cluster) > 0 && o.DB != 0 {
		fault("db", "W105", "a cluster has only database 0, so the option has no effect")
	}
	for _, a := range append(o.Cluster, o.Sentinels...) {
		if _, err := address(a, 1); err != nil {
			fault(map[bool]string{true: "cluster", false: "sentinels"}[len(o.Cluster) > 0], option.NotAllowed, "must be host or host:port, got %q", a)
		}
	}
	if _, err := address(o.Server, 1); err != nil && o.Server != "" {
		fault("server", option.NotAllowed, "must be host, host:port or unix: with a path, got %q", o.Server)
	}
	return errors.Join(errs...)
}

// Anywhere reports whether some option says where to connect to.
func (o *Options) Anywhere() bool { return o.Server != "" || len(o.ways()) > 0 }

// ways are the options that say where to connect to, beside server.
func (o *Options) ways() []string {
	var list []string
	for _, w := range []struct {
		name string
		set  bool
	}{{"cluster", len(o.Cluster) > 0}, {"sentinels", len(o.Sentinels) > 0}, {"unix_socket_path", o.UnixSocketPath != ""}, {"url", o.URL.host != ""}} {
		if w.set {
			list = append(list, w.name)
		}
	}
	return list
}

// FilesRedis names the files that must be readable.
func (o *Options) FilesRedis() []actor.File { return o.FilesTLS() }

// settled returns the options with what url says in its place.
func (o Options) settled() Options {
	if o.URL.host != "" {
		o.Server, o.TLS = o.URL.host, o.TLS || o.URL.tls
		if o.URL.password != "" {
			o.Username, o.Password = o.URL.user, o.URL.password
		}
		if o.URL.db > 0 {
			o.DB = o.URL.db
		}
	}
	if o.UnixSocketPath != "" {
		o.Server = unixPrefix + o.UnixSocketPath
	}
	if len(o.Cluster) > 0 {
		o.DB = 0
	}
	return o
}

const unixPrefix = "unix:"

// address completes the address of a server by a port. That of a Unix socket keeps its
// prefix.
func address(s string, port int) (string, error) {
	if path, ok := strings.CutPrefix(s, unixPrefix); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" {
			return "", errors.New("the path is empty")
		}
		return unixPrefix + path, nil
	}
	host, p, err := net.SplitHostPort(s)
	if err != nil { // no port, or an IPv6 address without brackets
		host, p = strings.Trim(s, "[]"), strconv.Itoa(port)
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("bad address %q", s)
		}
	}
	if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /") {
		return "", fmt.Errorf("bad address %q", s)
	}
	return net.JoinHostPort(host, p), nil
}

// Nodes are the addresses of nodes of a cluster.
type Nodes []string

// OptionType describes the option in tables.
func (*Nodes) OptionType() string { return "map of list of string" }

// DecodeOption reads a map of masters with their replicas, or a list of nodes.
func (n *Nodes) DecodeOption(v *option.Value) error {
	var errs []error
	var read func(v *option.Value)
	read = func(v *option.Value) {
		switch v.Kind {
		case option.Null:
		case option.String:
			*n = append(*n, v.Text)
		case option.List:
			for _, item := range v.Items {
				read(item)
			}
		default:
			errs = append(errs, v.Wrong("an address or a list of addresses"))
		}
	}
	switch v.Kind {
	case option.Map:
		for _, p := range v.Pairs {
			read(p.Key)
			read(p.Value)
		}
	case option.List, option.Null:
		read(v)
	default:
		return v.Wrong("map")
	}
	return errors.Join(errs...)
}

// URL is an address with all that belongs to it.
type URL struct {
	host, user, password string
	db                   int
	tls                  bool
}

// OptionType describes the option in tables.
func (*URL) OptionType() string { return "string" }

// MarshalText shows the address without the password.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.host), nil }

// DecodeOption takes the text apart. Messages do not repeat the password.
func (u *URL) DecodeOption(v *option.Value) error {
	if v.Kind == option.Null {
		return nil
	}
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	parsed, err := url.Parse(v.Text)
	if err != nil || parsed.Scheme != "redis" && parsed.Scheme != "rediss" || parsed.Hostname() == "" {
		return v.Faultf(option.NotAllowed, "must look like redis://user:password@host:port/db or rediss://host")
	}
	u.host, u.tls = parsed.Host, parsed.Scheme == "rediss"
	if db := strings.Trim(parsed.Path, "/"); db != "" {
		if u.db, err = strconv.Atoi(db); err != nil || u.db < 0 {
			return v.Faultf(option.NotAllowed, "the database must be a number, got %q", db)
		}
	}
	if parsed.User == nil {
		return nil
	}
	var has bool
	if u.password, has = parsed.User.Password(); has {
		u.user = parsed.User.Username()
	} else { // a name alone is the password of the server
		u.password = parsed.User.Username()
	}
	if u.password != "" && !v.FromEnv {
		return v.Faultf(option.PlainSecret, "the password stands in the file as plain text; it is safer in an environment variable, as in ${NAME}")
	}
	return nil
}
