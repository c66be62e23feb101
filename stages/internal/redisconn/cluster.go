package redisconn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

// cluster knows which node has which keys.
type cluster struct {
	client *Client
	seeds  []string
	most   int

	asking sync.Mutex // held by whoever asks for the slots
	mu     sync.Mutex
	nodes  map[string]*Node
	slots  [slotCount]*Node // nil where nobody is known
	asked  time.Time
}

func newCluster(c *Client, o Options) *cluster {
	k := &cluster{client: c, most: o.MaxConnections, nodes: map[string]*Node{}}
	for _, s := range o.Cluster {
		full, err := address(s, o.Port)
		if err == nil { // which was checked
			k.seeds = append(k.seeds, full)
		}
	}
	return k
}

// at returns the node with an address.
func (k *cluster) at(address string) *Node {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.atLocked(address)
}

func (k *cluster) atLocked(address string) *Node {
	n := k.nodes[address]
	if n == nil {
		n = newNode(address, k.most, func(ctx context.Context) (*conn, error) { return k.client.dialer.dial(ctx, address) })
		k.nodes[address] = n
	}
	return n
}

// node returns the node of a key, or any that may know better.
func (k *cluster) node(key string) *Node {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := k.slots[Slot(key)]; n != nil {
		return n
	}
	return k.atLocked(k.seeds[0])
}

// masters are all nodes that have slots.
func (k *cluster) masters() []*Node {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*Node
	seen := map[*Node]bool{}
	for _, n := range k.slots {
		if n != nil && !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	return list
}

// refresh asks who has which slots, unless somebody else has done so in the meantime.
func (k *cluster) refresh(ctx context.Context) error {
	before := time.Now()
	k.asking.Lock()
	defer k.asking.Unlock()
	k.mu.Lock()
	fresh := k.asked.After(before)
	known := make([]string, 0, len(k.nodes)+len(k.seeds))
	for a := range k.nodes {
		known = append(known, a)
	}
	known = append(known, k.seeds...)
	k.mu.Unlock()
	if fresh {
		return nil
	}
	var errs []error
	for _, a := range known {
		list, err := k.ask(ctx, a)
		if err == nil {
			k.learn(list)
			return nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("no node of the cluster can be asked: %w", errors.Join(errs...))
}

// ask asks one node, which must not take up all the time if it does not answer.
func (k *cluster) ask(ctx context.Context, address string) ([]slotRange, error) {
	ctx, cancel := context.WithTimeout(ctx, k.client.opts.SocketTimeout/4)
	defer cancel()
	replies, err := k.at(address).Run(ctx, Command{Name: "CLUSTER", Args: []any{"SLOTS"}})
	if err != nil {
		return nil, err
	}
	if e, bad := replies[0].(redis.Error); bad {
		return nil, fmt.Errorf("redis at %s: %w", address, e)
	}
	list := parseSlots(replies[0], address)
	if len(list) == 0 {
		return nil, fmt.Errorf("redis at %s knows no slots", address)
	}
	return list, nil
}

// learn takes the slots over and forgets nodes that have none.
func (k *cluster) learn(list []slotRange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.slots[:])
	has := map[string]bool{}
	for _, r := range list {
		n := k.atLocked(r.master)
		has[r.master] = true
		for i := r.first; i <= r.last; i++ {
			k.slots[i] = n
		}
	}
	for a, n := range k.nodes {
		if !has[a] {
			n.pool.Close()
			delete(k.nodes, a)
		}
	}
	k.asked = time.Now()
}

// errands are commands on their way, by their places in the request.
type errands struct {
	commands []Command
	replies  []any
	open     []int
	ask      map[int]string // where to go once, as an exception
	mu       sync.Mutex
	lost     error // of a command that must not be sent again
	late     bool  // somebody asked for patience
	moved    bool  // the slots are not what we think
}

// rounds is how often commands are sent on before their errors are believed.
const rounds = 8

// run sends every command to the node of its key, and after it when it has moved.
func (k *cluster) run(ctx context.Context, commands []Command) ([]any, error) {
	if len(k.masters()) == 0 {
		if err := k.refresh(ctx); err != nil {
			return nil, err
		}
	}
	e := &errands{commands: commands, replies: make([]any, len(commands)), ask: map[int]string{}}
	for i := range commands {
		e.open = append(e.open, i)
	}
	for round := range rounds {
		k.round(ctx, e)
		switch {
		case e.lost != nil:
			return nil, e.lost
		case len(e.open) == 0:
			return e.replies, nil
		case e.late:
			if err := pause(ctx, 20*time.Millisecond<<round); err != nil {
				return nil, err
			}
		}
		if e.moved {
			if err := k.refresh(ctx); err != nil {
				return nil, err
			}
		}
		e.late, e.moved = false, false
	}
	return e.replies, nil // with the errors of the last round
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// round sends all open commands, to all nodes at the same time.
func (k *cluster) round(ctx context.Context, e *errands) {
	type group struct {
		node *Node
		ask  bool
	}
	groups := map[group][]int{}
	for _, i := range e.open {
		g := group{node: nil}
		if to := e.ask[i]; to != "" {
			g = group{k.at(to), true}
		} else {
			g.node = k.node(e.commands[i].Key)
		}
		groups[g] = append(groups[g], i)
	}
	e.open, e.ask = nil, map[int]string{}
	var all sync.WaitGroup
	for g, list := range groups {
		all.Go(func() { k.send(ctx, e, g.node, g.ask, list) })
	}
	all.Wait()
}

// send sends some of the commands to a node and sorts its replies.
func (k *cluster) send(ctx context.Context, e *errands, n *Node, ask bool, list []int) {
	var batch []Command
	for _, i := range list {
		if ask {
			batch = append(batch, Command{Name: "ASKING"})
		}
		batch = append(batch, e.commands[i])
	}
	replies, err := n.Run(ctx, batch...)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		k.failed(ctx, e, list, err)
		return
	}
	for at, i := range list {
		if ask {
			at = 2*at + 1
		}
		e.replies[i] = replies[at]
		k.sort(e, i, n)
	}
}

// failed decides whether commands are sent again after a connection did not last.
func (k *cluster) failed(ctx context.Context, e *errands, list []int, err error) {
	_, not := errors.AsType[unsent](err)
	if ctx.Err() != nil || !not && !harmless(pick(e.commands, list)) {
		e.lost = err
		return
	}
	e.open = append(e.open, list...)
	e.moved, e.late = true, true
	for _, i := range list {
		e.replies[i] = redis.Error("ERR " + err.Error())
	}
}

func pick(commands []Command, list []int) []Command {
	var some []Command
	for _, i := range list {
		some = append(some, commands[i])
	}
	return some
}

// sort looks whether a reply is a request to try elsewhere or later.
func (k *cluster) sort(e *errands, i int, n *Node) {
	reply := e.replies[i]
	switch {
	case is(reply, "MOVED"):
		if slot, to, ok := redirection(reply.(redis.Error), n.Address); ok {
			k.move(slot, to)
		}
		e.moved = true
	case is(reply, "ASK"):
		_, to, ok := redirection(reply.(redis.Error), n.Address)
		if !ok {
			return
		}
		e.ask[i] = to
	case is(reply, "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"):
		e.late, e.moved = true, true
	default:
		return
	}
	e.open = append(e.open, i)
}

// move notes the new place of one slot.
func (k *cluster) move(slot int, to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slots[slot] = k.atLocked(to)
}

func (k *cluster) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, n := range k.nodes {
		errs = append(errs, n.pool.Close())
	}
	return errors.Join(errs...)
}
