// Package pack finds the other nodes of a pack, knows which one leads, and carries messages for
// other modules.
package pack

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/cluster/internal/mtls"
	"gambolputty/stages/cluster/internal/seal"
)

//go:embed pack.md
var doc string

// Spec is the Pack module.
var Spec = actor.DefineService(actor.Info{
	Name:    "Pack",
	Aliases: []string{"cluster.Pack"},
	Role:    actor.StandAlone,
	Summary: "Finds the other nodes of a pack, tells who is alive, and knows which one leads.",
	Doc:     doc,
	Once:    true,
	Example: `- Pack:
    name: logpack
    secret: ${PACK_SECRET:-change this secret}
    join: [log1.example.com, log2.example.com]
    pack: follower
`,
}, Options{Interface: "0.0.0.0", Port: 5252, Interval: 10 * time.Second, Pack: leads, DeadAfter: 30 * time.Second}, New)

// Role is what a node is for.
type Role string

// The roles of nodes.
const (
	leads    Role = "leader"
	follows  Role = "follower"
	elective Role = "auto"
)

// UnmarshalText reads a role. The former documentation calls followers members, too, which the
// former program did not understand.
func (r *Role) UnmarshalText(text []byte) error {
	*r = Role(text)
	switch *r {
	case leads, follows, elective:
		return nil
	}
	f := &option.Fault{Code: option.NotAllowed, Message: fmt.Sprintf("must be one of leader, follower, auto, got %q", text)}
	near := option.Nearest(string(text), []string{string(leads), string(follows), string(elective)})
	if *r == "member" {
		near = string(follows)
	}
	if near != "" {
		f.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return f
}

// Options of the Pack module.
type Options struct {
	Name       string        `opt:"name" required:"true" doc:"Name of the pack."`
	Secret     string        `opt:"secret" secret:"true" doc:"What all nodes of the pack know and nobody else. Required unless secret_file or tls is set. 16 characters or more are advised."`
	SecretFile string        `opt:"secret_file" null:"true" doc:"File with the secret, without the blanks around it."`
	OldSecrets []string      `opt:"old_secrets" secret:"true" doc:"Further secrets that are understood, so that the secret can be changed on one node after the other."`
	TLS        bool          `opt:"tls" doc:"Protect the pack with certificates in place of a secret. All goes over streams then, and there are no broadcasts."`
	Cert       string        `opt:"cert" null:"true" doc:"PEM file with the certificate of this node, for servers and clients. Required with tls."`
	Key        string        `opt:"key" null:"true" doc:"PEM file with the private key. Required with tls."`
	CAFile     string        `opt:"ca_file" null:"true" doc:"PEM file with the authority that signs the certificates of all nodes and of nobody else. Required with tls."`
	Broadcast  string        `opt:"broadcast" null:"true" doc:"Broadcast address of a network, as in 192.168.2.255, in which nodes find each other. Required unless join is set."`
	Interface  string        `opt:"interface" doc:"Address to listen on."`
	Port       int           `opt:"port" min:"0" max:"65535" doc:"Port to listen on, of UDP and of TCP. 0 takes a free one and logs it; broadcasts do not find it."`
	Interval   time.Duration `opt:"interval" min:"50ms" doc:"Time between two discovery broadcasts, and between attempts to reach nodes of join that are not there."`
	Pack       Role          `opt:"pack" enum:"leader|follower|auto" doc:"Role of this node: the leader, one of the followers, or one of those that elect a leader among themselves."`
	Join       []string      `opt:"join" doc:"Nodes to get to know the others from, as in log1.example.com or 10.0.0.1:5252. A name stands for all of its addresses, one such as _gambolputty._tcp.example.com, or srv: before any name, for those of its SRV records."`
	NodeName   string        `opt:"node_name" null:"true" doc:"Name of this node, of which there must be no other in the pack. The default is the name of the host."`
	Advertise  string        `opt:"advertise" null:"true" doc:"Address, or address and port, under which others reach this node, if it is not the one that it listens on. The default is the interface, or the first address of the host that is not its own only."`
	DeadAfter  time.Duration `opt:"dead_after" min:"500ms" doc:"Time after which a node that does not answer counts as dead."`
	Voters     int           `opt:"voters" min:"0" max:"99" doc:"Number of nodes with pack: auto. A leader needs more than half of them. Required with pack: auto."`
	Priority   int           `opt:"priority" min:"0" doc:"With pack: auto, a node with a higher number is preferred as leader."`
	DataDir    string        `opt:"data_dir" null:"true" doc:"Folder in which the node keeps for whom it has voted, and the last configuration agreed upon. Required with pack: auto."`
}

// goodSecret is the number of characters of a secret that nobody guesses.
const goodSecret = 16

// Validate checks what belongs together.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, hint, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Hint: hint, Message: fmt.Sprintf(format, args...)})
	}
	for _, e := range []struct{ name, given string }{{"cert", o.Cert}, {"key", o.Key}, {"ca_file", o.CAFile}} {
		switch {
		case o.TLS && e.given == "":
			fault(e.name, option.Required, "", "required option is missing: tls is True")
		case !o.TLS && e.given != "":
			fault(e.name, option.Contradiction, "set tls: True, or leave it out", "has no effect without tls")
		}
	}
	switch {
	case o.TLS && (o.Secret != "" || o.SecretFile != "" || len(o.OldSecrets) > 0):
		fault("tls", option.Contradiction, "leave one of them out on all nodes", "certificates take the place of a secret, and there is one")
	case o.TLS && o.Broadcast != "":
		fault("broadcast", option.Contradiction, "name nodes with join", "there are no broadcasts with tls, as there is no key for them")
	case o.TLS:
	case o.Secret == "" && o.SecretFile == "":
		fault("secret", option.Required, "", "required option is missing, or empty, and there is no secret_file")
	case o.Secret != "" && o.SecretFile != "":
		fault("secret_file", option.Contradiction, "", "secret and secret_file cannot both be set")
	case o.Secret != "" && len([]rune(o.Secret)) < goodSecret:
		fault("secret", "W115", "take one of 16 characters or more", "the secret is so short that it can be guessed")
	}
	for _, s := range o.OldSecrets {
		if s == "" {
			fault("old_secrets", option.Required, "", "a secret must not be empty")
		}
	}
	if o.Name == "" {
		fault("name", option.Required, "", "must not be empty")
	}
	if o.Broadcast == "" && len(o.Join) == 0 {
		fault("broadcast", option.Required, "", "required option is missing: join is not set either, so that no other node can be found")
	}
	if ip := net.ParseIP(o.Broadcast); o.Broadcast != "" && (ip == nil || ip.To4() == nil) {
		fault("broadcast", option.NotAllowed, "write it as in 192.168.2.255", "must be an address of IPv4, got %q", o.Broadcast)
	}
	if net.ParseIP(o.Interface) == nil {
		fault("interface", option.NotAllowed, "write it as in 192.168.2.5, or 0.0.0.0 for all", "must be an address, got %q", o.Interface)
	}
	for _, j := range o.Join {
		if strings.TrimSpace(j) == "" || strings.Contains(j, "/") {
			fault("join", option.NotAllowed, "", "must be host or host:port, got %q", j)
			continue
		}
		if name, ok := service(j); ok && (name == "" || strings.Contains(name, ":")) {
			fault("join", option.NotAllowed, "write it as in srv:_gambolputty._tcp.example.com; its records name the ports", "must be the name of a service, got %q", j)
		}
	}
	if o.Pack == elective && o.Voters == 0 {
		fault("voters", option.Required, "write how many nodes have pack: auto, as in 3", "required option is missing: pack is auto")
	}
	if o.Pack == elective && o.DataDir == "" {
		fault("data_dir", option.Required, "", "required option is missing: pack is auto")
	}
	if len(o.NodeName) > 128 || strings.ContainsAny(o.NodeName, " \t\r\n") {
		fault("node_name", option.NotAllowed, "", "must be at most 128 characters without blanks, got %q", o.NodeName)
	}
	return errors.Join(errs...)
}

