package file

import (
	"context"

	"gambolputty/actor"
)

type watcher struct{}

func newWatcher(*source) *watcher                               { return &watcher{} }
func (*watcher) close()                                         {}
func (*watcher) run(ctx context.Context, _ *actor.Outlet) error { <-ctx.Done(); return nil }
