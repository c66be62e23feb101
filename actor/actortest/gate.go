package actortest

import (
	"context"

	"gambolputty/actor"
)

// Gate is an output that takes a batch when the test tells it to: nil on pass delivers it,
// an error is that of the attempt. When pass is closed, it takes all.
func Gate(pass <-chan error) actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Gate", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) {
		return gate{pass}, nil
	})
}

type gate struct{ pass <-chan error }

func (g gate) Write(_ context.Context, b *actor.Batch) error {
	if err := <-g.pass; err != nil {
		return err
	}
	for range b.Each() {
		continue
	}
	return nil
}
