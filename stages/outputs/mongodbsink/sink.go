//go:build mongodb

package mongodbsink

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
)

// Built says whether this build has the client.
const Built = true

// checkClient asks the client whether it understands the options. With mongodb+srv:// that
// would ask a name server, so it has to wait.
func (o *Options) checkClient() error {
	if o.Host.srv || len(o.Host.hosts) == 0 {
		return nil
	}
	return options.Client().ApplyURI(o.uri()).Validate()
}

// sink is one worker of the module.
type sink struct {
	env     actor.Env
	opts    Options
	client  *mongo.Client // nil before Open
	courier *delivery.Courier
	writer  *writer
	letters []letter
	groups  groups
}

// New makes a MongoDbSink. It connects when it is opened.
func New(env actor.Env, o Options) (actor.Sink, error) {
	return &sink{env: env, opts: o, courier: delivery.New(env, o.Options, o.Host.target()), writer: newWriter(env, &o)}, nil
}

// Open starts the client, which connects by itself. It waits for the servers only if the
// program shall not start without them.
func (s *sink) Open(ctx context.Context) error {
	if s.env.CheckOnly {
		return nil
	}
	if err := s.connect(); err != nil {
		return err
	}
	err := s.courier.Require(ctx, func(ctx context.Context) error { return s.client.Ping(ctx, readpref.Primary()) })
	if err != nil {
		return fmt.Errorf("%s: %s", s.opts.Host.target(), s.opts.discreet(err))
	}
	return nil
}

func (s *sink) connect() error {
	o := options.Client().ApplyURI(s.opts.uri()).SetAppName("gambolputty")
	o.SetWriteConcern(&writeconcern.WriteConcern{W: s.opts.WriteConcern})
	if n, err := strconv.Atoi(s.opts.WriteConcern); err == nil {
		o.SetWriteConcern(&writeconcern.WriteConcern{W: n})
	}
	secure, err := s.opts.Client.Config(s.env.Log)
	if err != nil {
		return err
	}
	if secure != nil {
		o.SetTLSConfig(secure)
	}
	if s.client, err = mongo.Connect(o); err != nil {
		return fmt.Errorf("%s: %s", s.opts.Host.target(), s.opts.discreet(err))
	}
	return nil
}

// Write stores the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is stored, because nothing must be reached")
		return nil
	}
	s.writer.begin()
	s.letters = s.letters[:0]
	for e := range b.View() {
		s.letters = append(s.letters, s.writer.letter(e))
	}
	defer func() { clear(s.letters) }()
	return s.courier.Deliver(ctx, b, s.send)
}

// groups are the letters of each collection, in the order in which the collections came.
type groups struct {
	at   map[string]int
	list [][]*letter
}

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	s.letters = delivery.Left(s.letters, events)
	s.groups = groups{at: map[string]int{}}
	for i := range s.letters {
		l := &s.letters[i]
		if l.err != nil {
			r.Never(l.Event, l.err)
			continue
		}
		s.groups.add(l)
	}
	var failed error
	for _, g := range s.groups.list {
		if failed != nil { // the others would not fare better, and each would wait
			later(g, failed, r)
			continue
		}
		failed = s.store(ctx, g, r)
	}
	if hopeless(failed) {
		r.Wait(s.opts.RetryMax)
	}
}

func (g *groups) add(l *letter) {
	at, ok := g.at[l.collection]
	if !ok {
		at = len(g.list)
		g.at[l.collection] = at
		g.list = append(g.list, nil)
	}
	g.list[at] = append(g.list[at], l)
}

func later(list []*letter, err error, r *delivery.Report) {
	for _, l := range list {
		r.Later(l.Event, err)
	}
}

// store writes letters to their collection. The error says that the server could not do its
// work at all.
func (s *sink) store(ctx context.Context, list []*letter, r *delivery.Report) error {
	models := make([]mongo.WriteModel, len(list))
	size := 0
	for i, l := range list {
		models[i] = s.model(l)
		size += l.to - l.from
	}
	collection := s.client.Database(s.opts.Database).Collection(list[0].collection)
	_, err := collection.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	s.env.Count("requests", 1)
	s.env.Count("bytes", size)
	if err == nil {
		return nil
	}
	if some, ok := errors.AsType[mongo.BulkWriteException](err); ok {
		s.judge(list, &some, r)
		return nil
	}
	err = fmt.Errorf("collection %s.%s: %w", s.opts.Database, list[0].collection, s.secret(err))
	if !divisible(err) {
		later(list, err, r)
		return err
	}
	if len(list) == 1 {
		r.Never(list[0].Event, err)
		return nil
	}
	half := len(list) / 2
	if err := s.store(ctx, list[:half], r); err != nil {
		later(list[half:], err, r)
		return err
	}
	return s.store(ctx, list[half:], r)
}

// secret makes sure that an error shows no password, and keeps what it is.
func (s *sink) secret(err error) error {
	if text := s.opts.discreet(err); text != err.Error() {
		return &masked{err, text}
	}
	return err
}

// masked is an error with another text.
type masked struct {
	error
	text string
}

// Error is the text that may be shown.
func (m *masked) Error() string { return m.text }

// Unwrap is the error for those who look at its kind.
func (m *masked) Unwrap() error { return m.error }

// model is what is done with a letter.
func (s *sink) model(l *letter) mongo.WriteModel {
	document := bson.Raw(s.writer.buf[l.from:l.to])
	if !s.opts.Upsert {
		return mongo.NewInsertOneModel().SetDocument(document)
	}
	id := string(s.writer.buf[l.from+idAt : l.id])
	return mongo.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).SetReplacement(document).SetUpsert(true)
}

// judge looks at what became of each letter. Those that are not spoken of have been stored.
func (s *sink) judge(list []*letter, all *mongo.BulkWriteException, r *delivery.Report) {
	spoken := make(map[int]bool, len(all.WriteErrors))
	for _, w := range all.WriteErrors {
		if w.Index < 0 || w.Index >= len(list) || spoken[w.Index] {
			continue
		}
		spoken[w.Index] = true
		err := fmt.Errorf("%d %s", w.Code, w.Message)
		switch e := list[w.Index].Event; {
		case w.Code == duplicateKey && isID(w.Message):
			if s.opts.Upsert { // two of the same were written at a time, and this one came second
				r.Later(e, err)
			}
		case passing[w.Code]:
			r.Later(e, err)
		default:
			r.Never(e, err)
		}
	}
	if all.WriteConcernError == nil {
		return
	}
	err := fmt.Errorf("not confirmed by %s: %d %s", s.opts.WriteConcern, all.WriteConcernError.Code, all.WriteConcernError.Message)
	for i, l := range list {
		if !spoken[i] {
			r.Later(l.Event, err)
		}
	}
}

// isID reports whether a duplicate is one of _id, so that the document has been stored before,
// as after a lost answer. Another unique index is about another document.
func isID(message string) bool {
	_, index, told := strings.Cut(message, " index: ")
	return !told || strings.HasPrefix(index, "_id")
}

// Close ends the connections.
func (s *sink) Close(ctx context.Context) error {
	if s.client == nil {
		return nil
	}
	return s.client.Disconnect(ctx)
}
