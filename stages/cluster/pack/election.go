package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// election is a part in the election of the leader, as the raft library does it.
type election struct {
	pack   *Pack
	store  *store
	raft   *raft.Raft
	gate   *gate
	agreed agreement
	moved  time.Time // when the role was last handed to a preferred node
}

// raftTimeout is how long one step of raft may take.
const raftTimeout = 10 * time.Second

// newElection opens what the node has noted and begins to take part. A file that is damaged
// may have lost a vote: the node does not take part then, so that it cannot vote twice.
func newElection(p *Pack) (*election, error) {
	e := &election{pack: p}
	dir := p.opts.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	path := filepath.Join(dir, "votes.db")
	var err error
	e.store, err = openStore(path)
	if errors.Is(err, errDamaged) {
		p.env.Log.Error("the file with the votes is damaged; this node does not vote until it was removed", "file", path, "error", err)
		return e, nil
	}
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	log := hclog.New(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, DisableTime: true, Output: logWriter{log: p.env.Log}})
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, 1, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir: %w", err), e.store.Close())
	}
	// With more requests in flight, a leader that is told of a higher term may wait for ever to send the next
	// one, and then does not end. There is little to send anyway.
	transport := &gate{NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: ballots{p.net}, MaxPool: 3, Timeout: raftTimeout, Logger: log, ServerAddressProvider: e, MaxRPCsInFlight: 1,
	})}
	e.gate = transport
	c := raft.DefaultConfig()
	c.LocalID, c.Logger = raft.ServerID(p.name), log
	c.HeartbeatTimeout = min(max(p.opts.DeadAfter/4, 150*time.Millisecond), 5*time.Second)
	c.ElectionTimeout, c.LeaderLeaseTimeout = c.HeartbeatTimeout, c.HeartbeatTimeout/2
	c.SnapshotThreshold, c.TrailingLogs, c.SnapshotInterval = 32, 8, time.Minute
	c.ShutdownOnRemove = false
	if e.raft, err = raft.NewRaft(c, &e.agreed, e.store, e.store, snapshots, transport); err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir: %w", err), transport.Close(), e.store.Close())
	}
	return e, nil
}

// ServerAddr is where a node is now.
func (e *election) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	e.pack.mu.Lock()
	defer e.pack.mu.Unlock()
	if m := e.pack.members[string(id)]; m != nil {
		return raft.ServerAddress(m.Address), nil
	}
	return "", fmt.Errorf("node %s is not known", id)
}

// standing is the node that leads as far as this one knows, and the term in which it does. raft
// forgets the leader before it begins another term, so that what is read between two looks at
// one term belongs to it.
func (e *election) standing() (leader string, term int64) {
	if e.raft == nil {
		return "", 0
	}
	for range 8 { // a term that changes all the time has no leader
		before := e.raft.CurrentTerm()
		_, id := e.raft.LeaderWithID()
		leads := e.raft.State() == raft.Leader
		if e.raft.CurrentTerm() != before {
			continue
		}
		if id == "" || string(id) == e.pack.name && !leads {
			return "", 0
		}
		return string(id), int64(before) //nolint:gosec // there are not that many terms
	}
	return "", 0
}

// seated reports whether it is known here who may vote.
func (e *election) seated() bool { return len(e.voters()) > 0 }

func (e *election) voters() []raft.Server {
	if e.raft == nil {
		return nil
	}
	f := e.raft.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	return f.Configuration().Servers
}

// run takes care of who may vote until ctx ends.
func (e *election) run(ctx context.Context) {
	if e.raft == nil {
		return
	}
	news := make(chan raft.Observation, 16)
	observer := raft.NewObserver(news, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			return true
		}
		return false
	})
	e.raft.RegisterObserver(observer)
	defer e.raft.DeregisterObserver(observer)
	tick := time.NewTicker(e.pack.round())
	defer tick.Stop()
	for {
		select {
		case <-news:
			e.pack.awaken()
		case <-tick.C:
			e.care()
		case <-ctx.Done():
			return
		}
	}
}

// care begins the first election when all voters are there, and keeps the list of them.
func (e *election) care() {
	there := e.candidates()
	voters := e.voters()
	switch {
	case len(voters) == 0:
		e.begin(there)
	case e.raft.State() == raft.Leader:
		e.seat(voters, there)
		e.prefer(voters, there)
	}
}

// candidates are the nodes with pack: auto that are there, by name.
func (e *election) candidates() []Member {
	return slices.DeleteFunc(e.pack.Members(), func(m Member) bool { return m.Role != elective || !m.Here() || m.about.Leaving })
}

// begin seats the first voters. Only one node does so, the first by name, and only when as
// many are there as there are to be: two lists of voters would be two packs.
func (e *election) begin(there []Member) {
	if len(there) > e.pack.opts.Voters {
		e.pack.env.Warn("there are more nodes with pack: auto than voters says; the others must be followers", "nodes", len(there), "voters", e.pack.opts.Voters)
		return
	}
	if len(there) < e.pack.opts.Voters || there[0].Name != e.pack.name || slices.ContainsFunc(there, func(m Member) bool { return m.about.Seated }) {
		return
	}
	var c raft.Configuration
	for _, m := range there {
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(m.Name), Address: raft.ServerAddress(m.Address)})
	}
	if err := e.raft.BootstrapCluster(c).Error(); err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		e.pack.env.Warn("the first election could not begin", "error", err)
	}
}

