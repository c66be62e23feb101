// Package useragentparser recognises browsers, systems and devices.
package useragentparser

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/ua-parser/uap-go/uaparser"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
)

// Spec is the UserAgentParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "UserAgentParser",
	Aliases:  []string{"parser.UserAgent"},
	Role:     actor.Parser,
	Summary:  "Recognises browser, operating system and device in a User-Agent text.",
	Doc:      "The rules are those of the [uap-core](https://github.com/ua-parser/uap-core) project. Recognising a text takes long, so results are remembered; `cache_size` should exceed the number of different texts that are common.",
	Parallel: true,
	Example: `- UserAgentParser:
    source_fields: user_agent
    target_field: user_agent_info
`,
}, Options{
	TargetField: event.MustPath("user_agent_info"),
	Legacy:      true,
	CacheSize:   1000,
	MaxLength:   2048,
}, New)

// Options of the UserAgentParser module.
type Options struct {
	SourceFields []event.Path `opt:"source_fields" old:"source_field" required:"true" doc:"Fields with the text; the first one that is there and not empty counts."`
	TargetField  event.Path   `opt:"target_field" doc:"Field for the result, a map."`
	Legacy       bool         `opt:"legacy_fields" doc:"Add bot, browser and platform as earlier versions of the former program had them."`
	CacheSize    int          `opt:"cache_size" min:"1" doc:"Results to remember."`
	RegexesFile  string       `opt:"regexes_file" null:"true" doc:"File with newer rules, a regexes.yaml of uap-core."`
	HintFields   []event.Path `opt:"hint_fields" doc:"Fields with the client hints Sec-CH-UA-Platform, Sec-CH-UA-Platform-Version and Sec-CH-UA-Model, in this order; they win over the text."`
	MaxLength    int          `opt:"max_length" min:"1" doc:"Longer texts are cut before they are looked at."`
	DeviceType   bool         `opt:"device_type" doc:"Add device_type: desktop, mobile, tablet, bot or other."`
	parse.Guard

	rules []byte
}

// Validate reads newer rules.
func (o *Options) Validate() error {
	if o.RegexesFile == "" {
		return nil
	}
	text, err := os.ReadFile(o.RegexesFile)
	if err == nil {
		_, err = uaparser.NewFromBytes(text)
	}
	if err != nil {
		return &option.Fault{Code: option.Unreadable, Option: "regexes_file", Message: fmt.Sprintf("cannot use %q: %s", o.RegexesFile, err)}
	}
	o.rules = text
	return nil
}

// recogniser is shared by all workers. Its rules are compiled when the first text comes,
// because they take some time and memory.
type recogniser struct {
	parser func() (*uaparser.Parser, error)
	cache  *lru.Cache[string, []event.Field]
}

type parser struct {
	env  actor.Env
	opts Options
	*recogniser
}

// New makes a UserAgentParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	var err error
	r := actor.Shared(env, func() *recogniser {
		r := &recogniser{}
		r.cache, err = lru.New[string, []event.Field](o.CacheSize)
		r.parser = sync.OnceValues(func() (*uaparser.Parser, error) {
			if o.rules == nil {
				return uaparser.New()
			}
			return uaparser.NewFromBytes(o.rules)
		})
		return r
	})
	return &parser{env, o, r}, err
}

// Process sets the result on the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		text, found := p.text(e)
		if !found {
			continue
		}
		fields, err := p.recognise(text)
		if err != nil {
			return err
		}
		if err := e.Set(p.opts.TargetField, p.result(e, fields)); err != nil {
			p.env.Fault(e, p.opts.TargetField.String(), err)
		}
	}
	return nil
}

// text returns the first text that is there and not empty. found is set for an empty one
// as well, if there is no other.
func (p *parser) text(e *event.Event) (text string, found bool) {
	for _, f := range p.opts.SourceFields {
		v, ok := e.Get(f)
		switch {
		case !ok:
			continue
		case !v.IsString():
			p.env.Fault(e, f.String(), parse.ErrNotText)
			continue
		}
		found = true
		if text = v.Str(); text != "" {
			return text[:min(len(text), p.opts.MaxLength)], true
		}
	}
	return "", found
}

