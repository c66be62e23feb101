package wire

import (
	"net"
	"testing"
	"time"

	"gambolputty/actor"
)

// UDP-OUT-2
func TestNamesAreLookedUpAgainEveryMinute(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now := time.Now()
	d := NewDatagrams(actor.Env{}, Address{"udp", c.LocalAddr().String()})
	d.now = func() time.Time { return now }
	defer d.Close()
	if err := d.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := d.conn
	now = now.Add(resolveEvery - time.Second)
	if err := d.Connect(t.Context()); err != nil || d.conn != first {
		t.Fatalf("it connects again too early, %v", err)
	}
	now = now.Add(time.Second)
	if err := d.Connect(t.Context()); err != nil || d.conn == first {
		t.Fatalf("it does not connect again, %v", err)
	}
}

func TestADatagramThatIsTooLongIsNamedByItsPlace(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := NewDatagrams(actor.Env{}, Address{"udp", c.LocalAddr().String()})
	defer d.Close()
	n, err := d.Send(t.Context(), [][]byte{[]byte("spam"), make([]byte, 70_000), []byte("egg")})
	if n != 1 || !TooLong(err) {
		t.Errorf("%d sent, %v", n, err)
	}
}

func TestAddresses(t *testing.T) {
	for s, good := range map[string]bool{
		"localhost:514": true, "[::1]:514": true, "10.0.0.1:65535": true, "::1:514": false, "localhost": false, "localhost:": false, ":514": false,
		"localhost:0": false, "localhost:65536": false, "localhost:http": false, "a b:1": false, "http://a:1": false, "/dev/log": false,
	} {
		if err := CheckHostPort(s); (err == nil) != good {
			t.Errorf("%q gives %v", s, err)
		}
	}
}
