package zmqconn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys of the tests. Those of zero are the ones of the man page of zmq_curve.
const (
	serverPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
	clientPublic = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
	clientSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
)

func keys(t *testing.T, o CurveOptions) *Keys {
	t.Helper()
	if err := o.CheckCurve(); err != nil {
		t.Fatal(err)
	}
	k, err := o.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pair shakes hands between two ends.
func pair(t *testing.T, a, b Config) (x, y *Conn, xErr, yErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a.Most, b.Most = 1<<20, 1<<20
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			yErr = err
			return
		}
		y, yErr = Shake(context.Background(), c, &b)
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	x, xErr = Shake(context.Background(), c, &a)
	<-done
	for _, c := range []*Conn{x, y} {
		if c != nil {
			t.Cleanup(c.Close)
		}
	}
	return x, y, xErr, yErr
}

func TestEndsThatFitTalk(t *testing.T) {
	server, client := CurveOptions{SecretKey: serverSecret}, CurveOptions{ServerKey: serverPublic, PublicKey: clientPublic, SecretKey: clientSecret}
	known := server
	known.ClientKeys = []string{clientPublic}
	for name, c := range map[string][2]Config{
		"without security":                       {{Kind: Pull}, {Kind: Push}},
		"publisher":                              {{Kind: Pub}, {Kind: Sub}},
		"CURVE":                                  {{Kind: Pull, Keys: keys(t, server)}, {Kind: Push, Keys: keys(t, client)}},
		"CURVE with known keys":                  {{Kind: Pull, Keys: keys(t, known)}, {Kind: Push, Keys: keys(t, client)}},
		"CURVE with a new key":                   {{Kind: Pull, Keys: keys(t, server)}, {Kind: Push, Keys: keys(t, CurveOptions{ServerKey: serverPublic})}},
		"the binding end is the client of CURVE": {{Kind: Pull, Keys: keys(t, client)}, {Kind: Push, Keys: keys(t, server)}},
	} {
		t.Run(name, func(t *testing.T) {
			x, y, xErr, yErr := pair(t, c[0], c[1])
			if xErr != nil || yErr != nil {
				t.Fatal(xErr, yErr)
			}
			large := bytes.Repeat([]byte("spam"), 100_000)
			sent := make(chan error, 1)
			go func() {
				sent <- y.Send(func(f *Frames) {
					f.Message([]byte("topic"), []byte("data"))
					f.Message(nil)
					f.Message(large)
					f.Ping([]byte("now"))
				})
			}()
			var got []string
			for range 5 {
				f, err := x.Read()
				if err != nil {
					t.Fatal(err)
				}
				text := f.Command + ":" + string(f.Body)
				if f.More {
					text += "+"
				}
				got = append(got, text)
			}
			if want := []string{":topic+", ":data", ":", ":" + string(large), "PING:\x00\x00now"}; strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("got %.200q", got)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			go x.Answer([]byte("\x00\x00probe")) // as a peer that is probed does
			if err := y.Probe(); err != nil || !y.Pings {
				t.Errorf("probe: %v %v", err, y.Pings)
			}
		})
	}
}

func TestEndsThatDoNotFitAreToldWhy(t *testing.T) {
	server, client := CurveOptions{SecretKey: serverSecret}, CurveOptions{ServerKey: serverPublic, PublicKey: clientPublic, SecretKey: clientSecret}
	for name, c := range map[string]struct {
		a, b Config
		want string
	}{
		"types":              {Config{Kind: Pull}, Config{Kind: Sub}, `type "SUB"`},
		"one is encrypted":   {Config{Kind: Pull}, Config{Kind: Push, Keys: keys(t, client)}, `its security is "CURVE"`},
		"two servers":        {Config{Kind: Pull, Keys: keys(t, server)}, Config{Kind: Push, Keys: keys(t, server)}, "the same side"},
		"two clients":        {Config{Kind: Pull, Keys: keys(t, client)}, Config{Kind: Push, Keys: keys(t, client)}, "the same side"},
		"wrong server key":   {Config{Kind: Pull, Keys: keys(t, server)}, Config{Kind: Push, Keys: keys(t, CurveOptions{ServerKey: clientPublic})}, "do not fit"},
		"client not invited": {Config{Kind: Pull, Keys: keys(t, CurveOptions{SecretKey: serverSecret, ClientKeys: []string{serverPublic}})}, Config{Kind: Push, Keys: keys(t, client)}, "curve_client_keys"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err, other := pair(t, c.a, c.b)
			if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), c.want) || other == nil {
				t.Errorf("%v; the other end: %v", err, other)
			}
		})
	}
}

// speaker is a peer that says what it was told to, whatever it hears.
type speaker struct {
	net.Conn
	io.Reader
	heard strings.Builder
}

