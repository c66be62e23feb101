package modifyfields

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

// mapping finds a value by its exact type first and by its text after that.
type mapping struct {
	exact map[mapKey]expr.ValueTemplate
	text  map[string]expr.ValueTemplate
}

type mapKey struct {
	kind event.Kind
	text string
}

// DecodeOption reads the map with the types of its keys.
func (t *mapping) DecodeOption(v *option.Value) error {
	if v.Kind != option.Map {
		return v.Wrong("map")
	}
	t.exact, t.text = map[mapKey]expr.ValueTemplate{}, map[string]expr.ValueTemplate{}
	var errs []error
	for _, p := range v.Pairs {
		value, err := expr.Value(p.Value)
		errs = append(errs, err)
		key, err := expr.Value(p.Key)
		errs = append(errs, err)
		t.add(key.Eval, value)
	}
	return errors.Join(errs...)
}

func (t *mapping) add(key func(*event.Event) (event.Value, bool), value expr.ValueTemplate) {
	k, _ := key(nowhere)
	t.exact[mapKey{k.Kind(), k.Text()}] = value
	if _, ok := t.text[k.Text()]; !ok {
		t.text[k.Text()] = value
	}
}

// nowhere is the event in which keys are evaluated: they are constants.
var nowhere = event.New(event.NewSource("", ""))

func (t *mapping) get(v event.Value) (found expr.ValueTemplate, ok bool) {
	if k := v.Kind(); k == event.KindList || k == event.KindMap {
		return found, false
	}
	text := v.Text()
	if found, ok = t.exact[mapKey{v.Kind(), text}]; ok {
		return found, true
	}
	found, ok = t.text[text]
	return found, ok
}

func (o *Options) mapValues() (step, error) {
	if o.Given["map"] == o.Given["map_file"] {
		return step{}, &option.Fault{Code: option.Required, Message: "action map requires the option map or map_file, and not both"}
	}
	target := o.TargetField
	if target.IsZero() {
		target = event.MustPath(o.SourceField.String() + "_mapped")
	}
	lookup := func(*modifier) *mapping { return &o.Map }
	if o.MapFile != "" {
		file := &mapFile{path: o.MapFile, reload: o.ReloadMapped}
		lookup = file.current
	}
	return step{change: func(m *modifier, e *event.Event) {
		v, ok := e.Get(o.SourceField.Path)
		if !ok {
			return
		}
		found, ok := lookup(m).get(v)
		switch {
		case ok:
			v, ok = found.Eval(e)
			if !ok {
				m.env.Unresolved("map", o.SourceField.String())
			}
		case o.Given["default_value"]:
			v, _ = o.DefaultValue.Eval(e)
		case !o.Unmappable:
			return
		}
		m.set(e, target, v)
	}}, nil
}

// Reads names the file with the map.
func (o *Options) Reads() []actor.File {
	if o.MapFile == "" {
		return nil
	}
	return []actor.File{{Option: "map_file", Path: o.MapFile}}
}

// mapFile is a map in a file that is read again when it changes. All workers share it.
type mapFile struct {
	path   string
	reload bool

	mu      sync.Mutex
	table   *mapping
	looked  time.Time
	changed time.Time
}

// lookEvery is how often the file is looked at.
const lookEvery = time.Second

// current returns the map, read anew where the file has changed. A file that cannot be
// read leaves the last good map in place.
func (f *mapFile) current(m *modifier) *mapping {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.table != nil && (!f.reload || now.Sub(f.looked) < lookEvery) {
		return f.table
	}
	f.looked = now
	info, err := os.Stat(f.path)
	if err == nil && f.table != nil && info.ModTime().Equal(f.changed) {
		return f.table
	}
	var t *mapping
	if err == nil {
		t, err = readMap(f.path)
	}
	if err != nil {
		m.env.Warn("map file cannot be read", "file", f.path, "error", err)
		if f.table == nil {
			f.table = &mapping{}
		}
		return f.table
	}
	f.table, f.changed = t, info.ModTime()
	return f.table
}

// readMap reads a map of a YAML, JSON or CSV file. The first two columns of CSV are key
// and value.
func readMap(path string) (*mapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := &mapping{map[mapKey]expr.ValueTemplate{}, map[string]expr.ValueTemplate{}}
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return t, t.readCSV(string(data))
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errNotMap
	}
	return t, t.readYAML(root.Content[0])
}

func (t *mapping) readCSV(text string) error {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if len(row) > 1 {
			t.put(event.String(row[0]), event.String(row[1]))
		}
	}
	return nil
}

func (t *mapping) readYAML(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		t.put(scalar(n.Content[i]), scalar(n.Content[i+1]))
	}
	return nil
}

// scalar turns a YAML scalar into a value; what is none becomes text.
func scalar(n *yaml.Node) event.Value {
	switch n.Tag {
	case "!!int", "!!float":
		if v, ok := event.Number(n.Value); ok {
			return v
		}
	case "!!bool":
		return event.Bool(strings.EqualFold(n.Value, "true"))
	case "!!null":
		return event.Null
	}
	return event.String(n.Value)
}

func (t *mapping) put(key, value event.Value) {
	constant := expr.Constant(value)
	t.exact[mapKey{key.Kind(), key.Text()}] = constant
	t.text[key.Text()] = constant
}
