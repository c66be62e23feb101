// Package mongodbsink stores events as documents in MongoDB.
package mongodbsink

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/optional"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed mongodbsink.md
var doc string

const (
	name = "MongoDbSink"
	// tag is the tag of builds that have the client.
	tag = "mongodb"
)

// Spec is the MongoDbSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     name,
	Aliases:  []string{"output.MongoDb"},
	Role:     actor.Output,
	Summary:  "Stores events as documents in MongoDB.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- MongoDbSink:
    host: mongodb://db1:27017,db2:27017/?replicaSet=rs0
    database: logs
    collection: $(gambolputty.event_type)-%Y.%m.%d
`,
}, defaults, New)

// Options of the MongoDbSink module.
type Options struct {
	Host         Address           `opt:"host" doc:"Host, host:port, several of them separated by commas, or a URI that begins with mongodb:// or mongodb+srv://."`
	User         string            `opt:"user" null:"true" doc:"Name of the user."`
	Password     string            `opt:"password" secret:"true" null:"true" kinds:"integer" doc:"Password of the user."`
	Database     string            `opt:"database" doc:"Database to write to."`
	Collection   expr.TimeTemplate `opt:"collection" doc:"Collection to write to, in small letters. Where a field is missing it is unknown."`
	Params       map[string]string `opt:"optional_connection_params" old:"optinonal_connection_params" secret:"true" null:"true" kinds:"integer,float,boolean" doc:"Further options as in a URI, such as replicaSet, authSource or compressors. serverSelectionTimeoutMS is 5000 and timeoutMS 60000 unless they are set here."`
	Format       expr.Template     `opt:"format" null:"true" doc:"Text of a document. A JSON object is stored as it is, any other text in the field data. Without it the whole event is stored."`
	DocID        expr.Template     `opt:"doc_id" doc:"The _id of a document. Where a field is missing it is the id of the event."`
	Upsert       bool              `opt:"upsert" doc:"Replace a document that has the same _id. Without it the first one stays."`
	WriteConcern string            `opt:"write_concern" kinds:"integer" doc:"Who must have a document before it counts as delivered: majority, a number of members of the replica set, or the name of a rule that the replica set has."`
	tlsopt.Client
	delivery.Options
	eventtime.Clock
}

var defaults = Options{
	Host:         Address{hosts: []string{"localhost:27017"}},
	Database:     "gambolputty",
	Collection:   expr.TimeTemplate{Template: template("gambolputty-%Y.%m.%d")},
	DocID:        template("$(gambolputty.event_id)"),
	WriteConcern: "majority",
	Client:       tlsopt.ClientDefaults,
	Options:      delivery.Defaults(500, 5*time.Second, 5000),
	Clock:        eventtime.UTC,
}

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("mongodbsink: " + err.Error()) // the text is a constant
	}
	return t
}

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckTLS(), o.CheckDelivery(), o.CheckTime()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case o.User != "" && o.Host.login != "":
		fault("user", option.Contradiction, "cannot be set together with a user in host")
	case o.Password != "" && o.User == "":
		fault("user", option.Required, "required option is missing: password is set")
	case o.User != "" && o.Password == "" && o.Params["authMechanism"] == "":
		fault("password", option.Required, "required option is missing: user is set")
	}
	if o.Database == "" || len(o.Database) > 63 || strings.ContainsAny(o.Database, "/\\. \"$*<>:|?\x00") {
		fault("database", option.NotAllowed, "must be up to 63 characters without blanks and / \\ . \" $ * < > : | ?, got %q", o.Database)
	}
	if text, static := o.Collection.Static(); static && (text == "" || strings.ContainsAny(text, "$\x00") || strings.HasPrefix(strings.ToLower(text), "system.")) {
		fault("collection", option.NotAllowed, "must not be empty, contain $ or begin with system., got %q", text)
	}
	if n, err := strconv.Atoi(o.WriteConcern); o.WriteConcern == "" || err == nil && n < 1 {
		fault("write_concern", option.NotAllowed, "must be majority, a number from 1 on, or a name, got %q: without a confirmation nobody knows what has been stored", o.WriteConcern)
	}
	if err := o.checkClient(); err != nil && errors.Join(errs...) == nil {
		fault("optional_connection_params", option.NotAllowed, "cannot be used with this host: %s", o.discreet(err))
	}
	if !Built {
		errs = append(errs, optional.Fault(name, tag))
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }
