package file

import (
	"context"

	"gambolputty/actor"
)

type sincedb struct{}

func newSincedb(actor.Env, string, []string) *sincedb { return &sincedb{} }
func (*sincedb) open() error                          { return nil }
func (*sincedb) own(context.Context) bool             { return true }
func (*sincedb) load() error                          { return nil }
func (*sincedb) save()                                {}
func (*sincedb) disown()                              {}