// Listens names the addresses.
func (o *Options) Listens() []actor.Address {
	list := []actor.Address{{Option: "port", Network: "tcp", Host: o.Interface, Port: o.Port}}
	if !o.TLS {
		list = append(list, actor.Address{Option: "port", Network: "udp", Host: o.Interface, Port: o.Port})
	}
	return list
}

// Reads names the files with secrets and certificates.
func (o *Options) Reads() []actor.File {
	if o.TLS { // certificates are read again by themselves
		return []actor.File{{Option: "cert", Path: o.Cert, Live: true}, {Option: "key", Path: o.Key, Live: true}, {Option: "ca_file", Path: o.CAFile, Live: true}}
	}
	if o.SecretFile == "" {
		return nil
	}
	return []actor.File{{Option: "secret_file", Path: o.SecretFile}}
}

// derivation makes keys of the secrets of a pack.
type derivation func(pack string, secrets ...string) ([][]byte, error)

// keys are what protects the pack. stale hears of certificates that cannot be read again.
func (o *Options) keys(derive derivation, stale func(error)) (keys, error) {
	if o.TLS {
		return mtls.New(o.Name, mtls.Files{Cert: o.Cert, Key: o.Key, CA: o.CAFile}, stale)
	}
	secret, err := o.secret()
	if err != nil {
		return nil, err
	}
	list, err := derive(o.Name, append([]string{secret}, o.OldSecrets...)...)
	if err != nil {
		return nil, err
	}
	k, err := seal.Use(list...)
	return sealed{k}, err
}

// secret is the secret, from where it is.
func (o *Options) secret() (string, error) {
	if o.SecretFile == "" {
		return o.Secret, nil
	}
	text, err := os.ReadFile(o.SecretFile)
	if err != nil {
		return "", fmt.Errorf("secret_file: %w", err)
	}
	if s := strings.TrimSpace(string(text)); s != "" {
		return s, nil
	}
	return "", fmt.Errorf("secret_file: %s is empty", o.SecretFile)
}
