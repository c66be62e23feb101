// Package elasticsearch reads documents of Elasticsearch or OpenSearch.
package elasticsearch

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/esclient"
	"gambolputty/stages/internal/retry"
)

//go:embed elasticsearch.md
var doc string

// Spec is the ElasticSearch module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "ElasticSearch",
	Aliases: []string{"input.ElasticSearch"},
	Role:    actor.Input,
	Summary: "Runs a search on Elasticsearch or OpenSearch and makes an event of every hit.",
	Doc:     doc,
	Example: `- ElasticSearch:
    nodes: [es1:9200, es2:9200]
    index_name: gambolputty-2015.06.01
    search_type: scan
    field_mappings: {'_source.data': 'data', '_source.http_status': 'status'}
`,
}, defaults, New)

// The ways to search.
const (
	normal = "normal"
	pit    = "pit"
)

// Options of the ElasticSearch module.
type Options struct {
	esclient.Cluster
	Index         expr.TimeTemplate `opt:"index_name" doc:"Index, list of indices such as a,b, name with wildcards, or alias. The time is that of the query in UTC. It is written in small letters."`
	Query         query             `opt:"query" doc:"Body of the search, as a map or as JSON text. A size in it is the number of hits after which the search ends, from is the number of hits that are left out."`
	SearchType    string            `opt:"search_type" enum:"normal|scan|scroll|pit" doc:"How pages are fetched: scroll and scan use the scroll API, pit a point in time, normal the better one of the two that the server has."`
	Mapping       mapping           `opt:"field_mappings" doc:"Fields of hits that become fields of events: all, a list of names, or a map of names to new names. A name is looked up in the hit, as in _source.data, and then in the document."`
	BatchSize     int               `opt:"batch_size" min:"1" max:"10000" doc:"Hits per request."`
	Slices        int               `opt:"slices" min:"1" max:"1024" doc:"Parts of the search that are read at the same time. More than one give up the order of hits."`
	ScrollTimeout time.Duration     `opt:"scroll_timeout" min:"1s" doc:"How long the server keeps the search alive between two requests. It must be longer than the outputs may be held up."`
	Repeat        bool              `opt:"repeat_query" doc:"Run the query again and again."`
	Interval      time.Duration     `opt:"query_interval_in_secs" min:"0s" doc:"Pause between two runs with repeat_query."`
	SinceField    event.Path        `opt:"since_field" null:"true" doc:"Field of documents of which the highest value is remembered. A run reads only documents that have at least this value, and none that a run before has delivered."`
	SincePath     string            `opt:"since_path" null:"true" doc:"File that keeps the value of since_field when the program ends."`
	StartTimeout  time.Duration     `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if the server cannot be reached within this time. 0 starts without it and tries again."`
	Given         option.Given
}

var defaults = Options{
	Cluster: esclient.Defaults, Index: index("gambolputty-%Y.%m.%d"), Query: everything(),
	SearchType: normal, BatchSize: 1000, Slices: 1, ScrollTimeout: 5 * time.Minute, Interval: 5 * time.Second,
}

func index(s string) expr.TimeTemplate {
	t, err := expr.ParseTimeTemplate(s)
	if err != nil {
		panic("elasticsearch: " + err.Error()) // the text is a constant
	}
	return t
}

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckCluster(o.Given)}
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	if o.SincePath != "" && o.SinceField.IsZero() {
		fault("since_field", option.Required, "required option is missing: since_path is set")
	}
	if o.Slices > 1 && o.Query.skip > 0 {
		fault("slices", option.Contradiction, "cannot be used with a query that has from")
	}
	if !o.SinceField.IsZero() && (o.Query.limit >= 0 || o.Query.skip > 0) {
		fault("since_field", option.Contradiction, "cannot be used with a query that has size or from, as what is left out would never be read")
	}
	if text, static := o.Index.Static(); static && strings.ContainsAny(text, " /\\\"?#") {
		fault("index_name", option.NotAllowed, fmt.Sprintf("is no name of an index, got %q", text))
	}
	if o.Given["query_interval_in_secs"] && !o.Repeat {
		fault("query_interval_in_secs", "W105", "has no effect without repeat_query")
	}
	return errors.Join(errs...)
}

// source is the module.
type source struct {
	env    actor.Env
	opts   Options
	client *esclient.Client
	since  *since // nil without since_field

	mu     sync.Mutex // slices share what follows
	outage *retry.Outage
	server esclient.Version
}

// New makes an ElasticSearch.
func New(env actor.Env, o Options) (actor.Source, error) {
	c, err := esclient.New(&o.Cluster, o.Slices, env.Log)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, opts: o, client: c, outage: retry.NewOutage(env, c.Target())}
	if !o.SinceField.IsZero() {
		s.since = newSince(env, o.SinceField.String(), o.SincePath)
	}
	return s, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *source) Open(ctx context.Context) error {
	s.opts.Notice(s.env)
	if s.since != nil {
		if err := s.since.load(); err != nil {
			return fmt.Errorf("since_path: %w", err)
		}
	}
	if err := retry.Required(ctx, s.opts.StartTimeout, s.meet); err != nil {
		return fmt.Errorf("%s: %w", s.client.Target(), err)
	}
	return nil
}

// meet finds out what kind of server there is.
func (s *source) meet(ctx context.Context) error {
	v, err := s.client.Meet(ctx, s.opts.Server)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v != s.server {
		s.env.Log.Info("server was found", "version", v.String())
	}
	s.server = v
	return nil
}

// Run runs the query, once or until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	for first := true; ; {
		r := &run{source: s, out: out}
		err := r.do(ctx, first)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			s.env.Log.Log(ctx, r.level(first), "the search has ended", "index", r.index, "events", r.emitted.Load())
			first = false
		case s.opts.Repeat && (errors.Is(err, errLost) || errors.Is(err, errAnswer)):
			s.env.Warn("the search failed, the next run begins anew", "index", r.index, "events", r.emitted.Load(), "error", err)
		default:
			return actor.Final(fmt.Errorf("the search failed after %d events: %w", r.emitted.Load(), err))
		}
		if !s.opts.Repeat || !pause(ctx, s.opts.Interval) {
			return nil
		}
	}
}

// pause returns false if ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Close gives connections back.
func (s *source) Close(context.Context) error {
	s.client.Close()
	return nil
}