func (s *speaker) Read(p []byte) (int, error)  { return s.Reader.Read(p) }
func (s *speaker) Write(p []byte) (int, error) { return s.heard.Write(p) }
func (*speaker) Close() error                  { return nil }
func (*speaker) SetDeadline(time.Time) error   { return nil }
func (*speaker) RemoteAddr() net.Addr          { return &net.UnixAddr{} }

// talk lets a peer say something, and returns what became of the handshake and the next frame.
func talk(t testing.TB, cfg Config, say string) (Frame, error) {
	t.Helper()
	c, err := Shake(context.Background(), &speaker{Reader: strings.NewReader(say)}, &cfg)
	if err != nil {
		return Frame{}, err
	}
	defer c.Close()
	return c.Read()
}

const (
	signature = "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f"
	null      = "NULL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	filler    = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	ready     = "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH"
)

func TestGreetings(t *testing.T) {
	for name, c := range map[string]struct{ say, body, err string }{
		"version 3.1":        {signature + "\x03\x01" + null + "\x00" + filler + ready + "\x00\x04spam", "spam", ""},
		"version 3.0":        {signature + "\x03\x00" + null + "\x00" + filler + ready + "\x00\x04spam", "spam", ""},
		"version 4.0":        {signature + "\x04\x00" + null + "\x00" + filler + ready + "\x00\x04spam", "spam", ""},
		"version 2.0":        {signature + "\x01\x08\x00\x00\x00\x04spam", "spam", ""},
		"2.0, wrong type":    {signature + "\x01\x02\x00\x00", "", `type "SUB"`},
		"2.0, no type":       {signature + "\x01\xee\x00\x00", "", "type 238"},
		"version 1.0":        {"\x01\x00\x05spam", "", "begins with 0x01"},
		"a browser":          {"GET / HTTP/1.1\r\n\r\n", "", "begins with 0x47"},
		"no signature":       {"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00\x03", "", "signature ends"},
		"nothing":            {"", "", "closed the connection"},
		"cut off":            {signature + "\x03", "", "closed the connection"},
		"no type":            {signature + "\x03\x01" + null + "\x00" + filler + "\x04\x06\x05READY", "", "does not name"},
		"properties cut off": {signature + "\x03\x01" + null + "\x00" + filler + "\x04\x12\x05READY\x0bSocket-Type", "", "cut off"},
		"refusal":            {signature + "\x03\x01" + null + "\x00" + filler + "\x04\x0a\x05ERROR\x03no!", "", `it says "no!"`},
		"another command":    {signature + "\x03\x01" + null + "\x00" + filler + "\x04\x06\x05HELLO", "", `sent "HELLO"`},
		"a huge handshake":   {signature + "\x03\x01" + null + "\x00" + filler + "\x06\x00\x00\x00\x00\x10\x00\x00\x00", "", "longer than the 4096"},
		"a huge frame":       {signature + "\x03\x01" + null + "\x00" + filler + ready + "\x02\x7f\x00\x00\x00\x10\x00\x00\x00", "", "longer than the 1000"},
		"unknown flags":      {signature + "\x03\x01" + null + "\x00" + filler + ready + "\x10\x00", "", "flags 0x10"},
		"a nameless command": {signature + "\x03\x01" + null + "\x00" + filler + ready + "\x04\x01\x05", "", "without a name"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := talk(t, Config{Kind: Pull, Most: 1000}, c.say)
			if err == nil && c.err != "" || err != nil && (c.err == "" || !strings.Contains(Plain(err).Error(), c.err)) || string(f.Body) != c.body {
				t.Errorf("%q, %v", f.Body, err)
			}
		})
	}
}

func TestSubscriptionsAreWrittenAsThePeerReadsThem(t *testing.T) {
	pub := strings.ReplaceAll(ready, "PUSH", "PUB")
	pub = strings.Replace(strings.Replace(pub, "\x1a", "\x19", 1), "\x04PUB", "\x03PUB", 1)
	for name, c := range map[string]struct{ say, want string }{
		"3.1": {signature + "\x03\x01" + null + "\x00" + filler + pub, "\x04\x0d\x09SUBSCRIBEegg"},
		"3.0": {signature + "\x03\x00" + null + "\x00" + filler + pub, "\x00\x04\x01egg"},
		"2.0": {signature + "\x01\x01\x00\x00", "\x00\x04\x01egg"},
	} {
		s := &speaker{Reader: strings.NewReader(c.say)}
		conn, err := Shake(context.Background(), s, &Config{Kind: Sub, Most: 1000})
		if err == nil {
			err = conn.Subscribe("egg")
		}
		if err != nil || !strings.HasSuffix(s.heard.String(), c.want) {
			t.Errorf("%s: %v, %q", name, err, s.heard.String())
		}
	}
}

