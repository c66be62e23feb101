package kafkaconn

import (
	"log/slog"

	"github.com/IBM/sarama"
)

// Config makes the configuration of a client. key is the file of the private key. The error
// says that a file could not be read.
func (o *Options) Config(log *slog.Logger, key string) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.ClientID, c.Version = o.ClientID, o.Version.settled()
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = o.SocketTimeout, o.SocketTimeout, o.SocketTimeout
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Timeout = o.SocketTimeout
	secured, err := o.client(key).Config(log)
	if err != nil {
		return nil, err
	}
	c.Net.TLS.Enable, c.Net.TLS.Config = secured != nil, secured
	if !o.sasl() {
		return c, nil
	}
	s := &c.Net.SASL
	s.Enable, s.Mechanism, s.User, s.Password = true, sarama.SASLMechanism(o.mechanism()), o.Username, o.Password
	switch o.mechanism() {
	case plain:
		if secured == nil {
			log.Warn("the password is sent to the brokers as it is, for everybody on the way to read", "sasl_mechanism", plain, "security_protocol", "SASL_PLAINTEXT")
		}
	case scram256, scram512:
		s.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return newScram(o.mechanism()) }
	case oauthBearer:
		s.TokenProvider = newTokens(o)
	}
	return c, nil
}
