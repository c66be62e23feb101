// Package kafkaconn is what the modules that speak to Apache Kafka have in common: where
// the brokers are, how they are spoken to, and what their errors mean.
package kafkaconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/tlsopt"
)

// Options are embedded in the options of modules that speak to Kafka. The option of the
// private key is not among them: an output has a key of its messages as well.
type Options struct {
	Brokers       []string      `opt:"brokers" doc:"Some of the brokers, as host:port. They tell of the others."`
	ClientID      string        `opt:"client_id" doc:"Name by which the brokers know this program in their logs and quotas."`
	Protocol      string        `opt:"security_protocol" null:"true" enum:"PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL" doc:"How the brokers are spoken to. Without it tls and sasl_mechanism or sasl_username tell."`
	Mechanism     string        `opt:"sasl_mechanism" null:"true" enum:"PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER" doc:"How to prove who we are. The default with SASL is PLAIN."`
	Username      string        `opt:"sasl_username" null:"true" doc:"Name of the user; with OAUTHBEARER and a sasl_token_url the id of the client."`
	Password      string        `opt:"sasl_password" secret:"true" null:"true" kinds:"integer" doc:"Password of the user; with OAUTHBEARER the secret of the client, or without a sasl_token_url the token itself."`
	TokenURL      string        `opt:"sasl_token_url" null:"true" doc:"With OAUTHBEARER, where tokens are fetched from by the client credentials grant (RFC 6749, section 4.4)."`
	TokenScope    string        `opt:"sasl_token_scope" null:"true" doc:"Scope to ask for at sasl_token_url."`
	SocketTimeout time.Duration `opt:"socket_timeout_ms" unit:"ms" min:"1ms" doc:"Longest time in milliseconds for connecting, and for a request with its answer."`
	Version       Version       `opt:"version" null:"true" doc:"Newest version of Kafka whose requests are used, such as 2.8.0. The default, auto, agrees on it with each broker."`

	TLS        bool   `opt:"tls" doc:"Connect with TLS; another way to write security_protocol SSL or SASL_SSL."`
	Cert       string `opt:"cert" old:"tls_cert" null:"true" doc:"PEM file with a client certificate. Needs its private key as well."`
	CACert     string `opt:"cacert" old:"ca_file" null:"true" doc:"PEM file with the authorities to trust instead of those of the system."`
	Proto      string `opt:"tls_proto" old:"min_version" enum:"TLSv1|TLSv1_1|TLSv1_2|TLSv1_3|1.0|1.1|1.2|1.3" kinds:"float" doc:"Lowest version of TLS that is accepted."`
	Verify     bool   `opt:"tls_verify" old:"verify" doc:"Check the certificates of the brokers. False trusts everybody."`
	ServerName string `opt:"tls_server_name" null:"true" doc:"Name to ask for and to check, instead of those of the hosts."`
}

// Defaults are the options of brokers on this host.
func Defaults(clientID string) Options {
	return Options{
		Brokers: []string{"localhost:9092"}, ClientID: clientID, SocketTimeout: 10 * time.Second,
		Proto: tlsopt.ClientDefaults.Proto, Verify: true,
	}
}

// The mechanisms of SASL.
const (
	plain       = "PLAIN"
	scram256    = "SCRAM-SHA-256"
	scram512    = "SCRAM-SHA-512"
	oauthBearer = "OAUTHBEARER"
)

// sasl and secure tell what the options mean where security_protocol is not given.
func (o *Options) sasl() bool {
	if o.Protocol != "" {
		return strings.HasPrefix(o.Protocol, "SASL")
	}
	return o.Mechanism != "" || o.Username != "" || o.Password != ""
}

func (o *Options) secure() bool { return o.TLS || strings.HasSuffix(o.Protocol, "SSL") }

func (o *Options) mechanism() string {
	if o.Mechanism == "" {
		return plain
	}
	return o.Mechanism
}

// client are the options of TLS with the file of the private key.
func (o *Options) client(key string) *tlsopt.Client {
	return &tlsopt.Client{TLS: o.secure(), Cert: o.Cert, Key: key, CACert: o.CACert, Proto: o.Proto, Verify: o.Verify, ServerName: o.ServerName}
}

