package webservertornado

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gambolputty/actor"
	"gambolputty/actor/meter"
)

func TestOnlyWhatCannotBeReadIsAFailure(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, missing := root.Open("missing")
	_, outside := root.Open("../outside")
	for err, want := range map[error]bool{
		nil: false, missing: false, outside: false, fs.ErrNotExist: false, syscall.ENOTDIR: false, syscall.ENAMETOOLONG: false,
		fmt.Errorf("open: %w", syscall.EACCES): true, &fs.PathError{Op: "open", Err: syscall.EIO}: true, syscall.EMFILE: true,
	} {
		if unreadable(err) != want {
			t.Errorf("%v", err)
		}
	}
}

func TestAWholeNetworkOfAddressesCountsAsOne(t *testing.T) {
	for ip, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::"} {
		if got := block(netip.MustParseAddr(ip)).String(); got != want {
			t.Errorf("%s: %s", ip, got)
		}
	}
	if block(netip.Addr{}).IsValid() {
		t.Error("a Unix socket has no address")
	}
}

func TestNobodysHashIsOne(t *testing.T) {
	if cost, err := bcrypt.Cost([]byte(nobodysHash)); err != nil || cost != bcrypt.DefaultCost {
		t.Errorf("%d %v", cost, err)
	}
}

func TestWhatWasReceivedNeverBecomesLess(t *testing.T) {
	input := func(id string, n int64) actor.Status {
		s := actor.Status{ID: id, Spec: actor.Spec{Info: actor.Info{Role: actor.Input}}, Meter: new(meter.Module)}
		s.Meter.Received.Store(n)
		return s
	}
	var p sampler
	for i, c := range []struct {
		status []actor.Status
		want   int64
	}{
		{[]actor.Status{input("a", 5), input("b", 7)}, 12},
		{[]actor.Status{input("b", 9)}, 14},                 // a was removed
		{[]actor.Status{input("b", 10), input("a", 1)}, 16}, // and put back
		{[]actor.Status{input("b", 0)}, 16},                 // another one has taken the id
		{nil, 16},
	} {
		if got := p.received(c.status); got != c.want {
			t.Errorf("look %d: %d, not %d", i, got, c.want)
		}
	}
}
