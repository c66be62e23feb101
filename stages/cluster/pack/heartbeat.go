package pack

import (
	"sync"

	"github.com/hashicorp/raft"
)

// gate is the transport of raft with a door for heartbeats. raft answers these beside its own
// work, also while it ends, and notes their term: a file that is closed by then would end
// the process.
type gate struct {
	*raft.NetworkTransport

	mu     sync.RWMutex
	closed bool
}

// SetHeartbeatHandler sets what is done about a heartbeat as long as the door is open.
func (g *gate) SetHeartbeatHandler(handle func(raft.RPC)) {
	g.NetworkTransport.SetHeartbeatHandler(func(rpc raft.RPC) {
		g.mu.RLock()
		defer g.mu.RUnlock()
		if g.closed {
			rpc.Respond(nil, raft.ErrRaftShutdown)
			return
		}
		handle(rpc)
	})
}

// shut closes the door and waits for those that are inside.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
