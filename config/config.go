// Package config turns the text of a configuration into a checked plan of modules.
//
// Nothing is opened and nothing is started here. All that is wrong is found in one go and
// reported with its place in the file, so that an operator does not have to repair a file
// in ten rounds. The package knows no module; it is told which ones there are.
package config

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// Loader reads configurations.
type Loader struct {
	// Specs are the modules that a configuration may use.
	Specs []actor.Spec
	// Env looks up environment variables; nil is the environment of the process.
	Env func(name string) (string, bool)
	// CheckFiles makes files that the configuration names and that cannot be read errors.
	CheckFiles bool
	// Sealed makes it an error to include another file, and leaves modules that name files half
	// checked, for texts of people who may not see what is on this machine.
	Sealed bool
	// Shared are modules that another program has given; they come behind the own ones, if
	// there is a module of the class SharedBy.
	Shared   []Shared
	SharedBy string
	// Instead are modules that take the place of the own ones, or nil.
	Instead *Instead
	// CheckLogFormat tells whether a format of log lines is valid; nil accepts all.
	CheckLogFormat func(format string) error
}

// Load reads files. The modules of several files, and of all files with the ending .conf,
// .yml or .yaml in a directory, are joined in the order of their names. The plan can be
// run only if the report says that it is OK.
func (l Loader) Load(paths ...string) (*Plan, *Report) {
	b := l.builder()
	for _, p := range paths {
		b.path(p)
	}
	return b.build()
}

// LoadText reads a configuration that does not come from a file; name stands for it in
// messages.
func (l Loader) LoadText(name string, data []byte) (*Plan, *Report) {
	b := l.builder()
	b.files = append(b.files, name)
	b.text(name, data)
	return b.build()
}

// builder collects what the files say.
type builder struct {
	Loader
	report  *Report
	files   []string
	reading []string // the files that include each other at the moment
	items   []*option.Value
	plan    *Plan
	global  *option.Value // the value of Global, if there is one
	hasGlob bool
	failed  bool // something could not be read at all
	specs   map[string]*actor.Spec
	names   []string
	modules []*Module
	// sharedFiles stand for the texts of modules of other programs.
	sharedFiles []string
}

func (l Loader) builder() *builder {
	if l.Env == nil {
		l.Env = os.LookupEnv
	}
	b := &builder{Loader: l, report: &Report{}, plan: &Plan{Global: defaultGlobal()}, specs: map[string]*actor.Spec{}}
	for i := range l.Specs {
		s := &l.Specs[i]
		b.specs[s.Name] = s
		b.names = append(b.names, s.Name)
		for _, a := range s.Aliases {
			b.specs[a] = s
			b.names = append(b.names, a)
		}
	}
	return b
}

// path adds a file or all files of a directory.
func (b *builder) path(path string) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		b.file(path, nil)
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		b.unreadable(path, err, nil)
		return
	}
	found := false
	for _, e := range entries {
		if slices.Contains([]string{".conf", ".yml", ".yaml"}, filepath.Ext(e.Name())) && !e.IsDir() {
			found = true
			b.file(filepath.Join(path, e.Name()), nil)
		}
	}
	if !found {
		b.unreadable(path, fmt.Errorf("the directory holds no .conf, .yml or .yaml file"), nil)
	}
}

func (b *builder) unreadable(path string, err error, from *option.Value) {
	b.failed = true
	p := Problem{File: path, Code: "E001", Message: "cannot read the file: " + reason(err)}
	if from != nil {
		p.File, p.Line, p.Column, p.Module = from.File, from.Line, from.Column, "Include"
		p.Message = fmt.Sprintf("cannot read %q: %s", path, reason(err))
	}
	b.report.add(p)
	if !slices.Contains(b.files, p.File) {
		b.files = append(b.files, p.File)
	}
}

