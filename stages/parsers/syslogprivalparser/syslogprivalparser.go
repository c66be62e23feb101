// Package syslogprivalparser splits the priority of syslog messages.
package syslogprivalparser

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/syslog"
)

// Spec is the SyslogPrivalParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "SyslogPrivalParser",
	Aliases:  []string{"parser.SyslogPrival"},
	Role:     actor.Parser,
	Summary:  "Splits the syslog priority into facility and severity.",
	Doc:      "The priority is facility times eight plus severity (RFC 5424, section 6.2.1). It may be a number, digits, or digits in angle brackets. The source field stays.",
	Parallel: true,
	Example: `- SyslogPrivalParser:
    source_field: syslog_prival
`,
}, Options{
	SourceField:   parse.Field{Path: event.MustPath("syslog_prival")},
	MapValues:     true,
	FacilityField: event.MustPath("syslog_facility"),
	SeverityField: event.MustPath("syslog_severity"),
	Style:         "rfc",
}, New)

// Options of the SyslogPrivalParser module.
type Options struct {
	SourceField   parse.Field `opt:"source_field" old:"source_fields" doc:"Field with the priority."`
	MapValues     bool        `opt:"map_values" doc:"Set names instead of numbers."`
	Facilities    names       `opt:"facility_mappings" doc:"Names of facilities by their numbers, before the usual ones."`
	Severities    names       `opt:"severity_mappings" doc:"Names of severities by their numbers, before the usual ones."`
	FacilityField event.Path  `opt:"target_facility_field" doc:"Field for the facility."`
	SeverityField event.Path  `opt:"target_severity_field" doc:"Field for the severity."`
	Style         string      `opt:"mapping_style" enum:"rfc|short" doc:"Long names, or short ones such as daemon and err."`
	ParseHeader   string      `opt:"parse_header" null:"true" enum:"rfc3164|rfc5424|auto" doc:"The source field holds a whole line of syslog, which is split into syslog_prival, syslog_timestamp, host, program, pid, msgid, structured_data and message."`
	parse.Guard
}

// names are names by number.
type names map[int]string

// OptionType describes the option in tables.
func (names) OptionType() string { return "map of string" }

// DecodeOption reads the map; keys are integers or digits.
func (n *names) DecodeOption(v *option.Value) error {
	if v.Kind != option.Map {
		return v.Wrong("map")
	}
	*n = names{}
	var errs []error
	for _, p := range v.Pairs {
		number, err := strconv.Atoi(p.Key.Text)
		switch {
		case err != nil:
			errs = append(errs, p.Key.Faultf(option.WrongType, "a key must be a number, got %q", p.Key.Text))
		case p.Value.Kind == option.List || p.Value.Kind == option.Map || p.Value.Kind == option.Null:
			errs = append(errs, p.Value.Wrong("string"))
		default:
			(*n)[number] = p.Value.Text
		}
	}
	return errors.Join(errs...)
}

// Validate checks the numbers of severities.
func (o *Options) Validate() error {
	for n := range o.Severities {
		if n < 0 || n >= syslog.Severities {
			return &option.Fault{Code: option.OutOfRange, Option: "severity_mappings", Message: fmt.Sprintf("a severity must be between 0 and 7, got %d", n)}
		}
	}
	return nil
}

type parser struct {
	env                    actor.Env
	opts                   Options
	facilities, severities []string
	message                syslog.Message
}

// New makes a SyslogPrivalParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	short := o.Style == "short"
	return &parser{env: env, opts: o, facilities: syslog.Facilities(short), severities: syslog.SeverityNames(short)}, nil
}

// Process sets facility and severity.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		v, ok := e.Get(p.opts.SourceField.Path)
		if !ok {
			continue
		}
		if p.opts.ParseHeader != "" && v.IsString() {
			v, ok = p.header(e, v.Str())
			if !ok {
				p.env.Fault(e, p.opts.SourceField.String(), errNoHeader)
				continue
			}
		}
		n, err := priority(v)
		if err != nil {
			p.env.Fault(e, p.opts.SourceField.String(), err)
			continue
		}
		named := n <= syslog.Highest
		p.set(e, p.opts.FacilityField, p.name(n/syslog.Severities, p.opts.Facilities, p.facilities, named))
		p.set(e, p.opts.SeverityField, p.name(n%syslog.Severities, p.opts.Severities, p.severities, named))
	}
	return nil
}

var errNoPriority = errors.New("this is no syslog priority")

// priority reads a number that is not negative.
func priority(v event.Value) (int, error) {
	if n, ok := v.Int(); ok && n >= 0 {
		return int(n), nil
	}
	if !v.IsString() {
		return 0, errNoPriority
	}
	n, err := strconv.ParseUint(strings.Trim(v.Str(), "<> \t\r\n"), 10, 31)
	if err != nil {
		return 0, errNoPriority
	}
	return int(n), nil
}

// name returns the name of a number, or the number where it has none.
func (p *parser) name(n int, own names, usual []string, inRange bool) event.Value {
	if !p.opts.MapValues {
		return event.Int(int64(n))
	}
	if s, ok := own[n]; ok {
		return event.String(s)
	}
	if inRange && n < len(usual) {
		return event.String(usual[n])
	}
	return event.Int(int64(n))
}

func (p *parser) set(e *event.Event, field event.Path, v event.Value) {
	if err := e.Set(field, v); err != nil {
		p.env.Fault(e, field.String(), err)
	}
}
