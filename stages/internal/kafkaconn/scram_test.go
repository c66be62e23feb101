package kafkaconn

import "testing"

// The exchange is the example of RFC 7677, section 3.
func TestScramAsInTheRFC(t *testing.T) {
	s := newScram(scram256)
	s.nonce = "rOprNGfwEbeRWgbNEkqO"
	if err := s.Begin("user", "pencil", ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{"", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"},
		{"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="},
		{"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", ""},
	} {
		got, err := s.Step(c.got)
		if err != nil || got != c.want {
			t.Fatalf("Step(%q) = %q, %v; want %q", c.got, got, err, c.want)
		}
	}
	if !s.Done() {
		t.Error("it is not done")
	}
}

func TestABrokerThatDoesNotKnowThePasswordIsFoundOut(t *testing.T) {
	for _, last := range []string{"v=AAAA", "", "v=", "e=other-error", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="} {
		s := newScram(scram256)
		_ = s.Begin("user", "pencil", "")
		_, _ = s.Step("")
		if _, err := s.Step("r=" + s.nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Step(last); err == nil {
			t.Errorf("%q is believed", last)
		}
	}
}

// No message of a broker, whatever it is, makes the client believe in it or fail otherwise
// than with an error.
func FuzzScram(f *testing.F) {
	f.Add("r=NONCEx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
	f.Add("e=unknown-user", "")
	f.Add("r=,s=,i=-1", "v")
	f.Fuzz(func(t *testing.T, first, last string) {
		if len(first) > 100 { // many rounds take long, and show nothing new
			return
		}
		s := newScram(scram512)
		s.nonce = "NONCE"
		_ = s.Begin("user", "pencil", "")
		_, _ = s.Step("")
		if n := attributes(first)["i"]; len(n) > 4 {
			return
		}
		if _, err := s.Step(first); err != nil {
			return
		}
		if _, err := s.Step(last); err == nil {
			t.Errorf("%q, %q is believed", first, last)
		}
	})
}
