package pack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), next: 1}
	a.key = a.newKey()
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte) {
	if err := os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// sign makes a certificate for some time; uses are what it is good for.
func (a *authority) sign(name string, life time.Duration, uses ...x509.ExtKeyUsage) {
	a.t.Helper()
	if uses == nil {
		uses = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	key := a.newKey()
	a.next++
	c := &x509.Certificate{SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life), ExtKeyUsage: uses}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", private)
}

// options are those of a node with a certificate.
func (a *authority) options(name string) string {
	return fmt.Sprintf("    tls: True\n    cert: %s/%s.pem\n    key: %s/%s.key\n    ca_file: %s/ca.pem\n", a.dir, name, a.dir, name, a.dir)
}

// signed is options of a node with a new certificate.
func (a *authority) signed(name string) string {
	a.sign(name, 100*time.Hour)
	return a.options(name)
}

const threeAuto = "    join: [10.0.0.2, 10.0.0.3, 10.0.0.4]\n    pack: auto\n    voters: 3\n"

func TestAPackWithCertificates(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		ca := newAuthority(t)
		var all []*node
		for i := range 3 {
			name := string(rune('a' + i))
			all = append(all, l.start(t, name, fmt.Sprintf("10.0.0.%d", i+2), threeAuto+ca.signed(name)+"    data_dir: "+t.TempDir()+"\n"))
		}
		first := leaderOf(t, all...)
		f := l.start(t, "f", "10.0.0.9", "    join: [10.0.0.2]\n    pack: follower\n"+ca.signed("f"))
		f.follows(t, first.name)
		got := make(chan string, 1)
		f.On("spam", func(from Member, payload []byte) error { got <- from.Name + string(payload); return nil })
		if err := first.Send(t.Context(), "f", "spam", []byte(strings.Repeat("x", 100_000))); err != nil || len(<-got) != 100_001 {
			t.Error(err)
		}
		for _, n := range all {
			if n.net.udp != nil {
				t.Error("there is a socket for packets")
			}
		}
		l.Split(first.opts.Interface)
		until(t, "it to be suspect", func() bool { return f.state(first.name) == Suspect || f.state(first.name) == Dead })
		until(t, "it to be dead", func() bool { return f.state(first.name) == Dead })
		second := leaderOf(t, without(all, first)...)
		f.follows(t, second.name)
		l.Split()
		f.follows(t, leaderOf(t, all...).name)
		f.Stop()
		until(t, "f to have left", func() bool { return all[0].state("f") == Left && all[1].state("f") == Left })
	})
}

func TestWhoHasNoCertificateOfThePackIsNotLetIn(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		ca, other := newAuthority(t), newAuthority(t)
		a := l.start(t, "a", "10.0.0.2", "    join: [10.0.0.3]\n"+ca.signed("a"))
		ca.sign("server", time.Hour*100, x509.ExtKeyUsageServerAuth)
		ca.sign("old", -time.Minute)
		strangers := map[string]string{
			"b": other.signed("b"),                           // of another authority
			"c": ca.signed("c") + "    name: another pack\n", // of another pack
			"d": "    secret: a secret of many letters\n",    // of a pack with a secret
			"e": ca.options("server"),                        // a certificate of a web server
			"f": ca.options("old"),                           // one that is over
		}
		host := 10
		for name, options := range strangers {
			host++
			n := l.start(t, name, fmt.Sprintf("10.0.0.%d", host), "    join: [10.0.0.2]\n    pack: follower\n"+options)
			until(t, "the warning about "+name, func() bool { return strings.Contains(a.Log(), fmt.Sprintf("from=10.0.0.%d ", host)) })
			time.Sleep(10 * time.Second)
			if a.state(name) != "" || n.state("a") != "" {
				t.Errorf("%s was let in", name)
			}
		}
		own := map[string]int64{}
		a.Status("Pack").Meter.EachOwn(func(name string, n int64) { own[name] = n })
		if own["foreign"] == 0 || own["wrong_certificate"] == 0 {
			t.Errorf("counted %v", own)
		}
		good := l.start(t, "g", "10.0.0.9", "    join: [10.0.0.2]\n    pack: follower\n"+ca.signed("g"))
		good.follows(t, "a")
	})
}

func TestCertificatesAreRenewed(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		ca := newAuthority(t)
		ca.sign("a", time.Minute)
		a := l.start(t, "a", "10.0.0.2", "    join: [10.0.0.3]\n"+ca.options("a"))
		b := l.start(t, "b", "10.0.0.3", "    join: [10.0.0.2]\n    pack: follower\n"+ca.signed("b"))
		b.follows(t, "a")
		time.Sleep(2 * time.Minute)
		if err := os.Remove(filepath.Join(ca.dir, "b.key")); err != nil { // as while it is being replaced
			t.Fatal(err)
		}
		ca.sign("a", 100*time.Hour)
		c := l.start(t, "c", "10.0.0.4", "    join: [10.0.0.2, 10.0.0.3]\n    pack: follower\n"+ca.signed("c"))
		c.follows(t, "a")
		until(t, "b to be there", func() bool { return c.state("b") == Alive && a.state("b") == Alive && b.state("a") == Alive })
		until(t, "the warning", func() bool { return strings.Contains(b.Log(), "the certificates cannot be read again") })
	})
}

func TestCertificatesThatCannotBeRead(t *testing.T) {
	ca := newAuthority(t)
	n := launch(t, "a", "127.0.15.2", port(), "    join: [127.0.15.3]\n"+ca.options("nobody"))
	if err := n.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "load the certificate of cert and key") {
		t.Errorf("got %v", err)
	}
}
