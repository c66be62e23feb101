package syslogsink

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

// Options of the SyslogSink module.
type Options struct {
	Format    expr.Template `opt:"format" null:"true" doc:"Text of a message. Without it, it is the whole event as JSON."`
	Address   []string      `opt:"address" doc:"Server as host:port, with IPv6 addresses in brackets, or the path of a unix socket such as /dev/log. Of a list the first that answers is used. With proto: tls the default is localhost:6514."`
	Proto     string        `opt:"proto" enum:"tcp|udp|tls" doc:"Transport. For a socket path tcp is stream and udp is datagram, and the other is tried if the first is refused. tls is RFC 5425."`
	Facility  code          `opt:"facility" doc:"Facility by name, such as local0, or number. It may come from a field; one that is unknown there means user and is counted."`
	Severity  code          `opt:"severity" doc:"Severity by name, such as info or Warning, or number. It may come from a field; one that is unknown there means info and is counted."`
	Style     string        `opt:"syslog_format" enum:"raw|rfc3164|rfc5424" doc:"What stands in front of the text: the priority only, or the header of RFC 3164 or RFC 5424."`
	Framing   string        `opt:"framing" enum:"newline|octet_counted|nul" doc:"What divides messages on streams: a newline or a zero byte behind each, or its length in front (RFC 6587), which is the default with proto: tls."`
	Hostname  expr.Template `opt:"hostname" null:"true" doc:"Host in the header. The default is the name of this one, or none in RFC 3164 on a unix socket, as the local syslog expects it."`
	AppName   expr.Template `opt:"app_name" null:"true" doc:"Program in the header."`
	ProcID    expr.Template `opt:"proc_id" null:"true" doc:"Process id in the header."`
	MsgID     expr.Template `opt:"msg_id" null:"true" doc:"Kind of message in the header of RFC 5424."`
	Data      structure     `opt:"structured_data" null:"true" doc:"Structured data of RFC 5424: a map of ids, each with a map of names to values, which may contain fields."`
	DataField event.Path    `opt:"structured_data_field" null:"true" doc:"Field with more structured data, as a map of maps, such as the one that SyslogParser makes."`
	MaxSize   *int          `opt:"max_message_size" min:"512" doc:"Most bytes of a message; longer ones are cut. The default is 2048 with udp and 65536 otherwise."`
	Timing
	tlsopt.Client
	delivery.Options
	eventtime.Clock
	Given option.Given

	facility  int // if it is fixed, else -1
	severity  int // if it is fixed, else -1
	addresses []wire.Address
}

// Timing are the options of connections, under a name that does not collide.
type Timing struct{ wire.Options }

const (
	newline      = "newline"
	octetCounted = "octet_counted"
	raw          = "raw"
	legacy       = "rfc3164"
	modern       = "rfc5424"
	protoUDP     = "udp"
	protoTLS     = "tls"
)

// Validate checks names and addresses and settles what follows from the transport.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case o.Proto == protoTLS && o.Given["tls"] && !o.TLS:
		fault("tls", option.Contradiction, "is False, while proto is tls")
	case o.Proto == protoUDP && o.TLS:
		fault("tls", option.Contradiction, "cannot be used with proto: udp")
	case o.Proto == protoTLS:
		o.TLS = true
	case o.TLS:
		o.Proto = protoTLS
	}
	if o.Proto == protoTLS {
		if !o.Given["address"] {
			o.Address = []string{"localhost:6514"}
		}
		if !o.Given["framing"] {
			o.Framing = octetCounted
		}
	}
	if o.Proto == protoUDP && o.Given["framing"] && !strings.HasPrefix(strings.Join(o.Address, ""), "/") {
		fault("framing", "W105", "has no effect, because every message has a packet of its own")
	}
	errs = append(errs, o.checkAddresses(), o.CheckTLS(), o.CheckDelivery(), o.CheckTime())
	var known bool
	o.facility, o.severity = -1, -1
	if s, static := o.Facility.Static(); static {
		if o.facility, known = facilityNumber(s); !known {
			fault("facility", option.NotAllowed, "%s", unknownFacility(s))
		}
	}
	if s, static := o.Severity.Static(); static {
		if o.severity, known = severityNumber(s); !known {
			fault("severity", option.NotAllowed, "must be one of %s or a number from 0 to 7, got %q", strings.Join(severities, ", "), s)
		}
	}
	if o.Style != modern {
		for name, set := range map[string]bool{"msg_id": !o.MsgID.IsZero(), "structured_data": len(o.Data) > 0, "structured_data_field": !o.DataField.IsZero()} {
			if set {
				fault(name, "W105", "has no effect, because only syslog_format: rfc5424 has it")
			}
		}
	}
	if o.Style == raw {
		for _, name := range []string{"hostname", "app_name", "proc_id"} {
			if o.Given[name] {
				fault(name, "W105", "has no effect, because syslog_format is raw")
			}
		}
	}
	return errors.Join(errs...)
}

func (o *Options) checkAddresses() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "address", Message: fmt.Sprintf(format, args...)})
	}
	if len(o.Address) == 0 {
		fault("must not be empty")
	}
	for _, a := range o.Address {
		path, prefixed := strings.CutPrefix(a, "unix:")
		switch {
		case prefixed || strings.HasPrefix(a, "/"):
			o.addresses = append(o.addresses, wire.Address{Network: "unix", Name: path})
			if o.Proto == protoTLS {
				fault("a unix socket has no TLS, got %q", a)
			}
			continue
		case wire.CheckHostPort(a) != nil:
			fault("must be host:port, with an IPv6 address in brackets, or the path of a socket that begins with /, got %q", a)
		}
		o.addresses = append(o.addresses, wire.Address{Network: o.network(), Name: a})
	}
	if len(o.Address) > 1 && (o.Proto == protoUDP || slices.ContainsFunc(o.addresses, func(a wire.Address) bool { return a.Network == "unix" })) {
		fault("a list is for proto: tcp and tls, because nothing else tells which server is away")
	}
	return errors.Join(errs...)
}

func (o *Options) network() string {
	if o.Proto == protoUDP {
		return protoUDP
	}
	return "tcp"
}

func unknownFacility(given string) string {
	text := fmt.Sprintf("must be one of %s or a number from 0 to 23, got %q", strings.Join(facilities(), ", "), given)
	if near := option.Nearest(given, facilities()); near != "" {
		text += fmt.Sprintf("; did you mean %s?", near)
	}
	return text
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }

// number reads a decimal number up to a limit.
func number(s string, most int) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 8)
	return int(n), err == nil && int(n) <= most
}
