//go:build !aws

package sqs

import (
	"gambolputty/actor"
	"gambolputty/stages/internal/optional"
	"gambolputty/stages/internal/sqsconn"
)

// New says that this build lacks the client.
func New(actor.Env, Options) (actor.Source, error) { return nil, optional.Fault(name, sqsconn.Tag) }
