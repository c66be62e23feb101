//go:build mongodb

package mongodbsink_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/mongotest"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/outputs/mongodbsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const quick = "\nretry_max_interval_in_secs: 0.01\n"

// start runs the module on texts, which become one batch of three or less.
func start(t *testing.T, options string, texts ...string) *actortest.Running {
	t.Helper()
	return actortest.Fed(t, mongodbsink.Spec, options, texts...)
}

func own(r *actortest.Running, name string) int64 {
	return r.Status("MongoDbSink").Meter.Own(name).Load()
}

// texts are the fields data of documents.
func texts(documents []bson.Raw) string {
	var list []string
	for _, d := range documents {
		list = append(list, d.Lookup("data").StringValue())
	}
	return strings.Join(list, " ")
}

// MONGO-2, OUT-1 to OUT-6: the driver reads what was written.
func TestDocuments(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 98) + "1" + strings.Repeat("}", 98)
	for name, c := range map[string]struct{ options, in, want string }{
		"kinds of values": {"delete_fields: [gambolputty]", `{"_id":"other","s":"ä","i":42,"l":5000000000,"n":-1,"f":1.0,"b":true,"no":false,"null":null,"list":[1,"x",{"y":[]}],"map":{"a":{"b":1}}}`,
			`{"_id":"ID","s":"ä","i":{"$numberInt":"42"},"l":{"$numberLong":"5000000000"},"n":{"$numberInt":"-1"},"f":{"$numberDouble":"1.0"},"b":true,"no":false,"null":null,"list":[{"$numberInt":"1"},"x",{"y":[]}],"map":{"a":{"b":{"$numberInt":"1"}}}}`},
		"large numbers":     {"delete_fields: [gambolputty]", `{"a":123456789012345678901234567890,"b":1234567890123456789012345678901234567890}`, `{"_id":"ID","a":{"$numberDecimal":"123456789012345678901234567890"},"b":"1234567890123456789012345678901234567890"}`},
		"names":             {"delete_fields: [gambolputty]", `{"$a":1,"a.b":{"$c":"$d"},"n\u0000l":"x\u0000y"}`, `{"_id":"ID","_a":{"$numberInt":"1"},"a.b":{"_c":"$d"},"n_l":"x\u0000y"}`},
		"a format":          {"format: $(a) of $(b)", `{"a":"x","b":1}`, `{"_id":"ID","data":"x of 1"}`},
		"a format as JSON":  {`format: '{"a": "$(a)", "n": 1.5}'`, `{"a":"x"}`, `{"_id":"ID","a":"x","n":{"$numberDouble":"1.5"}}`},
		"a format, nearly":  {`format: '{"a": $(a)'`, `{"a":"x"}`, `{"_id":"ID","data":"{\"a\": x"}`},
		"an id of a field":  {"doc_id: $(a)-$(b)\ndelete_fields: [gambolputty, a]", `{"a":"x","b":1}`, `{"_id":"x-1","b":{"$numberInt":"1"}}`},
		"an id is missing":  {"doc_id: $(c)\nformat: x", `{"a":"x"}`, `{"_id":"ID","data":"x"}`},
		"fields are added":  {"add_fields: {n: new}\ndelete_fields: [gambolputty]", `{"a":"x"}`, `{"_id":"ID","a":"x","n":"new"}`},
		"as deep as may be": {"delete_fields: [gambolputty]", `{"d":` + deep + `}`, `{"_id":"ID","d":` + strings.Replace(deep, "1", `{"$numberInt":"1"}`, 1) + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := mongotest.New(t)
			e := actortest.Event(t, c.in)
			actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr()+"\ncollection: c\n"+c.options, e)
			got := s.Documents("gambolputty.c")
			if len(got) != 1 {
				t.Fatalf("got %v", got)
			}
			if err := got[0].Validate(); err != nil {
				t.Error(err)
			}
			text, err := bson.MarshalExtJSON(got[0], true, false)
			if want := strings.Replace(c.want, `"ID"`, fmt.Sprintf("%q", e.ID()), 1); err != nil || string(text) != want {
				t.Errorf("got  %s\nwant %s %v", text, want, err)
			}
		})
	}
}