func TestMemoryGrowsWithWhatComesOnly(t *testing.T) {
	r := reader{src: strings.NewReader("\x02\x00\x00\x00\x00\x3f\x00\x00\x00spam"), most: 1 << 31}
	if _, _, err := r.next(); err == nil || cap(r.buf) > readBuffer {
		t.Errorf("%v, %d bytes", err, cap(r.buf))
	}
}

func TestRepeatedAndForgedFramesAreRefused(t *testing.T) {
	var shared key
	s, o := sealer{shared: shared, prefix: "CurveZMQMESSAGEC", next: 5}, opener{shared: shared, prefix: "CurveZMQMESSAGEC", last: 4}
	first := s.seal(nil, []byte("\x00spam"))
	if _, plain, err := o.open(first); err != nil || string(plain) != "spam" {
		t.Fatal(plain, err)
	}
	forged := s.seal(nil, []byte("\x00egg"))
	forged[len(forged)-1] ^= 1
	for name, frame := range map[string][]byte{"twice": first, "decrypted": forged, "not encrypted": []byte("spam")} {
		if _, _, err := o.open(frame); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		o    CurveOptions
		want string
	}{
		"too short":               {CurveOptions{ServerKey: "short"}, "curve_server_key: must be a key of 40"},
		"strange characters":      {CurveOptions{SecretKey: strings.Repeat("~", 40)}, "curve_secret_key: must be a key"},
		"too large a number":      {CurveOptions{SecretKey: strings.Repeat("#", 40)}, "curve_secret_key: must be a key"},
		"zero":                    {CurveOptions{ServerKey: strings.Repeat("0", 40)}, "curve_server_key: must be a key"},
		"public alone":            {CurveOptions{PublicKey: clientPublic}, "curve_secret_key: required"},
		"a pair that is none":     {CurveOptions{PublicKey: clientPublic, SecretKey: serverSecret}, "curve_public_key: is not"},
		"clients of a client":     {CurveOptions{ServerKey: serverPublic, SecretKey: clientSecret, ClientKeys: []string{clientPublic}}, "curve_client_keys: cannot"},
		"clients without keys":    {CurveOptions{ClientKeys: []string{clientPublic}}, "curve_secret_key: required"},
		"a client that is no key": {CurveOptions{SecretKey: serverSecret, ClientKeys: []string{"x"}}, "curve_client_keys: must be a key"},
	} {
		err := c.o.CheckCurve()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "~~") || strings.Contains(err.Error(), serverSecret)) {
			t.Errorf("%s: the message shows the key", name)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, c := range map[string]struct{ bind, connect string }{
		"host:5570":         {"host:5570", "host:5570"},
		"*:5570":            {":5570", ""},
		"*:0":               {":0", ""},
		"tcp://[::1]:5570":  {"[::1]:5570", "[::1]:5570"},
		"[::1]:5570":        {"[::1]:5570", "[::1]:5570"},
		"ipc:///run/z.sock": {"/run/z.sock", "/run/z.sock"},
		"ipc://@abstract":   {"@abstract", "@abstract"},
		"host":              {}, "host:http": {}, "host:70000": {}, "::1:5570": {}, "ipc://": {}, "udp://h:1": {}, "": {},
		"ipc://" + strings.Repeat("x", 108): {},
	} {
		for bind, want := range map[bool]string{true: c.bind, false: c.connect} {
			a, err := ParseAddress(text, bind)
			if a.Target != want || (err == nil) != (want != "") {
				t.Errorf("%s: %q %v", text, a.Target, err)
			}
		}
	}
	if _, err := ParseAddresses(nil, true); err == nil {
		t.Error("no address at all is taken")
	}
}

func FuzzPeer(f *testing.F) {
	greeting := signature + "\x03\x01" + null + "\x00" + filler
	f.Add(greeting+ready+"\x00\x04spam", false)
	f.Add(greeting+ready+"\x01\x01a\x00\x01b\x04\x07\x04PING\x00\x00", false)
	f.Add(signature+"\x01\x08\x00\x00\x00\x04spam", false)
	f.Add(signature+"\x03\x01"+strings.Replace(null, "NULL\x00", "CURVE", 1)+"\x00"+filler+"\x04\xc8\x05HELLO"+strings.Repeat("\x01", 194), true)
	k := &Keys{secret: key{1}, public: key{2}}
	f.Fuzz(func(t *testing.T, say string, curve bool) {
		cfg := Config{Kind: Pull, Most: 1000}
		if curve {
			cfg.Keys = k
		}
		r := reader{src: strings.NewReader(say), most: 1000}
		for {
			flags, body, err := r.next()
			if err != nil {
				break
			}
			if flags&flagCommand != 0 {
				command(body)
				PingContext(body)
			}
			Subscription(Frame{Body: body})
		}
		talk(t, cfg, say)
	})
}
