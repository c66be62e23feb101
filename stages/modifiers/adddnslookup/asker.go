package adddnslookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// asker asks name servers.
type asker struct {
	servers []string
	timeout time.Duration
}

const (
	// udpSize is the size of an answer that comes through without being cut into pieces.
	udpSize = 1232
	// maxHops bounds how many other names a name may lead to.
	maxHops = 8
)

// records asks for the records of a name, and of the names it stands for.
func (k *asker) records(ctx context.Context, name string, kind uint16) (a answer, ttl time.Duration) {
	ttl = time.Duration(1<<63 - 1)
	for range maxHops {
		reply, err := k.race(ctx, name, kind)
		if err != nil {
			return answer{err: err}, 0
		}
		values, next, least := pick(reply, name, kind)
		ttl = min(ttl, least)
		switch {
		case len(values) > 0:
			return answer{values: values}, ttl
		case next == name:
			return answer{err: errNotFound}, 0
		}
		name = next
	}
	return answer{err: errors.New("the name leads to too many others")}, 0
}

// race asks the first server and, when there is no answer after a while or it fails, also
// the next one. Who asks only one server asks it twice, as packets get lost. The first good
// answer counts.
func (k *asker) race(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tries := k.servers
	if len(tries) == 1 {
		tries = []string{tries[0], tries[0]}
	}
	type outcome struct {
		reply *dns.Msg
		err   error
	}
	outcomes := make(chan outcome, len(tries))
	started, ended := 0, 0
	start := func() {
		server := tries[started]
		started++
		go func() {
			reply, err := k.ask(ctx, server, name, kind)
			outcomes <- outcome{reply, err}
		}()
	}
	defer func() {
		cancel()
		for ; ended < started; ended++ {
			<-outcomes // nobody is left behind
		}
	}()
	start()
	patience := time.NewTicker(max(time.Millisecond, k.timeout/time.Duration(len(tries))))
	defer patience.Stop()
	var errs []error
	for {
		select {
		case o := <-outcomes:
			ended++
			if o.err == nil {
				return o.reply, nil
			}
			if errs = append(errs, o.err); started < len(tries) {
				start()
			} else if ended == started {
				return nil, told(errs)
			}
		case <-patience.C:
			if started < len(tries) {
				start()
			}
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("there was no answer in time: %w", context.Cause(ctx)), told(errs))
		}
	}
}

// told joins errors without saying one of them twice.
func told(errs []error) error {
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(slices.CompactFunc(errs, func(a, b error) bool { return a.Error() == b.Error() })...)
}

// ask asks one server, by TCP if the answer does not fit into a packet. NXDOMAIN is an
// answer.
func (k *asker) ask(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	m.SetEdns0(udpSize, false)
	reply, err := k.exchange(ctx, "udp", server, m)
	if err == nil && reply.Rcode == dns.RcodeFormatError { // it is too old for the extension
		m.Extra = nil
		reply, err = k.exchange(ctx, "udp", server, m)
	}
	if err == nil && reply.Truncated {
		reply, err = k.exchange(ctx, "tcp", server, m)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", server, err)
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("%s answered %s", server, cmp.Or(dns.RcodeToString[reply.Rcode], "an unknown error"))
	}
	return reply, nil
}

var errForeign = errors.New("the answer is to another question")

// exchange sends a question and reads the answer, until ctx ends.
func (k *asker) exchange(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: k.timeout, UDPSize: udpSize}
	conn, err := c.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close() // it is not needed again
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	reply, _, err := c.ExchangeWithConnContext(ctx, m, conn)
	if err != nil {
		return nil, err
	}
	if len(reply.Question) != 1 || reply.Question[0].Qtype != m.Question[0].Qtype || !strings.EqualFold(reply.Question[0].Name, m.Question[0].Name) {
		return nil, errForeign
	}
	return reply, nil
}

// pick takes the records of a name out of an answer. next is another name that it stands for
// at last, or the name itself. ttl is the shortest of all that was used.
func pick(reply *dns.Msg, name string, kind uint16) (values []string, next string, ttl time.Duration) {
	least := uint32(1<<32 - 1)
	for range maxHops {
		i := slices.IndexFunc(reply.Answer, func(rr dns.RR) bool {
			return rr.Header().Rrtype == dns.TypeCNAME && strings.EqualFold(rr.Header().Name, name)
		})
		if i < 0 || kind == dns.TypeCNAME {
			break
		}
		c, ok := reply.Answer[i].(*dns.CNAME)
		if !ok {
			break
		}
		name, least = c.Target, min(least, c.Hdr.Ttl)
	}
	var found []dns.RR
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == kind && strings.EqualFold(rr.Header().Name, name) {
			found = append(found, rr)
			least = min(least, rr.Header().Ttl)
		}
	}
	slices.SortStableFunc(found, byPreference)
	for _, rr := range found {
		if s, ok := text(rr); ok {
			values = append(values, s)
		}
	}
	return values, name, time.Duration(least) * time.Second
}

func byPreference(a, b dns.RR) int {
	x, ok1 := a.(*dns.MX)
	y, ok2 := b.(*dns.MX)
	if !ok1 || !ok2 {
		return 0
	}
	return cmp.Compare(x.Preference, y.Preference)
}

// text is what a record says. Names are without the final dot.
func text(rr dns.RR) (string, bool) {
	switch r := rr.(type) {
	case *dns.A:
		return r.A.String(), len(r.A) > 0
	case *dns.AAAA:
		return r.AAAA.String(), len(r.AAAA) > 0
	case *dns.PTR:
		return strings.TrimSuffix(r.Ptr, "."), r.Ptr != "."
	case *dns.MX:
		return strings.TrimSuffix(r.Mx, "."), r.Mx != "."
	case *dns.TXT:
		return strings.Join(r.Txt, ""), true
	}
	return "", false
}
