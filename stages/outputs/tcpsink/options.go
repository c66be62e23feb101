package tcpsink

import (
	"errors"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

// Options of the TcpSink module.
type Options struct {
	Address      []string      `opt:"address" required:"true" doc:"Peer as host:port, or a list of them. IPv6 addresses stand in brackets."`
	Balance      string        `opt:"balance" enum:"failover|round_robin" doc:"failover connects to the first peer of the list that answers, round_robin sends batches to all of them in turn. A peer that is away is passed over."`
	Format       expr.Template `opt:"format" null:"true" doc:"Text of a frame. Without it, it is the whole event as a JSON object."`
	Framing      string        `opt:"framing" enum:"newline|octet_counted|length_prefixed|none" doc:"What divides events: a newline behind each, its length in decimal digits and a blank in front (RFC 6587), its length as 32 bits in front (big endian), or nothing."`
	Connections  int           `opt:"connections" min:"1" doc:"Connections that share the events of a batch. With more than one the order is lost."`
	Compression  string        `opt:"compression" null:"true" enum:"gzip|zstd|lz4" doc:"Compress what a connection carries, as one stream."`
	Acknowledged string        `opt:"acknowledged" null:"true" enum:"newline" doc:"newline waits for a line of the peer after each batch."`
	Timing
	tlsopt.Client
	delivery.Options
}

// Timing are the options of connections, under a name that does not collide.
type Timing struct{ wire.Options }

const roundRobin = "round_robin"

// Validate checks addresses, TLS and delivery.
func (o *Options) Validate() error {
	errs := []error{o.CheckTLS(), o.CheckDelivery()}
	if len(o.Address) == 0 {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "address", Message: "needs at least one host:port"})
	}
	for _, a := range o.Address {
		if err := wire.CheckHostPort(a); err != nil {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "address", Message: err.Error()})
		}
	}
	if o.Balance == roundRobin && len(o.Address) == 1 {
		errs = append(errs, &option.Fault{Code: "W105", Option: "balance", Message: "has no effect, because there is one address"})
	}
	return errors.Join(errs...)
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }
