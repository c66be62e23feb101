// Package zabbixsink sends fields of events to a Zabbix server or proxy.
package zabbixsink

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed zabbixsink.md
var doc string

// Spec is the ZabbixSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:    "ZabbixSink",
	Aliases: []string{"output.Zabbix"},
	Role:    actor.Output,
	Summary: "Sends fields of events as values of items to Zabbix.",
	Doc:     doc,
	Example: `- ZabbixSink:
    hostname: $(gambolputty.received_by)
    fields: [total_count, eps]
    agent_conf: False
    server: zabbix.example.com
`,
}, Options{
	Prefix:         "gambolputty_",
	TimestampField: event.MustPath("timestamp"),
	AgentConf:      defaultAgentConf,
	Options:        delivery.Defaults(500, 10*time.Second, 500),
	Timeout:        10 * time.Second,
	Client:         tlsopt.ClientDefaults,
}, New)

// Options of the ZabbixSink module.
type Options struct {
	Hostname       expr.TimeTemplate `opt:"hostname" required:"true" doc:"Name of the host in Zabbix."`
	Fields         []event.Path      `opt:"fields" required:"true" doc:"Fields to send, each as an item of its own. Missing ones are skipped."`
	Prefix         string            `opt:"field_prefix" doc:"Text in front of the name of a field, which make the key of the item together."`
	TimestampField event.Path        `opt:"timestamp_field" null:"true" doc:"Field with the time of the values in seconds since 1970. Without it the time is the present."`
	AgentConf      agentConf         `opt:"agent_conf" doc:"Configuration file of a Zabbix agent, whose ServerActive or else Server is the server. True is /etc/zabbix/zabbix_agentd.conf; it is not looked at if server is set."`
	Server         serverName        `opt:"server" doc:"Server or proxy, as host or host:port; the port is 10051 unless given."`
	delivery.Options
	Timeout time.Duration `opt:"timeout" min:"1ms" doc:"Longest time in seconds for a connection, a request and its answer."`
	tlsopt.Client
}

// Validate finds the server.
func (o *Options) Validate() error {
	errs := []error{o.CheckDelivery(), o.CheckTLS()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.Fields != nil && len(o.Fields) == 0 {
		fault("fields", option.NotAllowed, "must name at least one field")
	}
	if o.Server == "" && o.AgentConf == "" {
		fault("server", option.Required, "required option is missing: agent_conf is False")
	}
	return errors.Join(errs...)
}

// Reads names the file of the agent and those of TLS.
func (o *Options) Reads() []actor.File {
	list := o.FilesTLS()
	if o.Server == "" && o.AgentConf != "" {
		list = append(list, actor.File{Option: "agent_conf", Path: string(o.AgentConf)})
	}
	return list
}

type sink struct {
	env     actor.Env
	opts    Options
	server  string
	tls     *tls.Config
	courier *delivery.Courier
	now     time.Time // when the batch came
	host    []byte
	body    []byte
}

// New makes a ZabbixSink. It connects for every request, as the protocol wants it.
func New(env actor.Env, o Options) (actor.Sink, error) {
	s := &sink{env: env, opts: o, server: string(o.Server)}
	if s.server == "" && !env.CheckOnly {
		var err error
		if s.server, err = o.AgentConf.server(); err != nil {
			return nil, fmt.Errorf("agent_conf: %w", err)
		}
	}
	var err error
	if s.tls, err = o.Config(env.Log); err != nil {
		return nil, err
	}
	s.courier = delivery.New(env, o.Options, s.server)
	return s, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *sink) Open(ctx context.Context) error {
	return s.courier.Require(ctx, func(ctx context.Context) error {
		c, err := s.dial(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// Write sends the fields of the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	s.now = time.Now()
	return s.courier.Deliver(ctx, b, s.send)
}

var errNoHost = errors.New("a field in hostname is missing, or the name is empty")

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	s.body = append(s.body[:0], `{"request":"sender data","data":[`...)
	values := 0
	sent := make([]*event.Event, 0, len(events))
	for _, e := range events {
		host, resolved := s.opts.Hostname.AppendAt(s.host[:0], e, s.now.UTC())
		s.host = host
		if !resolved || len(host) == 0 {
			s.env.Unresolved("hostname", s.opts.Hostname.Source())
			r.Never(e, errNoHost)
			continue
		}
		values += s.values(e, string(host), values > 0)
		sent = append(sent, e)
	}
	if values == 0 {
		return // none of the fields is in any of them
	}
	s.body = append(s.body, `],"clock":`...)
	s.body = append(strconv.AppendInt(s.body, s.now.Unix(), 10), '}')
	answer, err := s.exchange(ctx, s.body)
	if err != nil {
		r.AllLater(sent, err)
		return
	}
	s.env.Count("bytes", len(s.body))
	s.env.Count("values", values)
	if answer.failed > 0 {
		s.env.Count("failed_values", answer.failed)
		s.env.Warn("the server did not take all values, it does not know the host, the item or its type", "target", s.server, "failed", answer.failed, "processed", answer.processed)
	}
}

// values appends the fields of an event that are there, and returns their number.
func (s *sink) values(e *event.Event, host string, more bool) (n int) {
	clock := s.clock(e)
	payload := s.env.Payload(e)
	for _, f := range s.opts.Fields {
		v, ok := payload.Get(f)
		if !ok {
			continue
		}
		if more || n > 0 {
			s.body = append(s.body, ',')
		}
		s.body = append(s.body, `{"host":`...)
		s.body = event.AppendJSONString(s.body, host)
		s.body = append(s.body, `,"key":`...)
		s.body = event.AppendJSONString(s.body, s.opts.Prefix+f.String())
		s.body = append(s.body, `,"value":`...)
		s.body = event.AppendJSONString(s.body, v.Text())
		s.body = append(s.body, `,"clock":`...)
		s.body = append(strconv.AppendInt(s.body, clock, 10), '}')
		n++
	}
	return n
}

// clock is the time of the values of an event.
func (s *sink) clock(e *event.Event) int64 {
	if s.opts.TimestampField.IsZero() {
		return s.now.Unix()
	}
	v, ok := e.Get(s.opts.TimestampField)
	if ok && v.IsString() {
		v, ok = event.Number(v.Str())
	}
	if seconds, isNumber := v.Float(); ok && isNumber && seconds >= 0 && seconds < 1<<40 {
		return int64(seconds)
	}
	return s.now.Unix()
}

// exchange sends a request over a connection of its own and reads the answer.
func (s *sink) exchange(ctx context.Context, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Timeout, errSlow)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		return answer{}, err
	}
	defer c.Close() // the answer counts
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	a, err := talk(c, body)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return a, fmt.Errorf("%s: %w", s.server, err)
	}
	return a, nil
}

var errSlow = errors.New("no answer in time (timeout)")

func (s *sink) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: s.opts.Timeout}
	if s.tls == nil {
		return d.DialContext(ctx, "tcp", s.server)
	}
	return (&tls.Dialer{NetDialer: &d, Config: s.tls}).DialContext(ctx, "tcp", s.server)
}
