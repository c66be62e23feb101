package actor

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestAilmentsAreThoseOfLivingInstances(t *testing.T) {
	var g *Graph
	var during, after []string
	lives := 0
	sick := built(func(e Env) (Processor, error) {
		lives++
		return procFunc(func(context.Context, *Batch) error {
			if lives > 1 {
				after = g.Status()[1].Ailments
				return nil
			}
			e.Ailing("b", "b is away")
			e.Ailing("a", "a is away")
			e.Ailing("c", "c is away")
			e.Ailing("c", "")
			during = g.Status()[1].Ailments
			return errors.New("broken")
		}), nil
	})
	r := &recorder{}
	g = graph(t, Settings{}, stage("in", counting(1, 1, nil), "p"), stage("p", sick, "out"), stage("out", r.spec()))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(during, []string{"a is away", "b is away"}) || after != nil {
		t.Errorf("%q, then %q", during, after)
	}
}