// recognise returns the fields of the result from the cache or the rules.
func (p *parser) recognise(text string) ([]event.Field, error) {
	if fields, ok := p.cache.Get(text); ok {
		return fields, nil
	}
	text = strings.Clone(text) // it must not keep the buffer alive that it was read into
	client := &uaparser.Client{
		UserAgent: &uaparser.UserAgent{Family: unknown}, Os: &uaparser.Os{Family: unknown}, Device: &uaparser.Device{Family: unknown},
	}
	if text != "" && text != "-" {
		rules, err := p.parser()
		if err != nil {
			return nil, fmt.Errorf("compile the rules: %w", err)
		}
		client = rules.Parse(text)
	}
	fields := p.fields(client)
	p.cache.Add(text, fields)
	return fields, nil
}

const (
	unknown = "Other"
	spider  = "Spider"
)

func (p *parser) fields(c *uaparser.Client) []event.Field {
	ua, system, device := c.UserAgent, c.Os, c.Device
	list := []event.Field{
		field("device", record("family", device.Family, "brand", device.Brand, "model", device.Model)),
		field("os", record("family", system.Family, "major", system.Major, "minor", system.Minor, "patch", system.Patch, "patch_minor", system.PatchMinor)),
		field("user_agent", record("family", ua.Family, "major", ua.Major, "minor", ua.Minor, "patch", ua.Patch)),
	}
	if p.opts.Legacy {
		list = append(list,
			field("bot", event.Bool(device.Family == spider)),
			field("browser", record("name", ua.Family, "version", joined(ua.Major, ua.Minor, ua.Patch))),
			field("platform", record("name", system.Family, "version", joined(system.Major, system.Minor, system.Patch))))
	}
	if p.opts.DeviceType {
		list = append(list, field("device_type", event.String(deviceType(device.Family, device.Model, system.Family))))
	}
	return list
}

func field(name string, v event.Value) event.Field {
	return event.Field{Key: event.Intern(name), Value: v}
}

// record makes a map of names and texts; an empty text is null.
func record(pairs ...string) event.Value {
	m := event.NewMap(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		v := event.Null
		if pairs[i+1] != "" {
			v = event.String(pairs[i+1])
		}
		m.Set(event.Intern(pairs[i]), v)
	}
	return event.MapOf(m)
}

func joined(parts ...string) string {
	var some []string
	for _, s := range parts {
		if s != "" {
			some = append(some, s)
		}
	}
	return strings.Join(some, ".")
}

// deviceType guesses the kind of a device from what the rules say about it.
func deviceType(device, model, system string) string {
	mobile := system == "Android" || system == "iOS" || system == "Windows Phone" || system == "BlackBerry OS"
	switch {
	case device == spider:
		return "bot"
	case device == "iPad" || strings.Contains(model, "Tablet") || strings.Contains(model, "Tab "):
		return "tablet"
	case mobile || device == "iPhone":
		return "mobile"
	case system == unknown:
		return "other"
	}
	return "desktop"
}

// result makes the map for one event, with a copy of what is remembered.
func (p *parser) result(e *event.Event, fields []event.Field) event.Value {
	m := event.NewMap(len(fields))
	for _, f := range fields {
		m.Set(f.Key, f.Value.Clone())
	}
	hints := [][2]string{{"os", "family"}, {"os", "major"}, {"device", "model"}}
	for i, f := range p.opts.HintFields {
		v, ok := e.Get(f)
		hint := strings.Trim(v.Str(), `" `)
		if !ok || hint == "" || i >= len(hints) {
			continue
		}
		if group, ok := m.Get(event.Intern(hints[i][0])); ok {
			group.Map().Set(event.Intern(hints[i][1]), event.String(hint))
		}
	}
	return event.MapOf(m)
}
