package graphitesink

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

// Options of the GraphiteSink module.
type Options struct {
	Server         string        `opt:"server" doc:"Host of the server."`
	Port           int           `opt:"port" min:"1" max:"65535" doc:"Port of the server. With pickle the default is 2004."`
	Formats        metrics       `opt:"formats" required:"true" doc:"One entry for each metric: a path, a blank and a value, with fields as in web.$(host).requests $(count)."`
	Proto          string        `opt:"proto" enum:"tcp|udp" doc:"Transport."`
	Pickle         bool          `opt:"pickle" doc:"Send pickled lists instead of lines of text. Needs proto: tcp."`
	Prefix         expr.Template `opt:"prefix" null:"true" doc:"What stands in front of each path, with a dot behind it."`
	Tags           tags          `opt:"tags" null:"true" doc:"Tags of Graphite 1.1 for each metric, as a map of names to values, which may contain fields."`
	EscapeDots     bool          `opt:"escape_dots" doc:"Write dots in the values of fields as _, so that they do not divide the path."`
	TimestampField event.Path    `opt:"timestamp_field" null:"true" doc:"Field with the time of the metric, as RFC 3339 text or seconds since 1970, instead of the present time."`
	Timing
	tlsopt.Client
	delivery.Options
	Given option.Given
}

// Timing are the options of connections, under a name that does not collide.
type Timing struct{ wire.Options }

const (
	protoUDP   = "udp"
	picklePort = 2004
)

// Validate checks the server and settles what follows from other options. Sizes of batches
// count lines in the configuration and events from here on.
func (o *Options) Validate() error {
	errs := []error{o.CheckTLS(), o.CheckDelivery()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.Server == "" || strings.ContainsAny(o.Server, " /[]") || strings.Contains(o.Server, ":") && net.ParseIP(o.Server) == nil {
		fault("server", option.NotAllowed, "must be the name or the address of a host, without the port, which is an option of its own, got %q", o.Server)
	}
	if o.Pickle && !o.Given["port"] {
		o.Port = picklePort
	}
	if o.Proto == protoUDP {
		if o.Pickle {
			fault("pickle", option.Contradiction, "cannot be used with proto: udp")
		}
		if o.TLS {
			fault("tls", option.Contradiction, "cannot be used with proto: udp")
		}
	}
	if n := len(o.Formats); n > 1 {
		o.BatchSize, o.BacklogSize = max(1, o.BatchSize/n), max(1, o.BacklogSize/n)
	}
	return errors.Join(errs...)
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }

// metrics are the entries of formats.
type metrics []metric

type metric struct {
	source      string
	path, value expr.Template
}

// OptionType describes the option in tables.
func (*metrics) OptionType() string { return "list of dynamic string" }

// DecodeOption reads the list.
func (m *metrics) DecodeOption(v *option.Value) error {
	if v.Kind != option.List {
		return v.Wrong("list")
	}
	if len(v.Items) == 0 {
		return v.Faultf(option.NotAllowed, "must have at least one entry")
	}
	var errs []error
	for _, item := range v.Items {
		var whole expr.Template
		if err := whole.DecodeOption(item); err != nil { // warnings, too
			errs = append(errs, err)
		}
		if item.Kind != option.String {
			continue
		}
		one := metric{source: item.Text}
		path, value := divide(item.Text)
		var bad error
		if one.path, bad = expr.ParseTemplate(path); bad == nil {
			one.value, bad = expr.ParseTemplate(value)
		}
		if bad != nil && len(errs) == 0 {
			errs = append(errs, expr.Place(bad, item))
		}
		*m = append(*m, one)
	}
	return errors.Join(errs...)
}

// divide finds the last blank that is not inside of a reference.
func divide(s string) (path, value string) {
	s = strings.TrimRight(s, " ")
	at, inside := -1, false
	for i := range len(s) {
		switch {
		case strings.HasPrefix(s[i:], "$("):
			inside = true
		case s[i] == ')':
			inside = false
		case s[i] == ' ' && !inside:
			at = i
		}
	}
	if at < 0 {
		return s, ""
	}
	return strings.Trim(s[:at], " "), s[at+1:]
}

// tags are those of each metric, in the order of the file.
type tags []tag

type tag struct {
	name  string
	value expr.Template
}

// OptionType describes the option in tables.
func (*tags) OptionType() string { return "map of dynamic string" }

// DecodeOption reads the map.
func (t *tags) DecodeOption(v *option.Value) error {
	if v.Kind == option.Null {
		return nil
	}
	if v.Kind != option.Map {
		return v.Wrong("map")
	}
	var errs []error
	for _, p := range v.Pairs {
		one := tag{name: p.Key.Text}
		if one.name == "" || strings.ContainsAny(one.name, ";!^=") || strings.IndexFunc(one.name, unfit) >= 0 {
			errs = append(errs, p.Key.Faultf(option.NotAllowed, "the name of a tag must not be empty or contain blanks, ;, !, ^ and =, got %q", one.name))
		}
		if p.Value.Kind == option.List || p.Value.Kind == option.Map {
			errs = append(errs, p.Value.Wrong("string"))
			continue
		}
		var err error
		if one.value, err = expr.ParseTemplate(p.Value.Text); err != nil {
			errs = append(errs, expr.Place(err, p.Value))
		}
		*t = append(*t, one)
	}
	return errors.Join(errs...)
}
