package actor

import "time"

// Role says where a module stands in the flow.
type Role string

// The roles. Events pass through all of them but StandAlone.
const (
	Input      Role = "input"
	Parser     Role = "parser"
	Modifier   Role = "modifier"
	Misc       Role = "misc"
	Output     Role = "output"
	StandAlone Role = "stand_alone"
)

// Info describes a module for people and for the checks of a configuration.
type Info struct {
	// Name is the canonical class name, as in the configuration.
	Name string
	// Aliases are former and alternative names.
	Aliases []string
	// Role is the module's place in the flow.
	Role Role
	// Summary is one sentence that says what the module does.
	Summary string
	// Doc is Markdown for what a table of options cannot say.
	Doc string
	// Example is a list item, or several, that can stand in a configuration.
	Example string
	// Parallel allows a pool of workers. Modules without it have one worker.
	Parallel bool
	// Workers is the default size of the pool; 0 is Global.workers for parallel parsers,
	// modifiers and misc modules, and 1 for all others.
	Workers int
	// Withholds says that events may stay in the module or end there, so that a loop
	// through it has an exit.
	Withholds bool
	// Ends says that events may well end at this module without a word.
	Ends bool
	// FaultTag is the default tag for events that the module could not handle. Without one
	// it is the name of the module in snake_case followed by _failure.
	FaultTag string
	// Forgets says that the module keeps nothing of an event beyond the batch that it came
	// in, not even a part of a text: what it holds back it copies. Only where all modules on
	// the way of an event do so, the memory that its input has read into is used again.
	Forgets bool
	// Serves says that this module is of use only to modules that name it.
	Serves bool
	// Once says that there must not be two of the module in a configuration.
	Once bool
}

// Spec is a module: how it is called, what can be set, how it is built.
type Spec struct {
	Info
	// Options returns a pointer to new options filled with the defaults.
	Options func() any
	// Build makes one instance for one worker. It compiles and allocates, it does not
	// connect and starts nothing. The instance is a Source, Processor, Sink or Service.
	Build func(env Env, opts any) (any, error)
}

// DefineSource makes the Spec of an input. Each instance gets options of its own.
func DefineSource[O any](i Info, defaults O, build func(Env, O) (Source, error)) Spec {
	return define(i, defaults, func(e Env, o O) (any, error) { return build(e, o) })
}

// DefineProcessor makes the Spec of a parser, a modifier or a misc module.
func DefineProcessor[O any](i Info, defaults O, build func(Env, O) (Processor, error)) Spec {
	return define(i, defaults, func(e Env, o O) (any, error) { return build(e, o) })
}

// DefineSink makes the Spec of an output.
func DefineSink[O any](i Info, defaults O, build func(Env, O) (Sink, error)) Spec {
	return define(i, defaults, func(e Env, o O) (any, error) { return build(e, o) })
}

// DefineService makes the Spec of a stand-alone module.
func DefineService[O any](i Info, defaults O, build func(Env, O) (Service, error)) Spec {
	return define(i, defaults, func(e Env, o O) (any, error) { return build(e, o) })
}

func define[O any](i Info, defaults O, build func(Env, O) (any, error)) Spec {
	return Spec{
		Info:    i,
		Options: func() any { o := defaults; return &o },
		Build:   func(e Env, opts any) (any, error) { return build(e, *opts.(*O)) },
	}
}

// Options may have methods that a configuration check looks for.
type (
	// Validator checks what the tags of single options cannot say. The error is an
	// *option.Fault or several joined.
	Validator interface{ Validate() error }
	// Single tells why these options allow one worker only; "" if they do not.
	Single interface{ SingleWorker() string }
	// Listener names the addresses that the module binds, as network and host:port, so
	// that two modules on one address are found.
	Listener interface{ Listens() []Address }
	// Reader names the files that must be readable at start.
	Reader interface{ Reads() []File }
	// Withholder says that with these options events may stay or end in the module.
	Withholder interface{ Withholds() bool }
	// Writer names the files that are the same for all events, so that two modules that
	// write to one are found. A file of another system begins with its address.
	Writer interface{ Writes() []File }
	// Faulty is for options with an on_error of their own that takes more values: it says
	// what the common one would be.
	Faulty interface{ OnError() OnError }
	// Outsider says what outside of the process the module asks or runs for an event, such as
	// name servers; "" is nothing. Who tries a configuration out must not do that.
	Outsider interface{ Outside() string }
	// User names the stand-alone modules that must exist.
	User interface{ Uses() []Need }
)

// Address is what a module listens on. Port 0 never collides.
type Address struct {
	Option, Network, Host string
	Port                  int
}

// File is a file that an option names. A program may be named without its folder, if it is in
// the search path.
type File struct {
	Option, Path string
	Directory    bool
	Executable   bool
	// Live says that the module itself reads the file again when it has changed.
	Live bool
}

// Need is a stand-alone module that an option names.
type Need struct {
	Option, ID string
	// Kinds are the class names that will do.
	Kinds []string
	// Optional says that the module does without it.
	Optional bool
}

// RestartPolicy says how a module that fails is started again.
type RestartPolicy struct {
	// First is the pause after the first failure; it doubles up to Longest.
	First, Longest time.Duration
	// More than Max failures within Window end the module.
	Max    int
	Window time.Duration
	// Calm is the time without a failure after which the pauses begin anew.
	Calm time.Duration
}

// DefaultRestart is the policy for modules without one of their own.
var DefaultRestart = RestartPolicy{
	First: 100 * time.Millisecond, Longest: 30 * time.Second,
	Max: 10, Window: time.Minute, Calm: time.Minute,
}
