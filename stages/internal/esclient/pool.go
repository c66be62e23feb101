package esclient

import (
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/olivere/elastic/v7"
)

// restTime is how long a node that failed is left alone while there are others.
const restTime = time.Minute

// pool knows the nodes. The library sends requests to them in turn; once a node has failed
// or has rested, it gets the list anew.
type pool struct {
	doer       elastic.Doer
	configured []string
	now        func() time.Time

	mu      sync.Mutex
	nodes   []string             // the configured ones and what was found
	resting map[string]time.Time // since when, by origin
	given   []string             // what the library has
	library *elastic.Client
}

func newPool(doer elastic.Doer, urls []string) *pool {
	return &pool{doer: doer, configured: urls, nodes: slices.Clone(urls), now: time.Now, resting: map[string]time.Time{}}
}

// client returns the library for the nodes that are fit.
func (p *pool) client() (*elastic.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fit := p.fit()
	if p.library != nil && slices.Equal(fit, p.given) {
		return p.library, nil
	}
	// Neither sniffing nor health checks of the library: the one may replace nodes that work
	// by addresses that lead nowhere, the other keeps a program from starting before its
	// server. The simple client has no goroutines.
	c, err := elastic.NewSimpleClient(elastic.SetURL(fit...), elastic.SetHttpClient(p.doer), elastic.SetSniff(false), elastic.SetHealthcheck(false))
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	p.library, p.given = c, fit
	return c, nil
}

// fit are the nodes that do not rest, or all if there is none, those first that failed
// first.
func (p *pool) fit() []string {
	var list []string
	for _, n := range p.nodes {
		since, rests := p.resting[origin(n)]
		if rests && p.now().Sub(since) >= restTime {
			delete(p.resting, origin(n))
			rests = false
		}
		if !rests {
			list = append(list, n)
		}
	}
	if len(list) > 0 {
		return list
	}
	list = slices.Clone(p.nodes)
	slices.SortStableFunc(list, func(a, b string) int { return p.resting[origin(a)].Compare(p.resting[origin(b)]) })
	return list
}

// Failed lets a node rest. The library is made anew, because it keeps to itself which nodes
// it has given up.
func (p *pool) Failed(node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting[origin(node)] = p.now()
	p.library = nil
}

// worked ends the rest of a node.
func (p *pool) worked(node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.resting, origin(node))
}

// found adds nodes to the configured ones, instead of those found before.
func (p *pool) found(urls []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nodes = slices.Clone(p.configured)
	for _, u := range urls {
		if !slices.ContainsFunc(p.nodes, func(n string) bool { return origin(n) == origin(u) }) {
			p.nodes = append(p.nodes, u)
		}
	}
}

// origin is the part of a URL that says which node it is.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	return u.Scheme + "://" + u.Host
}
