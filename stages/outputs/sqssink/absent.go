//go:build !aws

package sqssink

import (
	"gambolputty/actor"
	"gambolputty/stages/internal/optional"
	"gambolputty/stages/internal/sqsconn"
)

// New says that this build lacks the client.
func New(actor.Env, Options) (actor.Sink, error) { return nil, optional.Fault(name, sqsconn.Tag) }