// CheckKafka tells what is missing or does not go together. keyOption is the name of the
// option with the file of the private key.
func (o *Options) CheckKafka(keyOption, key string) error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if len(o.Brokers) == 0 {
		fault("brokers", option.NotAllowed, "must name at least one broker")
	}
	for _, b := range o.Brokers {
		if _, err := address(b); err != nil {
			fault("brokers", option.NotAllowed, "must be host or host:port, got %q", b)
		}
	}
	if o.ClientID == "" {
		fault("client_id", option.NotAllowed, "must not be empty")
	}
	if o.Cert != "" && key == "" {
		fault(keyOption, option.Required, "required option is missing: cert is set")
	}
	if key != "" && o.Cert == "" {
		fault("cert", option.Required, "required option is missing: %s is set", keyOption)
	}
	if o.TLS && o.Protocol != "" && !strings.HasSuffix(o.Protocol, "SSL") {
		fault("tls", option.Contradiction, "cannot be True together with security_protocol %s", o.Protocol)
	}
	o.checkSASL(fault)
	return errors.Join(errs...)
}

func (o *Options) checkSASL(fault func(name string, code option.Code, format string, args ...any)) {
	if !o.sasl() {
		for _, given := range []struct{ name, value string }{{"sasl_mechanism", o.Mechanism}, {"sasl_username", o.Username}, {"sasl_password", o.Password}} {
			if given.value != "" {
				fault(given.name, option.Contradiction, "needs security_protocol SASL_PLAINTEXT or SASL_SSL, got %s", o.Protocol)
			}
		}
		return
	}
	bearer := o.mechanism() == oauthBearer
	if o.Username == "" && (!bearer || o.TokenURL != "") {
		fault("sasl_username", option.Required, "required option is missing for sasl_mechanism %s", o.mechanism())
	}
	if o.Password == "" {
		fault("sasl_password", option.Required, "required option is missing for sasl_mechanism %s", o.mechanism())
	}
	if o.TokenURL == "" {
		return
	}
	if !bearer {
		fault("sasl_token_url", option.Contradiction, "needs sasl_mechanism OAUTHBEARER, got %s", o.mechanism())
	}
	if u, err := url.Parse(o.TokenURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		fault("sasl_token_url", option.NotAllowed, "must be a URL that begins with http:// or https:// and has no password in it")
	}
}

// FilesKafka names the files that must be readable.
func (o *Options) FilesKafka(keyOption, key string) []actor.File {
	files := o.client(key).FilesTLS()
	for i := range files {
		if files[i].Option == "key" {
			files[i].Option = keyOption
		}
	}
	return files
}

// address completes the address of a broker by the usual port.
func address(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil { // no port, or an IPv6 address without brackets
		host, port = strings.Trim(s, "[]"), "9092"
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("bad address %q", s)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /") {
		return "", fmt.Errorf("bad address %q", s)
	}
	return net.JoinHostPort(host, port), nil
}

// Addresses are the addresses of the brokers with their ports.
func (o *Options) Addresses() []string {
	var list []string
	for _, b := range o.Brokers {
		if full, err := address(b); err == nil { // which was checked
			list = append(list, full)
		}
	}
	return list
}

// Target says in words what the client speaks to.
func (o *Options) Target() string { return "kafka at " + strings.Join(o.Addresses(), ", ") }

// Version is the newest version of Kafka whose requests are used; the zero Version agrees
// on it with each broker.
type Version struct{ given sarama.KafkaVersion }

// OptionType describes the option in tables.
func (*Version) OptionType() string { return "string" }

// DecodeOption reads auto or a version of three numbers, or of two.
func (v *Version) DecodeOption(o *option.Value) error {
	if o.Kind == option.Null || strings.EqualFold(o.Text, "auto") {
		return nil
	}
	text := o.Text
	if strings.Count(text, ".") == 1 {
		text += ".0"
	}
	parsed, err := sarama.ParseKafkaVersion(text)
	if err != nil || o.Kind != option.String && o.Kind != option.Float || !parsed.IsAtLeast(oldest) {
		return o.Faultf(option.NotAllowed, "must be auto or a version from %s on, such as 2.8.0, got %s", oldest, o.Describe())
	}
	v.given = parsed
	return nil
}

// oldest is the first version with headers and transactions.
var oldest = sarama.V0_11_0_0

func (v Version) settled() sarama.KafkaVersion {
	if v.given == (sarama.KafkaVersion{}) {
		return sarama.MaxVersion // each request is brought down to what the broker knows
	}
	return v.given
}
