package esclient

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/tlsopt"
)

// Cluster is embedded in the options of modules that speak to a cluster: its nodes, and how
// to reach them.
type Cluster struct {
	Nodes        nodeList          `opt:"nodes" required:"true" doc:"Nodes of the cluster, each as host, host:port or URL. The port is 9200 if there is none."`
	ReadTimeout  time.Duration     `opt:"read_timeout" min:"1ms" doc:"Longest time for a request with its answer."`
	SniffAtStart bool              `opt:"sniff_on_start" doc:"Ask for all nodes of the cluster at start and use those that can be reached as well."`
	SniffOnFail  bool              `opt:"sniff_on_connection_fail" doc:"Ask again after a failure."`
	Server       Version           `opt:"server_version" null:"true" doc:"Version of the server, such as 7.17 or opensearch-2.11, instead of what it says itself."`
	Connection   string            `opt:"connection_type" null:"true" enum:"http|thrift|urllib3|requests" doc:"Always http. The others are accepted and mean the same."`
	HTTPAuth     string            `opt:"http_auth" old:"basic_auth" secret:"true" null:"true" doc:"User and password, as user:password."`
	APIKey       string            `opt:"api_key" secret:"true" null:"true" doc:"API key, as id:key or in the encoded form."`
	Headers      map[string]string `opt:"headers" secret:"true" null:"true" kinds:"integer,float,boolean" doc:"Further headers of requests."`
	Proxy        string            `opt:"proxy" null:"true" secret:"true" doc:"URL of a proxy. Without it the environment tells."`
	PathPrefix   string            `opt:"path_prefix" null:"true" doc:"Path in front of that of every request, as behind some proxies."`
	UseSSL       bool              `opt:"use_ssl" doc:"Another name of tls. Nodes without http:// or https:// are spoken to with TLS."`
	tlsopt.Client

	urls       []string
	secure     tlsopt.Client // with TLS if any node needs it
	user       string        // of whatever kind, as messages call it
	authorized string        // header Authorization
}

// Defaults are the options of a cluster without TLS.
var Defaults = Cluster{ReadTimeout: 10 * time.Second, Connection: "http", Client: tlsopt.ClientDefaults}

// CheckCluster checks what does not go together and settles what follows from the options.
func (o *Cluster) CheckCluster(given option.Given) error {
	c := &checks{errs: []error{o.CheckTLS()}}
	o.secure = o.Client
	o.checkAuth(c)
	if o.UseSSL && given["tls"] && !o.TLS {
		c.fault("use_ssl", option.Contradiction, "is another name of tls, which is False")
	}
	o.urls, o.secure.TLS = o.Nodes.settle(o.TLS || o.UseSSL, o.PathPrefix)
	if p, err := url.Parse(o.Proxy); o.Proxy != "" && (err != nil || p.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, p.Scheme)) {
		c.fault("proxy", option.NotAllowed, "must be a URL that begins with http://, https:// or socks5://")
	}
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		if name == "" || strings.ContainsAny(name, " :\r\n\t") || strings.ContainsAny(o.Headers[name], "\r\n") {
			c.fault("headers."+name, option.NotAllowed, "is no header")
		}
	}
	return errors.Join(c.errs...)
}

// checks collects faults.
type checks struct{ errs []error }

func (c *checks) fault(name string, code option.Code, format string, args ...any) {
	c.errs = append(c.errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
}

// Notice says at start what has no effect.
func (o *Cluster) Notice(env actor.Env) {
	if env.Worker == 0 && o.Connection != "" && o.Connection != "http" {
		env.Log.Info("connection_type has no effect, HTTP is used", "connection_type", o.Connection)
	}
}

// Reads names the files of TLS.
func (o *Cluster) Reads() []actor.File { return o.secure.FilesTLS() }
