package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

// Global are the settings of a configuration as a whole.
type Global struct {
	Workers         int           `opt:"workers" min:"1" doc:"Workers of every module that may run in parallel, unless it says otherwise. The default is one less than there are CPUs, at least 1."`
	QueueSize       int           `opt:"queue_size" min:"1" doc:"Batches that fit into a queue. An inbox takes queue_size times queue_buffer_size events."`
	QueueBufferSize int           `opt:"queue_buffer_size" min:"1" doc:"Events per batch, for the size of inboxes only: events never wait for a batch to fill."`
	InboxSize       *int          `opt:"inbox_size" min:"1" doc:"Events that fit into an inbox; replaces the product of the two above."`
	Logging         Logging       `opt:"logging" doc:"How the program logs."`
	Ordered         bool          `opt:"ordered" doc:"Modules with several workers hand events on in the order in which they came."`
	ShutdownTimeout time.Duration `opt:"shutdown_timeout" min:"0s" doc:"Time for delivering what is under way after a stop was asked for. 0 waits for ever."`
	RestartMax      int           `opt:"restart_max" min:"0" doc:"A module that fails more often than this within restart_window ends the program."`
	RestartWindow   time.Duration `opt:"restart_window" min:"1s" doc:"Time in which failures are counted."`
	MaxHops         int           `opt:"max_hops" min:"1" doc:"How often an event may go round a loop before it is dropped."`
	DeadLetter      string        `opt:"dead_letter" null:"true" doc:"Id of the output for events that no module could handle."`
}

// Logging is the logging section of Global.
type Logging struct {
	Level    Level  `opt:"level" doc:"Lines below this level are not written: debug, info, warn, error, critical or fatal."`
	Format   string `opt:"format" doc:"Form of a line with placeholders as in %(asctime)s, or json for one object per line."`
	Filename string `opt:"filename" null:"true" doc:"File for the log; without it, standard error."`
	Filemode string `opt:"filemode" enum:"w|a" doc:"w empties the file at start, a appends to it."`
}

func defaultGlobal() Global {
	return Global{
		Workers: max(1, runtime.NumCPU()-1), QueueSize: 20, QueueBufferSize: 50, Ordered: true,
		Logging: Logging{
			Level:    Level{slog.LevelInfo, "info"},
			Format:   "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
			Filemode: "w",
		},
		ShutdownTimeout: 30 * time.Second, RestartMax: 10, RestartWindow: time.Minute, MaxHops: 100,
	}
}

// Level is a log level by its name.
type Level struct {
	slog.Level
	name string
}

// String is the name as it was given.
func (l Level) String() string { return l.name }

// OptionType describes levels in tables of options.
func (Level) OptionType() string { return "string" }

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "warning": slog.LevelWarn,
	"error": slog.LevelError, "critical": slog.LevelError + 4, "fatal": slog.LevelError + 4,
}

// DecodeOption reads the name of a level in any letter case.
func (l *Level) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	level, ok := levels[strings.ToLower(v.Text)]
	if !ok {
		f := v.Faultf("E039", "must be one of debug, info, warn, error, critical, fatal, got %q", v.Text)
		if near := option.Nearest(v.Text, []string{"debug", "info", "warn", "error", "critical", "fatal"}); near != "" {
			f.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		return f
	}
	*l = Level{level, v.Text}
	return nil
}

// common are the options that every module has.
type common struct {
	Given option.Given

	ID           string         `opt:"id" null:"true" doc:"Name by which receivers and other options address the module. Without it, its class name; of several such modules the later ones get _1, _2 and so on."`
	Enabled      bool           `opt:"enabled" doc:"False leaves the module out, as if it were not there. It is checked all the same."`
	OnlyGroups   []string       `opt:"only_groups" doc:"In a pack, only nodes with one of these groups run the module; on all others it is as if it were switched off. PackConfiguration says in which groups a node is."`
	Receivers    *option.Value  `opt:"receivers" doc:"List of the modules that get the events, each with an optional filter. Without it, the next module in the file that takes events."`
	Filter       *expr.Filter   `opt:"filter" doc:"The module handles only events that match; all others pass it unchanged."`
	AddFields    addFields      `opt:"add_fields" doc:"Fields to set when the module is done, with dynamic names and values."`
	DeleteFields deleteFields   `opt:"delete_fields" doc:"Fields to remove when the module is done."`
	CopyFields   fieldPairs     `opt:"copy_fields" doc:"Fields to copy with their type, as new: old."`
	RenameFields fieldPairs     `opt:"rename_fields" doc:"Fields to rename, as old: new."`
	EventType    expr.Template  `opt:"event_type" null:"true" doc:"Type to give to the event."`
	SetInternal  *internal      `opt:"set_internal" doc:"Map with key and value: a value that every filter can read as $(internal.key)."`
	OnError      string         `opt:"on_error" enum:"pass|drop|dead_letter" doc:"What becomes of an event that the module could not handle: it passes with gambolputty.error set, is dropped, or goes to the dead letter module. An output always tries again and then uses the dead letter module."`
	LogLevel     *Level         `opt:"log_level" doc:"Log level of this module alone."`
	RunOn        string         `opt:"run_on" enum:"all|leader" doc:"leader lets an input run only while this node leads the pack, so that of all nodes with the same configuration one reads the source. There must be a Pack."`
	PoolSize     *int           `opt:"pool_size" min:"1" doc:"Number of workers."`
	Ordered      *bool          `opt:"ordered" doc:"Several workers hand events on in the order in which they came. The default is that of Global."`
	QueueSize    *int           `opt:"queue_size" min:"1" doc:"As in Global, for the inbox of this module."`
	BufferSize   *int           `opt:"queue_buffer_size" old:"mp_queue_buffer_size" min:"1" doc:"As in Global, for the inbox of this module."`
	InboxSize    *int           `opt:"inbox_size" min:"1" doc:"Events that fit into the inbox of this module."`
	RedisStore   string         `opt:"redis_store" old:"redis_client,redis-client,cache" null:"true" doc:"Id of a store for results, for modules that can use one."`
	RedisKey     expr.Template  `opt:"redis_key" old:"redis-key,cache_key" null:"true" doc:"Key in the store."`
	RedisTTL     *time.Duration `opt:"redis_ttl" old:"redis-ttl,cache_ttl" min:"0s" doc:"How long a result stays in the store."`
	RedisLock    string         `opt:"redis_lock" old:"cache_lock" null:"true" doc:"Name of a lock around the use of the store."`
}

