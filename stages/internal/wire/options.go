package wire

import "time"

// Options are what outputs over streams have in common.
type Options struct {
	KeepAlive      time.Duration `opt:"keepalive" min:"0s" doc:"Time between probes that find dead peers; 0 is off."`
	ConnectTimeout time.Duration `opt:"connect_timeout" min:"1ms" doc:"Longest time for a connection with its TLS handshake."`
	WriteTimeout   time.Duration `opt:"write_timeout" min:"1ms" doc:"Longest time in which a peer takes or answers nothing. It counts as gone then."`
	WaitForPeer    bool          `opt:"wait_for_peer" doc:"A batch counts as delivered when the system of the peer has acknowledged it. False is faster: it counts when the local system has taken it. What is not acknowledged is still sent again when a connection breaks, and lost if this host goes down as well."`
	ResendBytes    int           `opt:"resend_bytes" min:"0" doc:"What the peer's system has taken within the last minute, up to so many bytes and at least the last batch, is sent again when a connection breaks, because the peer may not have read it."`
}

// Defaults are the options of outputs over streams.
var Defaults = Options{KeepAlive: 30 * time.Second, ConnectTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, WaitForPeer: true, ResendBytes: 1 << 20}
