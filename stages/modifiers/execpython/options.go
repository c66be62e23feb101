package execpython

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/modifiers/execpython/library"
	"gambolputty/stages/modifiers/execpython/python"
)

// Options of the ExecPython module.
type Options struct {
	Source      Code           `opt:"source" doc:"The program: the body of a function with the parameter event. Required unless source_file is set."`
	SourceFile  string         `opt:"source_file" null:"true" doc:"File with the program instead of source."`
	Imports     []string       `opt:"imports" doc:"Names of modules that the program uses. Those that are built in are there anyway."`
	Debug       bool           `opt:"debug" doc:"Write the program to the log at start."`
	MaxSteps    int            `opt:"max_steps" min:"1" max:"1000000000" doc:"Steps that the program may take for one event; more are a fault. Memory is counted in, so that this bounds it, too."`
	Timeout     time.Duration  `opt:"timeout_in_millis" unit:"ms" min:"1ms" max:"10m" doc:"Time that the program may take for one event; more is a fault."`
	Rollback    bool           `opt:"rollback_on_error" doc:"Restore the event if the program fails. Otherwise it keeps the changes up to the error."`
	ReturnValue bool           `opt:"use_return_value" doc:"Heed what the program returns: nothing or None passes the event, False drops it, a dict replaces its fields, and a list of dicts makes several events."`
	Interval    *time.Duration `opt:"interval" min:"1ms" doc:"How often the function on_interval(state) of the program is called, in seconds. It is called at the end, too."`
	Engine      string         `opt:"engine" enum:"starlark|python3" doc:"starlark runs the program in this process, python3 in a process of a real Python for each worker."`
	Interpreter string         `opt:"interpreter" null:"true" doc:"Path of the real Python, which implies engine: python3. The default is python3 in the search path."`

	Given option.Given

	text     string            // the program
	unread   error             // why there is none
	prog     *starlark.Program // nil for a real Python
	interval *starlark.Program
	state    bool // the program keeps a state
	emits    bool
}

// Code is an option with a program.
type Code struct{ value *option.Value }

// OptionType describes the option in tables.
func (Code) OptionType() string { return "string" }

// DecodeOption takes the text, which is compiled when all other options are known.
func (c *Code) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	c.value = v
	return nil
}

// Validate compiles the program.
func (o *Options) Validate() error {
	var errs []error
	if o.Source.value == nil && o.SourceFile == "" {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "source", Message: "required option is missing: neither source nor source_file is set"})
	}
	if o.Source.value != nil && o.SourceFile != "" {
		errs = append(errs, &option.Fault{Code: option.Contradiction, Option: "source_file", Message: "cannot be set together with source"})
	}
	if o.Interpreter != "" {
		if o.Given["engine"] && o.Engine != realPython {
			errs = append(errs, &option.Fault{Code: option.Contradiction, Option: "interpreter", Message: "is for engine python3, got engine " + o.Engine})
		}
		o.Engine = realPython
	}
	if o.Engine == realPython && o.Given["max_steps"] {
		errs = append(errs, &option.Fault{Code: "W105", Option: "max_steps", Message: "a real Python does not count steps, so the option has no effect"})
	}
	if o.Source.value != nil || o.SourceFile != "" {
		o.load()
		errs = append(errs, o.compile())
	}
	return errors.Join(append(errs, o.checkImports())...)
}

// realPython is the engine that is a process.
const realPython = "python3"

// Outside says that a real Python is run, which may do anything.
func (o *Options) Outside() string {
	if o.Engine == realPython {
		return "a real Python"
	}
	return ""
}

// load reads the program. A file that cannot be read is found at start.
func (o *Options) load() {
	if o.Source.value != nil {
		o.text = o.Source.value.Text
		return
	}
	b, err := os.ReadFile(o.SourceFile)
	o.text, o.unread = string(b), err
}

// Reads names the file with the program.
func (o *Options) Reads() []actor.File {
	if o.SourceFile == "" {
		return nil
	}
	return []actor.File{{Option: "source_file", Path: o.SourceFile}}
}

var moduleName = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`)

func (o *Options) checkImports() error {
	var errs []error
	for _, name := range o.Imports {
		f := &option.Fault{Code: option.Source, Option: "imports"}
		switch {
		case o.Engine == realPython && !moduleName.MatchString(name):
			f.Message = fmt.Sprintf("must be names of modules, got %q", name)
		case o.Engine != realPython && !slices.Contains(python.ModuleNames, name):
			f.Message = fmt.Sprintf("module %q is not available, there are %s", name, strings.Join(python.ModuleNames, ", "))
			if near := option.Nearest(name, python.ModuleNames); near != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", near)
			}
		default:
			continue
		}
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

var (
	stateWord    = regexp.MustCompile(`\bstate\b`)
	intervalWord = regexp.MustCompile(`\bdef +on_interval\b`)
)

func (o *Options) compile() error {
	if o.unread != nil {
		return nil
	}
	if o.Engine == realPython {
		o.state, o.emits = stateWord.MatchString(o.text), true
		if o.Interval != nil && !intervalWord.MatchString(o.text) {
			return o.noInterval()
		}
		return nil
	}
	names := library.Names()
	known := func(name string) bool { return names.Has(name) || name == "state" || name == "emit" }
	prog, err := python.Parse(o.text, library.Members)
	if err == nil {
		o.state, o.emits = prog.Uses("state"), prog.Uses("emit")
		o.prog, err = prog.Compile(known)
	}
	if err == nil && o.Interval != nil {
		var found bool
		prog, found, err = python.ParseFunction(o.text, intervalFunction, library.Members)
		if err == nil && !found {
			return o.noInterval()
		}
		if err == nil {
			o.interval, err = prog.Compile(known)
		}
	}
	return o.place(err)
}

const intervalFunction = "on_interval"

func (o *Options) noInterval() error {
	return &option.Fault{Code: option.Required, Option: "interval", Message: "needs a function on_interval(state) on the first level of the program"}
}

// place makes faults of what is wrong with the program.
func (o *Options) place(err error) error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range j.Unwrap() {
			all = append(all, o.place(e))
		}
		return errors.Join(all...)
	}
	var s *python.SyntaxError
	if !errors.As(err, &s) {
		return err
	}
	f := &option.Fault{Code: option.Source, Option: "source_file", Message: s.Error()}
	if v := o.Source.value; v != nil {
		f.Option, f.Position = "source", v.At(s.Offset)
	}
	return f
}

// SingleWorker says that a state belongs to one worker.
func (o *Options) SingleWorker() string {
	if o.state || o.Interval != nil {
		return "the program keeps a state"
	}
	return ""
}

// Withholds says that the program may drop events.
func (o *Options) Withholds() bool { return o.ReturnValue }
