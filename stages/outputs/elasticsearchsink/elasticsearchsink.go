// Package elasticsearchsink stores events in Elasticsearch or OpenSearch.
package elasticsearchsink

import (
	"context"
	_ "embed"
	"net/url"

	"github.com/klauspost/compress/gzip"

	"gambolputty/actor"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/esclient"
)

//go:embed elasticsearchsink.md
var doc string

// Spec is the ElasticSearchSink module.
var Spec = spec(actor.Info{
	Name:    "ElasticSearchSink",
	Aliases: []string{"ElasticSearchSingleWorkerSink", "output.ElasticSearch"},
	Summary: "Stores events in Elasticsearch or OpenSearch.",
	Workers: 1,
	Example: `- ElasticSearchSink:
    nodes: [localhost]
    index_name: web-$(gambolputty.event_type)-%Y.%m.%d
    doc_id: $(fields.0)-$(params.spanish.0)
    store_interval_in_secs: 5
`,
})

// Multiple is the same module with two workers, under the name that it had then.
var Multiple = spec(actor.Info{
	Name:    "ElasticSearchMultipleWorkersSink",
	Aliases: []string{"ElasticSearchMultipleWorkerSink", "ElasticSearchMultiProcessSink"},
	Summary: "Stores events in Elasticsearch or OpenSearch with two workers.",
	Workers: 2,
	Example: `- ElasticSearchMultipleWorkersSink:
    nodes: [localhost]
`,
})

func spec(i actor.Info) actor.Spec {
	i.Role, i.Parallel, i.Forgets, i.Doc = actor.Output, true, true, doc
	return actor.DefineSink(i, defaults, New)
}

const (
	actionCreate = "create"
	actionUpdate = "update"
)

type sink struct {
	env     actor.Env
	opts    Options
	client  *esclient.Client
	courier *delivery.Courier
	encoder *encoder

	server esclient.Version
	met    bool // server is what the nodes said lately
	warned bool
	params url.Values

	items  []item
	limit  int // bytes of a request
	again  []byte
	zip    *gzip.Writer
	zipped []byte
	answer []byte
	node   string // that gave it
}

// New makes an ElasticSearchSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	var err error
	c := actor.Shared(env, func() *esclient.Client {
		var c *esclient.Client
		c, err = esclient.New(&o.Cluster, max(1, env.Workers), env.Log)
		return c
	})
	if err == nil && c == nil {
		c, err = esclient.New(&o.Cluster, max(1, env.Workers), env.Log) // the first to try had failed
	}
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	return &sink{
		env: env, opts: o, client: c, courier: delivery.New(env, o.Options, c.Target()),
		encoder: newEncoder(env, &o), limit: o.MaxBulkSize, zip: z,
	}, nil
}

// Open asks the server what it is.
func (s *sink) Open(ctx context.Context) error {
	s.opts.Notice(s.env)
	if err := s.courier.Connect(ctx, s.meet); err != nil {
		return err
	}
	if s.opts.SniffAtStart {
		s.client.Sniff(ctx, s.env, s.server.Compatible())
	}
	return nil
}

// Write stores the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is stored, because nothing must be reached")
		return nil
	}
	s.encoder.begin(s.server)
	defer s.forget()
	return s.courier.Deliver(ctx, b, s.send)
}

// Close gives connections back that are not in use.
func (s *sink) Close(context.Context) error {
	s.client.Close()
	return nil
}
