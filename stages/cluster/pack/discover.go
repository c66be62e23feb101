package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firstPause is the time before nodes of join that are not there are tried again; it doubles up
// to the interval.
const firstPause = 200 * time.Millisecond

// join gets to know nodes, as long as there are some that are not in the pack.
func (p *Pack) join(ctx context.Context) {
	pause := min(firstPause, p.opts.Interval)
	for {
		p.reach(p.missing(ctx))
		wait := time.NewTimer(pause)
		select {
		case addr := <-p.seeds:
			if !p.isHere(addr) {
				p.reach([]string{addr})
			}
		case <-wait.C:
			pause = min(2*pause, p.opts.Interval)
		case <-ctx.Done():
			wait.Stop()
			return
		}
		wait.Stop()
	}
}

// reach tries to get to know the nodes at some addresses.
func (p *Pack) reach(addrs []string) {
	for _, addr := range addrs {
		if p.net.over() {
			return
		}
		if _, err := p.gossip.Join([]string{addr}); err != nil {
			p.env.Count("failed_joins", 1)
			if p.strange.due("join " + addr) {
				p.env.Log.Warn("a node cannot be reached, it is tried again", "address", addr, "error", err)
			}
		}
	}
}

// missing are the addresses of nodes that should be there and are not: those of join, and
// those that have died, as the network may have been cut.
func (p *Pack) missing(ctx context.Context) (addrs []string) {
	own := p.net.advertise.String()
	for _, j := range p.opts.Join {
		found, err := p.lookUp(ctx, j)
		if err != nil && ctx.Err() == nil && p.strange.due("look up "+j) {
			p.env.Log.Warn("the name of a node is not known, it is tried again", "node", j, "error", err)
		}
		addrs = append(addrs, found...)
	}
	p.mu.Lock()
	for _, m := range p.members {
		if m.State == Dead {
			addrs = append(addrs, m.Address)
		}
	}
	p.mu.Unlock()
	slices.Sort(addrs)
	return slices.DeleteFunc(slices.Compact(addrs), func(a string) bool { return a == own || p.isHere(a) })
}

// lookUp finds the addresses behind an entry of join: those that a name has, or those of all
// targets of a service. What was found before an error counts.
func (p *Pack) lookUp(ctx context.Context, entry string) (addrs []string, err error) {
	name, isService := service(entry)
	if !isService {
		host, port, err := net.SplitHostPort(entry)
		if err != nil {
			host, port = entry, strconv.Itoa(p.opts.Port)
		}
		return p.addressesOf(ctx, host, port)
	}
	_, targets, err := p.resolver.LookupSRV(ctx, "", "", name) // some of them may be there all the same
	errs := []error{err}
	for _, t := range targets {
		found, err := p.addressesOf(ctx, strings.TrimSuffix(t.Target, "."), strconv.Itoa(int(t.Port)))
		errs, addrs = append(errs, err), append(addrs, found...)
	}
	return addrs, errors.Join(errs...)
}

func (p *Pack) addressesOf(ctx context.Context, host, port string) (addrs []string, err error) {
	found, err := p.resolver.LookupHost(ctx, host)
	for _, ip := range found {
		addrs = append(addrs, net.JoinHostPort(ip, port))
	}
	return addrs, err
}

// service is the name of a service whose SRV records name nodes, as in
// srv:_gambolputty._tcp.example.com or without the prefix.
func service(entry string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(entry, "srv:"); ok {
		return name, true
	}
	return entry, strings.HasPrefix(entry, "_")
}

// isHere reports whether the node at an address is in the pack.
func (p *Pack) isHere(addr string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.Address == addr && m.Here() {
			return true
		}
	}
	return false
}

// presence is what a broadcast says.
type presence struct {
	Address string `json:"address"`
}

// announce broadcasts that this node is there.
func (p *Pack) announce(ctx context.Context) {
	text, err := json.Marshal(presence{p.net.advertise.String()})
	if err != nil {
		return // it is made of a text
	}
	port := p.opts.Port
	if port == 0 {
		port = int(p.net.advertise.Port())
	}
	to := net.JoinHostPort(p.opts.Broadcast, strconv.Itoa(port))
	pause := p.opts.Interval
	for {
		if err := p.net.sendTo(hello, text, to); err != nil && ctx.Err() == nil {
			p.env.Warn("the broadcast cannot be sent, the node may stay alone", "broadcast", to, "error", err)
			pause = min(2*pause, max(time.Minute, p.opts.Interval))
		} else {
			pause = p.opts.Interval
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// greeted takes the broadcast of another node.
func (p *Pack) greeted(text []byte) {
	var there presence
	if json.Unmarshal(text, &there) != nil || p.isHere(there.Address) {
		return
	}
	select {
	case p.seeds <- there.Address:
	default: // it comes again
	}
}

// identity is the answer to who is behind an address.
type identity struct {
	Name   string `json:"name"`
	ID     string `json:"id"`
	Began  int64  `json:"began"`
	Others int    `json:"others"` // nodes that it knows
}

func (p *Pack) identity() identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	others := -1
	for _, m := range p.members {
		if m.Here() {
			others++
		}
	}
	return identity{p.name, p.self.ID, p.self.Began, others}
}

// meetRivals asks those that seem to have the name of this node, until this one has to go.
func (p *Pack) meetRivals(ctx context.Context, rejected chan<- error) {
	for {
		select {
		case addr := <-p.rivals:
			if err := p.meet(addr); err != nil {
				rejected <- err
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// meet asks a node that seems to have the name of this one. If it is there, the one that came
// later must go: the one that is alone, else the one that began later.
func (p *Pack) meet(addr string) error {
	there, err := p.ask(addr)
	here := p.identity()
	if err != nil || there.Name != p.name || there.ID == here.ID {
		p.env.Log.Warn("a former process of this node is still taken for alive", "address", addr)
		return nil
	}
	later := there.Began < here.Began || there.Began == here.Began && there.ID < here.ID
	switch {
	case here.Others == 0 && there.Others > 0:
		later = true
	case here.Others > 0 && there.Others == 0:
		later = false
	}
	if later {
		return fmt.Errorf("there is a node %q at %s already; node_name must be different on every node", p.name, addr)
	}
	p.env.Log.Error("another node has the name of this one and was refused", "node", p.name, "address", addr)
	return nil
}

// ask asks who is behind an address.
func (p *Pack) ask(addr string) (there identity, err error) {
	c, err := p.net.dial(who, addr, proofTime)
	if err != nil {
		return there, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(proofTime)); err != nil {
		return there, err
	}
	if _, err := c.Write([]byte("?")); err != nil {
		return there, err
	}
	return there, json.NewDecoder(c).Decode(&there)
}
