package kafkaconn

import (
	"context"

	"github.com/IBM/sarama"
)

// Connect makes a client. That cannot be interrupted, so what is on its way is left behind
// if ctx ends.
func Connect(ctx context.Context, addresses []string, config *sarama.Config) (sarama.Client, error) {
	type result struct {
		client sarama.Client
		err    error
	}
	made := make(chan result, 1)
	go func() {
		c, err := sarama.NewClient(addresses, config)
		made <- result{c, err}
	}()
	select {
	case r := <-made:
		return r.client, r.err
	case <-ctx.Done():
		go func() {
			if r := <-made; r.err == nil {
				r.client.Close() // nobody has used it
			}
		}()
		return nil, context.Cause(ctx)
	}
}
