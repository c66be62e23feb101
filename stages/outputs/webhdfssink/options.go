package webhdfssink

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/outfile"
	"gambolputty/stages/internal/tlsopt"
)

// Options of the WebHdfsSink module.
type Options struct {
	Server      string            `opt:"server" doc:"Name node or HttpFS gateway, as host:port or URL. The port is 14000 if there is none."`
	Servers     []string          `opt:"servers" null:"true" doc:"Name nodes of a cluster with several, instead of server. If one is on standby or away, the next is asked."`
	User        string            `opt:"user" required:"true" doc:"Name of the user that owns the files. It is sent with every request."`
	Path        expr.TimeTemplate `opt:"path" required:"true" doc:"Directory. Values of fields cannot lead out of it."`
	Name        expr.TimeTemplate `opt:"name_pattern" required:"true" doc:"Name of the file. HDFS lets only one program write to a file; several need different names, as with $(gambolputty.received_by)-$(gambolputty.pid)."`
	Format      expr.Template     `opt:"format" null:"true" doc:"Text of a line. Without it the whole event is written as JSON."`
	Compress    string            `opt:"compress" null:"true" enum:"gzip|snappy" doc:"Compress what is written; the usual ending is added to the name."`
	RotateSize  int64             `opt:"rotate_size" min:"0" unit:"bytes" doc:"A file that would become larger gets a number in its name first, and a new one is begun. No line is divided. 0 is no limit."`
	BlockSize   int64             `opt:"block_size" min:"0" unit:"bytes" doc:"Block size of new files. 0 leaves it to the cluster."`
	Replication int               `opt:"replication_factor" min:"0" max:"512" doc:"Copies of the blocks of new files. 0 leaves it to the cluster."`
	Timeout     time.Duration     `opt:"timeout" min:"1ms" doc:"Longest time for a request with its answer."`
	Token       string            `opt:"delegation_token" secret:"true" null:"true" doc:"Delegation token for clusters that want to be sure of the user. It is sent instead of the name."`
	Kerberos    bool              `opt:"kerberos" doc:"Not supported. Use delegation_token, or an HttpFS gateway that trusts this host."`
	Keytab      string            `opt:"kerberos_keytab" null:"true" doc:"Not supported, see kerberos."`
	Principal   string            `opt:"kerberos_principal" null:"true" doc:"Not supported, see kerberos."`
	tlsopt.Client
	delivery.Options
	eventtime.Clock
	Given option.Given

	urls   []string
	secure tlsopt.Client // with TLS if any server needs it
}

var defaults = Options{
	Server:  "localhost:14000",
	Timeout: 30 * time.Second,
	Client:  tlsopt.ClientDefaults,
	Options: bulk(),
	Clock:   eventtime.UTC,
}

func bulk() delivery.Options {
	o := delivery.Defaults(1000, 10*time.Second, 5000)
	o.Greedy = true // an append costs about the same for one event and for all that wait
	return o
}

// defaultPort is that of HttpFS.
const defaultPort = "14000"

// Validate checks the servers and what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckDelivery(), o.CheckTime(), o.CheckTLS()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.Kerberos || o.Keytab != "" || o.Principal != "" {
		fault("kerberos", option.NotAllowed, "Kerberos is not supported by this program; get a token with 'hdfs fetchdt' and use delegation_token, or write through an HttpFS gateway that trusts this host")
	}
	name, list := "server", []string{o.Server}
	if o.Servers != nil {
		name, list = "servers", o.Servers
		if o.Given["server"] {
			fault("server", option.Contradiction, "cannot be set together with servers")
		}
		if len(list) == 0 {
			fault(name, option.NotAllowed, "must name at least one server")
		}
	}
	o.urls, o.secure = nil, o.Client
	for _, text := range list {
		u := serverURL(text, o.TLS)
		if u == nil {
			fault(name, option.NotAllowed, "must be host, host:port or a URL that begins with http:// or https://, got %q", text)
			continue
		}
		o.urls = append(o.urls, u.String())
		o.secure.TLS = o.secure.TLS || u.Scheme == "https"
	}
	if o.User == "" {
		fault("user", option.NotAllowed, "must not be empty")
	}
	if text, static := o.Name.Static(); static && (text == "" || strings.HasSuffix(text, "/")) {
		fault("name_pattern", option.NotAllowed, "must be the name of a file, got %q", text)
	}
	for _, t := range []struct {
		name string
		text string
	}{{"path", o.Path.Source()}, {"name_pattern", o.Name.Source()}} {
		for part := range strings.SplitSeq(t.text, "/") {
			if part == "." || part == ".." {
				fault(t.name, option.NotAllowed, "must not hold . or .., got %q", t.text)
			}
		}
	}
	return errors.Join(errs...)
}

// serverURL is the address in full, nil if it is none.
func serverURL(text string, secure bool) *url.URL {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "http", text
		if secure {
			scheme = "https"
		}
		if strings.Count(rest, ":") > 1 && net.ParseIP(rest) != nil {
			rest = "[" + rest + "]"
		}
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || scheme != "http" && scheme != "https" || strings.ContainsAny(u.Host, " ,") {
		return nil
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/webhdfs/v1")}
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.secure.FilesTLS() }

// Writes names the file, where it is the same for all events.
func (o *Options) Writes() []actor.File {
	directory, fixed := o.Path.Static()
	name, same := o.Name.Static()
	if !fixed || !same || strings.Contains(directory+name, "%") || len(o.urls) == 0 {
		return nil
	}
	return []actor.File{{Option: "name_pattern", Path: o.urls[0] + "/" + strings.Trim(directory, "/") + "/" + name + outfile.Endings[o.Compress]}}
}