// reason is an error of the file system without the name of the file.
func reason(err error) string {
	switch e := err.(type) {
	case *os.PathError:
		return e.Err.Error()
	case *exec.Error:
		return reason(e.Err)
	}
	return err.Error()
}

// file adds one file. from is the item that includes it, if there is one.
func (b *builder) file(path string, from *option.Value) {
	clean, err := filepath.Abs(path)
	if err != nil {
		clean = path
	}
	if slices.Contains(b.reading, clean) {
		b.report.add(Problem{File: from.File, Line: from.Line, Column: from.Column, Module: "Include", Code: "E001",
			Message: fmt.Sprintf("%q includes itself", path)})
		return
	}
	data, err := readFile(path)
	if err != nil {
		b.unreadable(path, err, from)
		return
	}
	if !slices.Contains(b.files, path) {
		b.files = append(b.files, path)
	}
	b.reading = append(b.reading, clean)
	b.text(path, data)
	b.reading = b.reading[:len(b.reading)-1]
}

func (b *builder) text(name string, data []byte) {
	before := len(b.report.Problems)
	b.plan.Texts = append(b.plan.Texts, Text{name, string(data)})
	root := readYAML(name, data, b.Env, b.report)
	switch {
	case root == nil:
		b.failed = b.failed || len(b.report.Problems) > before
		return
	case root.Kind != option.List:
		b.failed = true
		b.report.add(Problem{File: name, Line: root.Line, Column: root.Column, Code: "E003",
			Message: fmt.Sprintf("the configuration must be a list of modules, got %s", root.Describe()), Hint: "begin every module with - "})
		return
	}
	for _, item := range root.Items {
		if path, at := includes(item); at != nil {
			b.include(name, path, at)
			continue
		}
		b.items = append(b.items, item)
	}
}

// includes returns the path of an - Include: item.
func includes(item *option.Value) (path string, at *option.Value) {
	if item.Kind == option.Map && len(item.Pairs) == 1 && item.Pairs[0].Key.Text == "Include" && item.Pairs[0].Value.Kind == option.String {
		return item.Pairs[0].Value.Text, item.Pairs[0].Value
	}
	return "", nil
}

