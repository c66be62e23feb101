//go:build integration && mongodb

package mongodbsink_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages"
	"gambolputty/stages/internal/mongotest"
	"gambolputty/stages/outputs/mongodbsink"
)

// collection is what others see.
func collection(t *testing.T, s *mongotest.Java, name string) *mongo.Collection {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + s.Addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c.Database("gambolputty").Collection(name)
}

func find(t *testing.T, c *mongo.Collection) map[string]bson.Raw {
	t.Helper()
	found, err := c.Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var list []bson.Raw
	if err := found.All(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]bson.Raw{}
	for _, d := range list {
		all[d.Lookup("_id").StringValue()] = d
	}
	if len(all) != len(list) {
		t.Errorf("%d documents have %d ids", len(list), len(all))
	}
	return all
}

func TestIntegrationRoundTrip(t *testing.T) {
	s := mongotest.StartJava(t)
	e := actortest.Event(t, `{"s":"ä","i":42,"l":5000000000,"f":1.0,"b":true,"null":null,"list":[1,"x",{"y":[]}],"map":{"a":{"b":1}},"$d":1}`)
	for range 2 { // the second time it is there already
		actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr+"\ncollection: c\ndelete_fields: [gambolputty]", e)
	}
	all := find(t, collection(t, s, "c"))
	text, err := bson.MarshalExtJSON(all[e.ID()], false, false)
	want := fmt.Sprintf(`{"_id":"%s","s":"ä","i":42,"l":5000000000,"f":1.0,"b":true,"null":null,"list":[1,"x",{"y":[]}],"map":{"a":{"b":1}},"_d":1}`, e.ID())
	if err != nil || len(all) != 1 || string(text) != want {
		t.Errorf("got  %s\nwant %s %v", text, want, err)
	}
	actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr+"\ncollection: c\nformat: other\nupsert: True", e)
	if d := find(t, collection(t, s, "c"))[e.ID()]; d.Lookup("data").StringValue() != "other" {
		t.Errorf("got %s", d)
	}
}

// One document of a batch breaks a unique index of another field: it is rejected, the others
// are stored.
func TestIntegrationAnotherUniqueIndex(t *testing.T) {
	s := mongotest.StartJava(t)
	c := collection(t, s, "c")
	if _, err := c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "host", Value: 1}}, Options: options.Index().SetUnique(true)}); err != nil {
		t.Fatal(err)
	}
	var events []*event.Event
	for _, host := range []string{"a", "b", "a", "c"} {
		events = append(events, actortest.Event(t, `{"host":"`+host+`"}`))
	}
	file := t.TempDir() + "/rejected"
	actortest.Sink(t, mongodbsink.Spec, "host: "+s.Addr+"\ncollection: c\nreject_action: file\nreject_file: "+file, events...)
	if all := find(t, c); len(all) != 3 {
		t.Errorf("got %v", all)
	}
	if text := read(t, file); strings.Count(text, "\n") != 1 || !strings.Contains(text, "host") || !strings.Contains(text, events[2].ID()) {
		t.Errorf("rejected %s", text)
	}
}

// The server goes away twice in mid-stream, once ended and once hanging: nothing is lost, and
// nothing is there twice.
func TestIntegrationTheServerIsGoneForAWhile(t *testing.T) {
	s := mongotest.StartJava(t)
	const n = 3000
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- MongoDbSink:\n    host: "+s.Addr+"\n    collection: c\n    store_interval_in_secs: 0\n    retry_max_interval_in_secs: 1\n    optional_connection_params: {serverSelectionTimeoutMS: 500, timeoutMS: 2000}\n", mongodbsink.Spec, actortest.Lines(feed))
	go func() {
		defer close(feed)
		for i := range n {
			feed <- fmt.Sprint(i)
		}
	}()
	until := func(count int64) {
		for end := time.Now().Add(30 * time.Second); own(r, "delivered") < count; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d were delivered\n%s", own(r, "delivered"), r.Log())
			}
		}
	}
	until(n / 3)
	s.Quit()
	time.Sleep(2 * time.Second) // a server must be away for a while to be missed
	s.Run()
	until(2 * n / 3)
	s.Freeze()
	time.Sleep(3 * time.Second)
	s.Thaw()
	r.Finish()
	seen := map[string]bool{}
	for _, d := range find(t, collection(t, s, "c")) {
		seen[d.Lookup("data").StringValue()] = true
	}
	if len(seen) != n || own(r, "delivered") != n || own(r, "rejected") != 0 || !strings.Contains(r.Log(), "target works again") {
		t.Errorf("%d documents, %d delivered\n%s", len(seen), own(r, "delivered"), r.Log())
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The way of examples/mongodb.yml: lines of an access log over TCP.
func TestIntegrationTheExample(t *testing.T) {
	s := mongotest.StartJava(t)
	t.Setenv("MONGODB_HOST", s.Addr)
	text := strings.Replace(read(t, "../../../examples/mongodb.yml"), "port: 5151", "port: 0", 1)
	r := actortest.Start(t, text, stages.All()...)
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(c, `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`)
	c.Close()
	for end := time.Now().Add(30 * time.Second); own(r, "delivered") < 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(r.Log())
		}
	}
	r.Stop()
	logs := collection(t, s, "c").Database().Client().Database("logs").Collection("access-" + time.Now().UTC().Format("2006.01.02"))
	for id, d := range find(t, logs) {
		text, err := bson.MarshalExtJSON(d, true, false)
		want := `{"_id":"` + id + `","remote_ip":"192.168.2.20","identd":"-","user":"-","datetime":"28/Jul/2006:10:27:10 -0300","request":"GET /cgi-bin/try/ HTTP/1.0","http_status":{"$numberInt":"200"},"bytes_send":{"$numberInt":"3395"}}`
		if err != nil || string(text) != want {
			t.Errorf("got  %s\nwant %s %v", text, want, err)
		}
		return
	}
	t.Error("nothing was stored")
}
