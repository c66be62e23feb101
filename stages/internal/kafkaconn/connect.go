package kafkaconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// Connect makes a client, once one of the brokers can be reached. That cannot be
// interrupted, so what is on its way is left behind if ctx ends.
func Connect(ctx context.Context, addresses []string, config *sarama.Config) (sarama.Client, error) {
	type result struct {
		client sarama.Client
		err    error
	}
	made := make(chan result, 1)
	go func() {
		err := reach(ctx, addresses, config)
		if err != nil {
			made <- result{err: err}
			return
		}
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

// reach logs in to one of the brokers. A client would be made without that, and would not
// tell why it gets no answers.
func reach(ctx context.Context, addresses []string, config *sarama.Config) error {
	var errs []error
	for _, address := range addresses {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := greet(address, config)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("broker %s: %w", address, err))
	}
	return errors.Join(errs...)
}

// greet logs in and waits for an answer.
func greet(address string, config *sarama.Config) error {
	b := sarama.NewBroker(address)
	if err := b.Open(config); err != nil {
		return err
	}
	if _, err := b.Connected(); err != nil {
		return err
	}
	_, err := b.ApiVersions(&sarama.ApiVersionsRequest{})
	return errors.Join(err, b.Close())
}
