package zmqsink

import (
	"errors"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/zmqconn"
)

// Options of the ZmqSink module.
type Options struct {
	Server    []string      `opt:"server" doc:"Where to connect to or to bind, one or several: host:port, with * for all addresses of this host in mode bind and IPv6 addresses in brackets, or ipc:// with the path of a socket."`
	Pattern   string        `opt:"pattern" enum:"push|pub" doc:"push gives each event to one of the peers, pub to all that have subscribed."`
	Mode      string        `opt:"mode" enum:"connect|bind|client|server" doc:"connect (or client) connects to peers, bind (or server) waits for them."`
	Topic     expr.Template `opt:"topic" null:"true" doc:"Text in front of each message, divided from it by a blank."`
	Multipart bool          `opt:"multipart" doc:"Send the topic as a frame of its own. Needs topic."`
	HWM       *int          `opt:"hwm" min:"1" doc:"High water mark: most messages that are under way to a peer. The default is 1000."`
	Format    expr.Template `opt:"format" null:"true" doc:"Text of a message. Without it, it is the whole event as a MessagePack map."`
	zmqconn.CurveOptions
	Connections int `opt:"max_connections" min:"0" doc:"Peers at a time in mode bind; further ones are closed. 0 is no limit."`
	delivery.Options

	addresses []zmqconn.Address
}

func (o *Options) binds() bool { return o.Mode == "bind" || o.Mode == "server" }

// Validate checks addresses, keys and delivery.
func (o *Options) Validate() error {
	errs := []error{o.CheckCurve(), o.CheckDelivery()}
	var err error
	if o.addresses, err = zmqconn.ParseAddresses(o.Server, o.binds()); err != nil {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "server", Message: err.Error()})
	}
	if o.Multipart && o.Topic.IsZero() {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "topic", Message: "required option is missing: multipart is True"})
	}
	return errors.Join(errs...)
}

// Listens names the addresses.
func (o *Options) Listens() []actor.Address {
	if !o.binds() {
		return nil
	}
	return zmqconn.Listens(o.addresses, "server")
}

// SingleWorker says that an address can be bound once.
func (o *Options) SingleWorker() string {
	if o.binds() {
		return "mode bind allows one worker, because an address can be bound once"
	}
	return ""
}
