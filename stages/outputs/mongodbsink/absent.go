//go:build !mongodb

package mongodbsink

import (
	"gambolputty/actor"
	"gambolputty/stages/internal/optional"
)

// Built says whether this build has the client.
const Built = false

// checkClient leaves what only the client knows to builds that have it.
func (o *Options) checkClient() error { return nil }

// New says that this build lacks the client.
func New(actor.Env, Options) (actor.Sink, error) { return nil, optional.Fault(name, tag) }
