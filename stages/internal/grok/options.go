package grok

import (
	"errors"
	"fmt"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
)

// Options are embedded in the options of modules that have patterns.
type Options struct {
	PatternTimeout     time.Duration     `opt:"pattern_timeout_in_millis" unit:"ms" min:"0s" doc:"Limit for one pattern on one value. Above it the pattern does not match and the event is tagged regex_timeout. 0 is no limit."`
	LinearOnly         bool              `opt:"linear_only" doc:"Refuse patterns that need backtracking, such as those with lookaround or backreferences."`
	Flavor             string            `opt:"grok_flavor" enum:"legacy|ecs" doc:"Names of the fields in the built-in patterns: those of old, such as clientip, or those of the Elastic Common Schema, such as source.address."`
	PatternsDir        []string          `opt:"patterns_dir" doc:"Directories with files of grok patterns, a name and an expression per line."`
	PatternDefinitions map[string]string `opt:"pattern_definitions" doc:"Grok patterns by name. They win over those from patterns_dir, which win over the built-in ones."`
}

// Defaults are the usual limits.
var Defaults = Options{PatternTimeout: time.Second, Flavor: "legacy"}

// TimeoutTag marks events on which a pattern took too long.
const TimeoutTag = "regex_timeout"

// Reads names the directories of grok patterns.
func (o *Options) Reads() []actor.File {
	var files []actor.File
	for _, d := range o.PatternsDir {
		files = append(files, actor.File{Option: "patterns_dir", Path: d, Directory: true})
	}
	return files
}

// Library returns the expressions that patterns may name. The error is a *option.Fault.
func (o *Options) Library() (*Library, error) {
	library := Builtin()
	if o.Flavor == "ecs" {
		library = ECS()
	}
	for _, dir := range o.PatternsDir {
		l, err := library.AddDir(dir)
		if err != nil {
			return nil, &option.Fault{Code: option.Unreadable, Option: "patterns_dir", Message: err.Error()}
		}
		library = l
	}
	return library.With(o.PatternDefinitions), nil
}

// Compile compiles a pattern in which names of the library may stand. The error says what is
// wrong and where, as far as the operator can see that place.
func (o *Options) Compile(library *Library, pattern string, flags regex.Flags) (*regex.Pattern, Expanded, error) {
	x, err := library.Expand(pattern)
	if err != nil {
		return nil, x, err
	}
	asWritten := x.Pattern == pattern
	p, err := regex.Compile(x.Pattern, o.Engine(flags, !asWritten))
	if err == nil {
		return p, x, nil
	}
	s, ok := errors.AsType[*regex.SyntaxError](err)
	switch {
	case ok && asWritten && s.Offset >= 0:
		err = fmt.Errorf("bad regular expression %q at offset %d: %s", s.Pattern, s.Offset, s.Reason)
	case ok:
		err = fmt.Errorf("bad regular expression: %s", s.Reason)
	}
	return nil, x, err
}

// Engine are the options with which Compile compiles a pattern; grok says that names of the
// library were in it.
func (o *Options) Engine(flags regex.Flags, grok bool) regex.Options {
	how := regex.Options{Flags: flags, Timeout: o.PatternTimeout, LinearOnly: o.LinearOnly}
	if grok {
		how.Dialect = regex.Oniguruma
	}
	return how
}