func defaultCommon() common { return common{Enabled: true, OnError: "pass", RunOn: runsOnAll} }

// The values of run_on.
const (
	runsOnAll    = "all"
	runsOnLeader = "leader"
)

// tagging is the further option that parsers and modifiers have.
type tagging struct {
	Given option.Given

	Tag string `opt:"tag_on_failure" null:"true" doc:"Tag for events that the module could not handle, in gambolputty.tags. The default is the name of the module followed by _failure, as in json_parser_failure."`
}

// faultTag is the default of tag_on_failure.
func faultTag(s actor.Spec) string { return cmp.Or(s.FaultTag, snake(s.Name)+"_failure") }

// addFields is the add_fields option.
type addFields []actor.AddField

// OptionType describes the option in tables.
func (*addFields) OptionType() string { return "map of any" }

// DecodeOption compiles names and values.
func (a *addFields) DecodeOption(v *option.Value) error {
	if v.Kind != option.Map {
		return v.Wrong("map")
	}
	var errs []error
	for _, p := range v.Pairs {
		name, err := expr.ParseTemplate(p.Key.Text)
		if err == nil && p.Key.Text == "" {
			err = p.Key.Faultf(option.Dynamic, "the field name is empty")
			errs = append(errs, err)
			continue
		}
		value, err2 := expr.Value(p.Value)
		errs = append(errs, expr.Place(err, p.Key), below(p.Key.Text, err2))
		*a = append(*a, actor.AddField{Name: name, Value: value})
	}
	return errors.Join(errs...)
}

// below names the key under which the faults in err were found.
func below(key string, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for _, f := range option.Faults(err, option.WrongType) {
		f.Option = strings.TrimSuffix(key+"."+f.Option, ".")
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// deleteFields is the delete_fields option.
type deleteFields []expr.Template

// OptionType describes the option in tables.
func (*deleteFields) OptionType() string { return "list of dynamic string" }

// DecodeOption compiles the names; one alone is a list of one.
func (d *deleteFields) DecodeOption(v *option.Value) error {
	items, ok := v.OneOrMore()
	if !ok {
		return v.Wrong("list")
	}
	var errs []error
	for _, item := range items {
		var t expr.Template
		errs = append(errs, t.DecodeOption(item))
		*d = append(*d, t)
	}
	return errors.Join(errs...)
}

// fieldPairs is the copy_fields or rename_fields option.
type fieldPairs []struct{ key, value event.Path }

// OptionType describes the option in tables.
func (*fieldPairs) OptionType() string { return "map of field" }

// DecodeOption compiles the paths.
func (m *fieldPairs) DecodeOption(v *option.Value) error {
	if v.Kind != option.Map {
		return v.Wrong("map")
	}
	var errs []error
	for _, p := range v.Pairs {
		if p.Value.Kind != option.String {
			errs = append(errs, below(p.Key.Text, p.Value.Wrong("string")))
			continue
		}
		key, err := event.ParsePath(p.Key.Text)
		value, err2 := event.ParsePath(p.Value.Text)
		errs = append(errs, err, below(p.Key.Text, err2))
		*m = append(*m, struct{ key, value event.Path }{key, value})
	}
	return errors.Join(errs...)
}

// internal is the set_internal option.
type internal struct {
	Key   string        `opt:"key" required:"true"`
	Value expr.Template `opt:"value" required:"true"`
}

// actions are what the common options ask for.
func (c *common) actions() actor.Actions {
	a := actor.Actions{Add: c.AddFields, Delete: c.DeleteFields, EventType: c.EventType}
	for _, p := range c.CopyFields {
		a.Copy = append(a.Copy, actor.FieldPair{From: p.value, To: p.key})
	}
	for _, p := range c.RenameFields {
		a.Rename = append(a.Rename, actor.FieldPair{From: p.key, To: p.value})
	}
	if c.SetInternal != nil {
		a.Internal = &actor.SetInternal{Key: c.SetInternal.Key, Value: c.SetInternal.Value}
	}
	return a
}