// seat lets nodes vote in the place of those that are gone for good, one at a time.
func (e *election) seat(voters []raft.Server, there []Member) {
	for _, m := range there {
		i := slices.IndexFunc(voters, func(s raft.Server) bool { return string(s.ID) == m.Name })
		if i >= 0 && string(voters[i].Address) == m.Address {
			continue
		}
		if i < 0 && len(voters) >= e.pack.opts.Voters {
			gone := slices.IndexFunc(voters, func(s raft.Server) bool {
				return !slices.ContainsFunc(there, func(m Member) bool { return m.Name == string(s.ID) })
			})
			if gone < 0 {
				e.pack.env.Warn("a node with pack: auto has no vote, as there are enough", "node", m.Name)
				continue
			}
			if err := e.raft.RemoveServer(voters[gone].ID, 0, raftTimeout).Error(); err != nil {
				e.pack.env.Warn("a node that is gone could not be taken from the voters", "node", string(voters[gone].ID), "error", err)
				return
			}
		}
		if err := e.raft.AddVoter(raft.ServerID(m.Name), raft.ServerAddress(m.Address), 0, raftTimeout).Error(); err != nil {
			e.pack.env.Warn("a node could not be made a voter", "node", m.Name, "error", err)
		}
		return
	}
}

// prefer hands the role to a node with a higher priority.
func (e *election) prefer(voters []raft.Server, there []Member) {
	best := e.pack.opts.Priority
	var to raft.Server
	for _, m := range there {
		i := slices.IndexFunc(voters, func(s raft.Server) bool { return string(s.ID) == m.Name })
		if i >= 0 && m.State == Alive && m.about.Priority > best {
			best, to = m.about.Priority, voters[i]
		}
	}
	if to.ID == "" || time.Since(e.moved) < e.pack.opts.DeadAfter {
		return
	}
	e.moved = time.Now()
	if err := e.raft.LeadershipTransferToServer(to.ID, to.Address).Error(); err != nil {
		e.pack.env.Warn("the role of the leader could not be handed to a preferred node", "node", string(to.ID), "error", err)
	}
}

// close ends the part of this node. A leader hands its role on, so that nobody has to wait.
func (e *election) close() {
	if e.raft != nil {
		if e.raft.State() == raft.Leader && len(e.voters()) > 1 {
			_ = e.raft.LeadershipTransfer().Error() // otherwise there will be an election
		}
		_ = e.raft.Shutdown().Error() // it only says that it has been done
	}
	if e.gate != nil {
		e.gate.shut()
	}
	if e.store != nil {
		e.store.Close() // all that counts is on the disk
	}
}

// ballots are the streams of raft.
type ballots struct{ net *transport }

// Accept waits for a stream.
func (b ballots) Accept() (net.Conn, error) {
	select {
	case c := <-b.net.ballots:
		return c, nil
	case <-b.net.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close leaves the sockets to those that own them.
func (ballots) Close() error { return nil }

// Addr is the address that others know.
func (b ballots) Addr() net.Addr { return net.TCPAddrFromAddrPort(b.net.advertise) }

// Dial opens a stream.
func (b ballots) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return b.net.dial(ballot, string(addr), timeout)
}

// agreement is the last value that the voters have agreed upon.
type agreement struct {
	mu    sync.Mutex
	value []byte
}

// Apply takes a value that is agreed upon.
func (a *agreement) Apply(l *raft.Log) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.value = l.Data
	return nil
}

// Snapshot returns the value.
func (a *agreement) Snapshot() (raft.FSMSnapshot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return snapshot(a.value), nil
}

// Restore takes the value of a snapshot.
func (a *agreement) Restore(r io.ReadCloser) error {
	defer r.Close()
	value, err := io.ReadAll(io.LimitReader(r, MaxMessage+1))
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.value = value
	return nil
}

type snapshot []byte

// Persist writes the value.
func (s snapshot) Persist(to raft.SnapshotSink) error {
	if _, err := to.Write(s); err != nil {
		return errors.Join(err, to.Cancel())
	}
	return to.Close()
}

// Release has nothing to give back.
func (snapshot) Release() {}

// Elects reports whether the pack elects its leader.
func (p *Pack) Elects() bool { return p.raft != nil }

// Agree lets the voters of an elected leader agree upon a value. Whoever leads after this one
// knows it.
func (p *Pack) Agree(value []byte) error {
	if p.raft == nil || p.raft.raft == nil {
		return errors.New("this node does not vote")
	}
	return p.raft.raft.Apply(value, raftTimeout).Error()
}

// Agreed is the last value that was agreed upon, nil if there is none. The leader waits until
// it knows all that was before it.
func (p *Pack) Agreed() ([]byte, error) {
	if p.raft == nil || p.raft.raft == nil {
		return nil, nil
	}
	if err := p.raft.raft.Barrier(raftTimeout).Error(); err != nil {
		return nil, err
	}
	p.raft.agreed.mu.Lock()
	defer p.raft.agreed.mu.Unlock()
	return p.raft.agreed.value, nil
}
