package esclient

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
)

// sniffTime is how long a node that was found may take to answer.
const sniffTime = 3 * time.Second

// Sniff asks for the nodes of the cluster. The configured ones stay in use, and only those
// that answer are added.
func (c *Client) Sniff(ctx context.Context, env actor.Env, compatible int) {
	addresses, err := c.addresses(ctx, compatible)
	if err != nil {
		env.Warn("the nodes of the cluster cannot be found", "error", err)
		return
	}
	reached := make([]string, len(addresses))
	var all sync.WaitGroup
	for i, a := range addresses {
		all.Go(func() {
			if u := c.scheme + "://" + a + c.prefix; c.reaches(ctx, u) {
				reached[i] = u
			}
		})
	}
	all.Wait()
	reached = slices.DeleteFunc(reached, func(u string) bool { return u == "" })
	c.found(reached)
	env.Log.Debug("the cluster named its nodes", "nodes", addresses, "reached", reached)
}

// addresses lists the nodes that take documents.
func (c *Client) addresses(ctx context.Context, compatible int) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, exchangeKey{}, &Exchange{Compatible: compatible}), c.limit)
	defer cancel()
	es, err := c.client()
	if err != nil {
		return nil, err
	}
	info, err := es.NodesInfo().Metric("http").Do(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, n := range info.Nodes {
		if n.HTTP == nil || len(n.Roles) == 1 && (n.Roles[0] == "master" || n.Roles[0] == "cluster_manager") {
			continue
		}
		if a := hostPort(n.HTTP.PublishAddress); a != "" {
			list = append(list, a)
		}
	}
	slices.Sort(list)
	return list, nil
}

// hostPort reads an address as nodes publish it: 10.0.0.1:9200, es1/10.0.0.1:9200, and
// inet[es1/10.0.0.1:9200] of the first servers. A name is better than a number, because
// certificates are made for names.
func hostPort(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "inet["), "]")
	host, address, named := strings.Cut(s, "/")
	if !named {
		return s
	}
	port := address[strings.LastIndexByte(address, ':')+1:]
	if host == "" {
		return address
	}
	return host + ":" + port
}

// reaches reports whether a node answers.
func (c *Client) reaches(ctx context.Context, node string) bool {
	ctx, cancel := context.WithTimeout(ctx, sniffTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, node+"/", nil)
	if err != nil {
		return false
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	res, err := c.http.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close() // there is none
	return res.StatusCode < http.StatusInternalServerError
}
