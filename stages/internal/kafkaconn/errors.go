package kafkaconn

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/IBM/sarama"
)

// Away reports whether an error says that brokers cannot be reached, so that it is about
// all that we want of them.
func Away(err error) bool {
	var n net.Error
	if errors.As(err, &n) {
		return true
	}
	return isOneOf(err, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, net.ErrClosed, sarama.ErrOutOfBrokers, sarama.ErrNotConnected, sarama.ErrBrokerNotAvailable, sarama.ErrBrokerNotFound,
		sarama.ErrLeaderNotAvailable, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNetworkException, sarama.ErrNoTopicsToUpdateMetadata, sarama.ErrClosedClient, sarama.ErrReplicaNotAvailable)
}

// Forbidden reports whether the brokers do not know us or do not let us do something, which
// only people can do something about.
func Forbidden(err error) bool {
	return isOneOf(err, sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism, sarama.ErrIllegalSASLState, sarama.ErrTopicAuthorizationFailed,
		sarama.ErrGroupAuthorizationFailed, sarama.ErrClusterAuthorizationFailed, sarama.ErrTransactionalIDAuthorizationFailed, sarama.ErrDelegationTokenAuthorizationFailed)
}

func isOneOf(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}
