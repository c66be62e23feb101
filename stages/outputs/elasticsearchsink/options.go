package elasticsearchsink

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/esclient"
	"gambolputty/stages/internal/eventtime"
)

// Options of the ElasticSearchSink module.
type Options struct {
	esclient.Cluster
	Action      string            `opt:"action" enum:"index|create|update" doc:"What to do with documents: index writes or replaces them, create writes only new ones, update changes those that are there."`
	Upsert      bool              `opt:"doc_as_upsert" doc:"With action: update, write documents that are not there."`
	DataStream  bool              `opt:"data_stream" doc:"Write to a data stream: action is create, the server chooses ids unless doc_id is given, and @timestamp is added where it is missing."`
	Format      expr.Template     `opt:"format" null:"true" doc:"Text of a document. A JSON object is stored as it is, any other text in the field data. Without it the whole event is stored."`
	Fields      []event.Path      `opt:"fields" null:"true" doc:"Store only these fields. The entries of a map go to the top level of the document."`
	IndexName   expr.TimeTemplate `opt:"index_name" doc:"Index or data stream. It is written in small letters; characters of values that no index may have become _, and a missing value unknown."`
	DocID       expr.Template     `opt:"doc_id" doc:"Id of a document. Where a field is missing it is the id of the event. An empty text leaves the choice to the server."`
	DocType     expr.Template     `opt:"doc_type" doc:"Type of a document, for servers before 6.0, and for 6.x if it is given."`
	Routing     expr.TimeTemplate `opt:"routing" null:"true" doc:"Routing value. Where a field is missing there is none."`
	Pipeline    expr.Template     `opt:"pipeline" null:"true" doc:"Name of an ingest pipeline. Where a field is missing there is none."`
	Version     expr.Template     `opt:"version" null:"true" doc:"Version of a document, a whole number. Where a field is missing there is none."`
	VersionType string            `opt:"version_type" null:"true" enum:"internal|external|external_gte" doc:"How the server treats version."`
	TTL         string            `opt:"ttl" null:"true" kinds:"integer" doc:"Time to live in milliseconds or as 1d or 15m, for servers before 5.0."`
	Consistency string            `opt:"consistency" enum:"one|quorum|all" doc:"How many copies must be there before a write. From server 5.0 on one and all become wait_for_active_shards."`
	Replication string            `opt:"replication" enum:"sync|async" doc:"Whether to wait for the replicas, for servers before 2.0."`
	MaxBulkSize int               `opt:"max_bulk_size" min:"1" doc:"Most bytes of a request, before compression. A single document may be larger."`
	Compression *bool             `opt:"http_compression" doc:"Compress requests with gzip. The default is True for servers from 5.0 on."`
	delivery.Options
	eventtime.Clock
	Given option.Given
}

var defaults = Options{
	Action:      "index",
	IndexName:   timeTemplate("gambolputty-%Y.%m.%d"),
	DocID:       template("$(gambolputty.event_id)"),
	DocType:     template("$(gambolputty.event_type)"),
	Consistency: "quorum",
	Replication: "sync",
	MaxBulkSize: 10 << 20,
	Cluster:     esclient.Defaults,
	Options:     delivery.Defaults(500, 5*time.Second, 1000),
	Clock:       eventtime.UTC,
}

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("elasticsearchsink: " + err.Error()) // the text is a constant
	}
	return t
}

func timeTemplate(s string) expr.TimeTemplate { return expr.TimeTemplate{Template: template(s)} }

// Validate checks what does not go together and settles what follows from the options.
func (o *Options) Validate() error {
	c := &checks{errs: []error{o.CheckDelivery(), o.CheckTime(), o.CheckCluster(o.Given)}}
	o.checkAction(c)
	o.checkDocument(c)
	return errors.Join(c.errs...)
}

// checks collects faults.
type checks struct{ errs []error }

func (c *checks) fault(name string, code option.Code, format string, args ...any) {
	c.errs = append(c.errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
}

func (o *Options) checkAction(c *checks) {
	if o.DataStream {
		if o.Given["action"] && o.Action != actionCreate {
			c.fault("action", option.Contradiction, "must be create, because data_stream is True, got %q", o.Action)
		}
		o.Action = actionCreate
		if !o.Given["doc_id"] {
			o.DocID = template("")
		}
	}
	if o.Action != actionUpdate {
		if o.Upsert {
			c.fault("doc_as_upsert", option.Contradiction, "needs action: update")
		}
		return
	}
	if id, static := o.DocID.Static(); !o.Given["doc_id"] || static && id == "" {
		c.fault("doc_id", option.Required, "required option is missing: action is update, which needs to know the document")
	}
	for _, name := range []string{"pipeline", "version", "version_type"} {
		if o.Given[name] {
			c.fault(name, option.Contradiction, "cannot be used with action: update")
		}
	}
}

func (o *Options) checkDocument(c *checks) {
	if len(o.Fields) > 0 && !o.Format.IsZero() {
		c.fault("fields", option.Contradiction, "cannot be set together with format")
	}
	if name, static := o.IndexName.Static(); static && name == "" {
		c.fault("index_name", option.NotAllowed, "must not be empty")
	}
	if v, static := o.Version.Static(); static && !o.Version.IsZero() {
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			c.fault("version", option.NotAllowed, "must be a whole number, got %q", v)
		}
	}
	if o.VersionType != "" && o.Version.IsZero() {
		c.fault("version", option.Required, "required option is missing: version_type is set")
	}
	if o.TTL != "" && !validTTL(o.TTL) {
		c.fault("ttl", option.NotAllowed, "must be milliseconds, or a number with one of the units ms, s, m, h, d and w, got %q", o.TTL)
	}
}

func validTTL(s string) bool {
	digits := strings.TrimLeft(s, "0123456789")
	return digits != s && slices.Contains([]string{"", "ms", "s", "m", "h", "d", "w"}, digits)
}