func TestTheMetadataIsPartOfTheWholeEvent(t *testing.T) {
	s := mongotest.New(t)
	src := event.NewSource("StdIn", "StdIn")
	e := event.New(src, event.Field{Key: event.Data, Value: event.String("a\xff\x00b")})
	actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr()+"\ncollection: c", e)
	d := s.Documents("gambolputty.c")[0]
	if _, data, ok := d.Lookup("data").BinaryOK(); !ok || string(data) != "a\xff\x00b" {
		t.Errorf("got %s", d)
	}
	if id := d.Lookup("gambolputty", "event_id").StringValue(); id != e.ID() || d.Lookup("_id").StringValue() != id {
		t.Errorf("got %s", d)
	}
}

// MONGO-1, MONGO-2, OUT-4, OUT-5
func TestCollections(t *testing.T) {
	for name, c := range map[string]struct{ options, in, want string }{
		"the default":       {"", `{}`, "gambolputty.gambolputty-" + time.Now().UTC().Format("2006.01.02")},
		"a field":           {"collection: Log-$(Kind)-%Y\ntimestamp_field: at", `{"Kind":"WEB","at":"2014-07-18T15:30:12Z"}`, "gambolputty.log-web-2014"},
		"a field is gone":   {"collection: log-$(kind)", `{}`, "gambolputty.log-unknown"},
		"a value with %":    {"collection: log-$(kind)", `{"kind":"%Y"}`, "gambolputty.log-%y"},
		"strange values":    {"collection: log-$(kind)", `{"kind":"a$b"}`, "gambolputty.log-a_b"},
		"another zone":      {"collection: log-%d\ntimestamp_field: at\ntimezone: Asia/Tokyo", `{"at":"2014-07-18T23:30:12Z"}`, "gambolputty.log-19"},
		"another database":  {"database: Logs\ncollection: x", `{}`, "Logs.x"},
		"before the delete": {"collection: log-$(kind)\ndelete_fields: [kind]", `{"kind":"web"}`, "gambolputty.log-web"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mongotest.New(t)
			actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr()+"\n"+c.options, actortest.Event(t, c.in))
			if got := strings.Join(s.Collections(), " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	s := mongotest.New(t)
	var events []*event.Event
	for i := range 30 {
		events = append(events, actortest.Event(t, fmt.Sprintf(`{"data":"%d","k":"%d"}`, i, i%3)))
	}
	actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr()+"\ncollection: c$(k)", events...)
	inserts := s.Commands("insert")
	if len(inserts) != 3 || inserts[0].Body.Lookup("ordered").Boolean() || inserts[0].Body.Lookup("writeConcern", "w").StringValue() != "majority" {
		t.Errorf("%d inserts: %v", len(inserts), inserts)
	}
	if got := texts(s.Documents("gambolputty.c1")); got != "1 4 7 10 13 16 19 22 25 28" {
		t.Errorf("got %s", got)
	}
}

func TestUpsertReplacesADocument(t *testing.T) {
	for _, upsert := range []bool{false, true} {
		s := mongotest.New(t)
		options := fmt.Sprintf("host: %s\ncollection: c\ndoc_id: same\nbatch_size: 1\nupsert: %v\nwrite_concern: 1", s.Addr(), upsert)
		r := start(t, options, "a", "b")
		r.Finish()
		if got, want := texts(s.Documents("gambolputty.c")), map[bool]string{false: "a", true: "b"}[upsert]; got != want {
			t.Errorf("upsert %v: stored %s", upsert, got)
		}
		if own(r, "delivered") != 2 || own(r, "rejected") != 0 {
			t.Error(r.Log())
		}
	}
}

// MONGO-1, OUT-14 to OUT-17
func TestEveryEventIsAccountedFor(t *testing.T) {
	failed := func(index, code int, text string) bson.D {
		return bson.D{{Key: "n", Value: 2}, {Key: "ok", Value: 1}, {Key: "writeErrors", Value: bson.A{bson.D{{Key: "index", Value: index}, {Key: "code", Value: code}, {Key: "errmsg", Value: text}}}}}
	}
	var deep strings.Builder
	deep.WriteString(`{"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}")
	for name, c := range map[string]struct {
		texts    []string
		answers  []bson.D // to the first inserts; documents that they do not refuse are not stored
		stored   string
		rejected string
		retried  int64
		logged   string
	}{
		"all is well":                        {stored: "a b c"},
		"a rule of the collection":           {answers: []bson.D{failed(1, 121, "Document failed validation")}, rejected: "121 Document failed validation"},
		"it is there already":                {answers: []bson.D{failed(1, 11000, "E11000 duplicate key error collection: x.c index: _id_ dup key: { _id: 1 }")}},
		"another unique index":               {answers: []bson.D{failed(1, 11000, "E11000 duplicate key error collection: x.c index: host_1 dup key: { host: 1 }")}, rejected: "host_1"},
		"a conflict of writes":               {answers: []bson.D{failed(1, 112, "WriteConflict")}, stored: "b", retried: 1, logged: "112 WriteConflict"},
		"an index that the client panics at": {answers: []bson.D{failed(7, 121, "x")}, stored: "a b c", logged: "index out of range"},
		"no primary any more":                {answers: []bson.D{mongotest.Fail(10107, "not primary"), mongotest.Fail(10107, "not primary")}, stored: "a b c", retried: 3, logged: "not primary"},
		"the disk is full":                   {answers: []bson.D{mongotest.Fail(14031, "no space")}, stored: "a b c", retried: 3, logged: "no space"},
		"may not write":                      {answers: []bson.D{mongotest.Fail(13, "not authorized on gambolputty")}, stored: "a b c", retried: 3, logged: "not authorized"},
		"an answer of nothing":               {answers: []bson.D{{{Key: "x", Value: 1}}}, stored: "a b c", retried: 3},
		"the connection breaks, twice":       {answers: []bson.D{mongotest.HangUp(), mongotest.HangUp()}, stored: "a b c", retried: 3},
		"a name that is none":                {answers: []bson.D{mongotest.Fail(73, "Invalid namespace"), mongotest.Fail(73, "Invalid namespace"), mongotest.Fail(73, "Invalid namespace")}, stored: "b c", rejected: "Invalid namespace"},
		"the majority does not confirm":      {answers: []bson.D{{{Key: "n", Value: 3}, {Key: "ok", Value: 1}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"}}}}}, stored: "a b c", retried: 3, logged: "not confirmed by majority"},
		"a document that is too deep":        {texts: []string{"a", deep.String(), "c"}, stored: "a c", rejected: "nested deeper"},
		"a document that is too large":       {texts: []string{"a", strings.Repeat("x", 16<<20), "c"}, stored: "a c", rejected: "16777216"},
		"a server with something else to do": {answers: []bson.D{mongotest.Fail(11600, "interrupted at shutdown"), mongotest.HangUp(), mongotest.Fail(91, "shutdown")}, stored: "a b c", retried: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mongotest.New(t)
			var n atomic.Int64
			s.Hooked(func(cmd *mongotest.Command) bson.D {
				if at := int(n.Add(1)) - 1; cmd.Name == "insert" && at < len(c.answers) {
					return c.answers[at]
				}
				return nil
			})
			if c.texts == nil {
				c.texts = []string{"a", "b", "c"}
			}
			file := t.TempDir() + "/rejected"
			options := "host: " + s.Addr() + "\ncollection: c\nbatch_size: 3\nstore_interval_in_secs: 60\nreject_action: file\nreject_file: " + file + quick
			if strings.Contains(c.rejected, "nested") {
				options += "format: $(data)"
			}
			r := start(t, options, c.texts...)
			r.Finish()
			var got []string
			for _, d := range s.Documents("gambolputty.c") {
				got = append(got, d.Lookup("data").StringValue())
			}
			if strings.Join(got, " ") != c.stored {
				t.Errorf("stored %.200q", got)
			}
			text, _ := os.ReadFile(file) // most often there is none
			if !strings.Contains(string(text), c.rejected) || c.rejected == "" && len(text) > 0 {
				t.Errorf("rejected %.300q", text)
			}
			if got := own(r, "retried"); got > c.retried*3 || (got > 0) != (c.retried > 0) {
				t.Errorf("%d retried", got)
			}
			if n := own(r, "delivered") + own(r, "rejected"); n != 3 || !strings.Contains(r.Log(), c.logged) {
				t.Errorf("%d events are accounted for; log:\n%s", n, r.Log())
			}
		})
	}
}

// MONGO-1: an answer is lost after the documents were stored.
func TestALostAnswerStoresNothingTwice(t *testing.T) {
	s := mongotest.New(t)
	var lost atomic.Int64
	s.Hooked(func(c *mongotest.Command) bson.D {
		if c.Name == "insert" && lost.Add(1) <= 2 {
			s.Insert(c)
			return mongotest.HangUp()
		}
		return nil
	})
	start(t, "host: "+s.Addr()+"\ncollection: c"+quick, "a", "b", "c").Finish()
	if got := texts(s.Documents("gambolputty.c")); got != "a b c" {
		t.Errorf("stored %s", got)
	}
}

// OUT-18, OUT-23, OUT-24
func TestAUserWhoIsRefusedIsLoggedWithoutThePassword(t *testing.T) {
	for name, options := range map[string]string{
		"options":   "host: ADDR\nuser: brian\npassword: nobody/expects",
		"a URI":     "host: mongodb://brian:nobody%2Fexpects@ADDR/admin",
		"the limit": "host: ADDR\nuser: brian\npassword: nobody/expects\nstart_timeout_in_secs: 0.2",
	} {
		t.Run(name, func(t *testing.T) {
			s := mongotest.New(t)
			r := start(t, strings.ReplaceAll(options, "ADDR", s.Addr())+"\ncollection: c"+quick, "a")
			if name == "the limit" {
				if err := r.Err(); err == nil || !strings.Contains(err.Error(), "Authentication failed") || strings.Contains(err.Error(), "expects") {
					t.Error(err)
				}
				return
			}
			r.Logged("tries")
			r.StopHard()
			if !strings.Contains(r.Log(), "Authentication failed") || strings.Contains(r.Log(), "expects") || len(s.Documents("gambolputty.c")) > 0 {
				t.Error(r.Log())
			}
			if len(s.Commands("saslStart")) == 0 || len(s.Commands("insert")) > 0 {
				t.Error("there was no login")
			}
		})
	}
}

// OUT-18
func TestAServerThatIsAwayAtStart(t *testing.T) {
	gone := mongotest.New(t)
	address := gone.Addr()
	gone.Close()
	options := "host: " + address + "\ncollection: c\noptional_connection_params: {serverSelectionTimeoutMS: 50}" + quick
	if err := start(t, options+"start_timeout_in_secs: 0.1", "a").Err(); err == nil || !strings.Contains(err.Error(), "no contact within") {
		t.Error(err)
	}
	r := start(t, options, "a", "b")
	r.Logged("tries")
	s := mongotest.NewAt(t, address)
	r.Finish()
	if got := texts(s.Documents("gambolputty.c")); got != "a b" || !strings.Contains(r.Log(), "target works again") {
		t.Errorf("stored %q\n%s", got, r.Log())
	}
}

// OUT-24
func TestTLS(t *testing.T) {
	c := tlstest.New(t)
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := mongotest.On(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}}))
	start(t, "host: "+s.Addr()+"\ncollection: c\ntls: True\ncacert: "+c.Cert+quick, "a").Finish()
	if got := texts(s.Documents("gambolputty.c")); got != "a" {
		t.Errorf("stored %q", got)
	}
	r := start(t, "host: "+s.Addr()+"\ncollection: c\ntls: True\noptional_connection_params: {serverSelectionTimeoutMS: 2000}"+quick, "b")
	r.Logged("tries")
	r.StopHard()
	if !strings.Contains(r.Log(), "x509") || len(s.Documents("gambolputty.c")) != 1 {
		t.Error(r.Log())
	}
}
