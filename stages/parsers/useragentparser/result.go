package useragentparser

import (
	"strings"

	"gambolputty/actor/event"
)

const (
	unknown = "Other"
	spider  = "Spider"
)

var key = event.Intern

// Names of groups and of what is in them.
var (
	deviceKey, osKey, agentKey = key("device"), key("os"), key("user_agent")
	botKey, browserKey         = key("bot"), key("browser")
	platformKey, typeKey       = key("platform"), key("device_type")

	familyKey, modelKey, majorKey = key("family"), key("model"), key("major")

	deviceKeys = []*event.Key{familyKey, key("brand"), modelKey}
	systemKeys = []*event.Key{familyKey, majorKey, key("minor"), key("patch"), key("patch_minor")}
	agentKeys  = systemKeys[:4]
	legacyKeys = []*event.Key{key("name"), key("version")}
)

// client is what the rules say about a text: about the agent its family, major, minor and
// patch, about the system the same and patch_minor, about the device family, brand and model.
type client struct {
	agent  [4]string
	system [5]string
	device [3]string
}

// recognise applies the rules to a text.
func (m *matcher) recognise(text string) (c client) {
	if text == "" || text == "-" {
		c.agent[0], c.system[0], c.device[0] = unknown, unknown, unknown
		return c
	}
	m.listen(text)
	if !m.match(agents, text, c.agent[:], false) {
		c.agent[0] = unknown
	}
	if !m.match(systems, text, c.system[:], false) {
		c.system[0] = unknown
	}
	if !m.match(devices, text, c.device[:], true) {
		c.device[0] = unknown
	}
	return c
}

// result makes a map of what the rules say.
func (p *parser) result(c client) event.Value {
	fields := []event.Field{
		{Key: deviceKey, Value: record(deviceKeys, c.device[:]...)},
		{Key: osKey, Value: record(systemKeys, c.system[:]...)},
		{Key: agentKey, Value: record(agentKeys, c.agent[:]...)},
	}
	if p.opts.Legacy {
		fields = append(fields,
			event.Field{Key: botKey, Value: event.Bool(c.device[0] == spider)},
			event.Field{Key: browserKey, Value: record(legacyKeys, c.agent[0], joined(c.agent[1:]...))},
			event.Field{Key: platformKey, Value: record(legacyKeys, c.system[0], joined(c.system[1:4]...))})
	}
	if p.opts.DeviceType {
		fields = append(fields, event.Field{Key: typeKey, Value: event.String(deviceType(c.device[0], c.device[2], c.system[0]))})
	}
	return event.MapOf(event.FromFields(fields))
}

// record makes a map of texts; an empty text is null.
func record(keys []*event.Key, texts ...string) event.Value {
	fields := make([]event.Field, len(keys))
	for i, k := range keys {
		fields[i].Key = k
		if texts[i] != "" {
			fields[i].Value = event.String(texts[i])
		}
	}
	return event.MapOf(event.FromFields(fields))
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

// hints are what the fields of the option hint_fields say, in their order.
var hints = [...]struct{ group, field *event.Key }{{osKey, familyKey}, {osKey, majorKey}, {deviceKey, modelKey}}

// hinted is a result with what the hints of an event say.
func (p *parser) hinted(e *event.Event, result event.Value) event.Value {
	copied := false
	for i, f := range p.opts.HintFields[:min(len(p.opts.HintFields), len(hints))] {
		v, _ := e.Get(f)
		hint := strings.Trim(v.Str(), `" `)
		if hint == "" {
			continue
		}
		if !copied {
			result, copied = result.Clone(), true
		}
		group, _ := result.Map().Get(hints[i].group)
		group.Map().Set(hints[i].field, event.String(hint))
	}
	return result
}