func (b *builder) include(from, path string, at *option.Value) {
	if b.Sealed {
		b.report.add(Problem{File: from, Line: at.Line, Column: at.Column, Module: "Include", Code: "E001", Message: "other files are not read here"})
		return
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	b.file(path, at)
}

func (b *builder) build() (*Plan, *Report) {
	for _, item := range b.items {
		b.item(item)
	}
	if !b.hasModule() && !b.failed && !b.report.has("E005", "E006", "E007") {
		file := ""
		if len(b.files) > 0 {
			file = b.files[0]
		}
		b.report.add(Problem{File: file, Line: 1, Column: 1, Code: "E004", Message: "there is no module in the configuration"})
	}
	b.decodeGlobal()
	for _, m := range b.modules {
		b.decode(m)
	}
	b.assignIDs()
	b.ownGroups()
	b.sharedModules()
	b.connect()
	b.checkFlow()
	b.checkNeeds()
	b.report.sort(append(b.files[:len(b.files):len(b.files)], b.sharedFiles...))
	b.finish()
	return b.plan, b.report
}

func (b *builder) hasModule() bool { return len(b.modules) > 0 }

// fault notes something about the item at v.
func (b *builder) fault(v *option.Value, code option.Code, hint, format string, args ...any) {
	b.report.add(Problem{File: v.File, Line: v.Line, Column: v.Column, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// item sorts one item of the list.
func (b *builder) item(v *option.Value) {
	switch v.Kind {
	case option.String:
		b.named(v, nil)
	case option.Map:
		b.mapItem(v)
	default:
		b.fault(v, "E005", "write - Name or - Name: with its options", "an item must be a module, got %s", v.Describe())
	}
}

func (b *builder) mapItem(v *option.Value) {
	switch {
	case len(v.Pairs) == 0:
		b.fault(v, "E006", "", "an item must name a module, this one is empty")
		return
	case v.Pairs[0].Key.Text == "module":
		hint := ""
		if name := v.Pairs[0].Value; name.Kind == option.String {
			hint = "write - " + name.Text + ":"
		}
		b.fault(v.Pairs[0].Key, "E007", hint, "the name of the module is the key of the item, module: is not used")
		return
	case len(v.Pairs) > 1:
		second := v.Pairs[1].Key
		b.fault(second, "E006", "options must be indented deeper than the name of their module", "an item must have one key, the name of the module; %q is a second one", second.Text)
		if b.specs[v.Pairs[0].Key.Text] == nil {
			return
		}
		b.named(v.Pairs[0].Key, v.Pairs[0].Value)
		b.modules[len(b.modules)-1].broken = true
		return
	}
	b.named(v.Pairs[0].Key, v.Pairs[0].Value)
}

// named adds a module, or the Global section.
func (b *builder) named(name, opts *option.Value) {
	if opts != nil && opts.Kind == option.Null {
		opts = nil
	}
	if name.Text == "Global" {
		if b.hasGlob {
			b.fault(name, "E008", "join the two", "there is a second Global section")
			return
		}
		b.hasGlob, b.global = true, opts
		return
	}
	m := &Module{Name: name.Text, Position: name.Position, options: opts, common: defaultCommon()}
	m.Spec = b.specs[name.Text]
	b.modules = append(b.modules, m)
	if m.Spec == nil {
		b.unknownModule(name)
	}
}

func (b *builder) unknownModule(name *option.Value) {
	hint := ""
	if near := option.Nearest(name.Text, b.names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	b.fault(name, "E011", hint, "unknown module %q", name.Text)
}

// decodeGlobal reads the Global section.
func (b *builder) decodeGlobal() {
	if b.global == nil {
		return
	}
	if b.global.Kind != option.Map {
		b.report.add(Problem{File: b.global.File, Line: b.global.Line, Column: b.global.Column, Module: "Global", Code: "E009",
			Message: fmt.Sprintf("the Global section must be a map, got %s", b.global.Describe())})
		return
	}
	faults := option.Decode(b.global, &b.plan.Global)
	if b.CheckLogFormat != nil {
		if err := b.CheckLogFormat(b.plan.Global.Logging.Format); err != nil {
			faults = append(faults, &option.Fault{Code: "E039", Option: "logging.format", Message: err.Error()})
		}
	}
	for _, f := range faults {
		if f.Code == option.Unknown {
			f.Code = "E010"
		}
		b.place(f, b.global, option.Position{}, "Global")
	}
}

// place adds a fault of an option, at its own place or at that of the option it names.
func (b *builder) place(f *option.Fault, in *option.Value, otherwise option.Position, module string) {
	at := f.Position
	if at.Line == 0 && in != nil && f.Code != option.Required {
		at = locate(in, f.Option)
	}
	if at.Line == 0 {
		at = otherwise
	}
	b.report.add(Problem{File: at.File, Line: at.Line, Column: at.Column, Code: f.Code, Module: module, Option: f.Option, Message: f.Message, Hint: f.Hint})
}

// locate finds the value that an option path names: keys of maps, indices of lists, and
// keys of the maps in a list.
func locate(v *option.Value, path string) option.Position {
	for path != "" {
		next, rest := step(v, path)
		if next == nil {
			break
		}
		v, path = next, rest
	}
	return v.Position
}

func step(v *option.Value, path string) (next *option.Value, rest string) {
	for _, p := range v.Pairs {
		if after, ok := strings.CutPrefix(path, p.Key.Text); ok && (after == "" || after[0] == '.') {
			return p.Value, strings.TrimPrefix(after, ".")
		}
	}
	for _, item := range v.Items {
		if item.Kind == option.Map {
			if next, rest := step(item, path); next != nil {
				return next, rest
			}
		}
	}
	return nil, ""
}
