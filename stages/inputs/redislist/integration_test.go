//go:build integration

package redislist_test

import (
	"slices"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/redislist"
	"gambolputty/stages/internal/redisconn/redistest"
)

// fill pushes entries in requests that fit a command line.
func fill(r *redistest.Real, list string, entries []string) {
	for part := range slices.Chunk(entries, 500) {
		r.CLI(append([]string{"rpush", list}, part...)...)
	}
}

func TestIntegrationAllEntriesComeOnce(t *testing.T) {
	r := redistest.Start(t, "--requirepass", "", "--user", "brian", "on", ">naughty", "~*", "+@all")
	for _, options := range []string{"batch_size: 1", "batch_size: 2000", "batch_size: 1\nreliable: True", "batch_size: 2000\nreliable: True", "batch_size: 100\ndirection: right", "batch_size: 100\ndirection: right\nreliable: True"} {
		want := numbered(2500)
		fill(r, "l", want)
		in := start(t, r.Addr(), "lists: [l]\nusername: brian\npassword: ${NO_SUCH_VARIABLE:-naughty}\n"+options)
		in.Wait(2500)
		got := actortest.Texts(in.Stop())
		if strings.Contains(options, "right") {
			slices.Reverse(got)
		}
		actortest.Same(t, got, want)
		if keys := r.CLI("keys", "*processing*"); keys != "" {
			t.Errorf("%s leaves %s", options, keys)
		}
	}
}

func TestIntegrationAnOutageAndAWrongType(t *testing.T) {
	for _, reliable := range []string{"False", "True"} {
		r := redistest.Start(t)
		r.CLI("set", "wrong", "spam")
		in := start(t, r.Addr(), "lists: [wrong, l, m]\nreliable: "+reliable)
		fill(r, "l", []string{"1"})
		in.Wait(1)
		r.Stop()
		r.Run()
		fill(r, "l", []string{"2", "3"})
		actortest.Same(t, actortest.Texts(in.Wait(3)), []string{"1", "2", "3"})
		if strings.Count(in.Log(), "the key is no list") != 1 {
			t.Error(in.Log())
		}
		in.Stop()
	}
}

func TestIntegrationABrokenConnectionLosesNothing(t *testing.T) {
	r := redistest.Start(t)
	in := start(t, r.Addr(), "lists: l\nreliable: True\nbatch_size: 5")
	want := numbered(2000)
	for part := range slices.Chunk(want, 100) {
		r.CLI("client", "kill", "type", "normal", "skipme", "yes")
		fill(r, "l", part)
	}
	redistest.Until(t, "all is done", func() bool { return r.CLI("llen", "l") == "0" && r.CLI("llen", "l.processing.RedisList") == "0" })
	got := actortest.Texts(in.Stop())
	slices.Sort(got)
	slices.Sort(want)
	actortest.Same(t, slices.Compact(got), want)
}

func TestIntegrationACluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3)
	for _, l := range []string{"a", "b", "c"} {
		nodes[0].CLI("-c", "rpush", l, "1", "2", "3")
	}
	for _, options := range []string{"", "batch_size: 2"} {
		in := actortest.Source(t, redislist.Spec, "cluster: ['"+nodes[0].Addr()+"']\nlists: [a, b, c]\nreliable: True\n"+options)
		if options == "" {
			in.Wait(9)
		}
		in.Stop()
	}
}
