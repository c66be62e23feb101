package webservertornado

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"gambolputty/actor"
	"gambolputty/stages/cluster/pack"
	"gambolputty/stages/cluster/packconfiguration"
)

// herd is the module that knows the other nodes, whatever its id.
type herd interface {
	View() pack.View
	Leave(ctx context.Context) error
	StepDown() error
	Remove(ctx context.Context, node string) error
}

// sharer is the module that shares the configuration with them.
type sharer interface {
	View() any
	Approve(ctx context.Context, who packconfiguration.Who, hash string) error
	Rollback(ctx context.Context, who packconfiguration.Who, n int64) (int64, error)
	Difference(n int64) (packconfiguration.Difference, error)
	History() packconfiguration.History
}

// found returns the service of a kind, by what it can do.
func found[T any](env actor.Env) (T, bool) {
	for _, s := range env.Status() {
		if s.Spec.Role != actor.StandAlone {
			continue
		}
		if t, ok := actor.Find[T](env, s.ID); ok {
			return t, true
		}
	}
	var none T
	return none, false
}

// packView answers with the nodes of the pack, and with what is known of their configuration.
// Both are null where there is no such module.
func (s *server) packView(w http.ResponseWriter, _ *http.Request) {
	view := map[string]any{"pack": nil, "configuration": nil}
	if h, ok := found[herd](s.env); ok {
		view["pack"] = h.View()
	}
	if c, ok := found[sharer](s.env); ok {
		view["configuration"] = c.View()
	}
	s.answer(w, view)
}

// sharing is the module that shares the configuration; without one the request is answered.
func (s *server) sharing(w http.ResponseWriter, r *http.Request) (sharer, bool) {
	c, ok := found[sharer](s.env)
	if !ok {
		s.fail(w, r, http.StatusConflict, "there is no PackConfiguration in the configuration")
	}
	return c, ok
}

// whoever is who makes a request, for the history.
func whoever(r *http.Request) packconfiguration.Who {
	id := who(r)
	w := packconfiguration.Who{User: id.name, Address: peer(r).String(), Via: "api"}
	if id.how == byNobody {
		w.User = "anybody"
	}
	switch {
	case strings.HasPrefix(r.UserAgent(), "gambolputty"):
		w.Via = "cli"
	case id.how == bySession || r.Header.Get("Sec-Fetch-Mode") != "":
		w.Via = "page"
	}
	return w
}

// approve lets a revision be used that waits for it.
func (s *server) approve(w http.ResponseWriter, r *http.Request) {
	c, ok := s.sharing(w, r)
	if !ok {
		return
	}
	var asked struct {
		Hash string `json:"hash"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Hash == "" {
		s.fail(w, r, http.StatusBadRequest, `the body must be {"hash": "..."}, with the hash of the revision`)
		return
	}
	s.acted(r, "approve a revision", "hash", asked.Hash)
	if err := c.Approve(r.Context(), whoever(r), asked.Hash); err != nil {
		s.fail(w, r, http.StatusConflict, err.Error())
		return
	}
	s.accepted(w, map[string]any{"approved": asked.Hash})
}

// rollback makes a former revision the newest one. That takes as long as a reload.
func (s *server) rollback(w http.ResponseWriter, r *http.Request) {
	c, ok := s.sharing(w, r)
	if !ok {
		return
	}
	var asked struct {
		N int64 `json:"n"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.N < 0 {
		s.fail(w, r, http.StatusBadRequest, `the body must be {"n": 5}, with the number of the revision, or {} for the one before`)
		return
	}
	s.acted(r, "roll a revision back", "revision", asked.N)
	n, err := c.Rollback(r.Context(), whoever(r), asked.N)
	if err != nil {
		s.fail(w, r, http.StatusConflict, err.Error())
		return
	}
	s.accepted(w, map[string]any{"revision": n})
}

// packHistory answers with the revisions that there were, and with who did what about them.
func (s *server) packHistory(w http.ResponseWriter, r *http.Request) {
	if c, ok := s.sharing(w, r); ok {
		s.answer(w, c.History())
	}
}

// packDifference compares what runs with the revision that waits, or with one of the history.
// Secrets are masked on both sides.
func (s *server) packDifference(w http.ResponseWriter, r *http.Request) {
	c, ok := s.sharing(w, r)
	if !ok || !s.hasProgram(w, r) {
		return
	}
	var number int64
	if text := r.URL.Query().Get("revision"); text != "" {
		var err error
		if number, err = strconv.ParseInt(text, 10, 64); err != nil || number < 1 {
			s.fail(w, r, http.StatusBadRequest, "revision must be a number from 1 on")
			return
		}
	}
	d, err := c.Difference(number)
	if err != nil {
		s.fail(w, r, http.StatusNotFound, err.Error())
		return
	}
	loader, hidden := s.program.Loader(), d.Before.Text != d.After.Text
	d.Before.Text, d.After.Text = loader.Mask(d.Before.Text), loader.Mask(d.After.Text)
	name := func(side packconfiguration.Side) string { return fmt.Sprintf("revision %d %.8s", side.N, side.Hash) }
	s.answer(w, map[string]any{
		"before": d.Before, "after": d.After, "unified": packconfiguration.Unified(name(d.Before), name(d.After), d.Before.Text, d.After.Text),
		"only_hidden": hidden && d.Before.Text == d.After.Text,
	})
}

// stepDown makes this node give up the role of the leader.
func (s *server) stepDown(w http.ResponseWriter, r *http.Request) {
	s.withdraw(w, r, "step down as the leader", "stepped_down", func(h herd) error { return h.StepDown() })
}

// leavePack makes this node leave the pack; its events go on.
func (s *server) leavePack(w http.ResponseWriter, r *http.Request) {
	s.withdraw(w, r, "leave the pack", "left", func(h herd) error { return h.Leave(r.Context()) })
}

// withdraw does what this node gives up, and answers with its name under a key.
func (s *server) withdraw(w http.ResponseWriter, r *http.Request, what, key string, do func(herd) error) {
	h, ok := found[herd](s.env)
	if !ok {
		s.fail(w, r, http.StatusConflict, "there is no Pack in the configuration")
		return
	}
	node := h.View().Node
	s.acted(r, what, "node", node)
	if err := do(h); err != nil {
		s.fail(w, r, http.StatusConflict, err.Error())
		return
	}
	s.answer(w, map[string]any{key: node})
}

// removeFromPack removes a node that is gone from the pack.
func (s *server) removeFromPack(w http.ResponseWriter, r *http.Request) {
	h, ok := found[herd](s.env)
	if !ok {
		s.fail(w, r, http.StatusConflict, "there is no Pack in the configuration")
		return
	}
	var asked struct {
		Node string `json:"node"`
	}
	if !s.read(w, r, &asked) {
		return
	}
	if asked.Node == "" {
		s.fail(w, r, http.StatusBadRequest, `the body must be {"node": "..."}, with the name of the node`)
		return
	}
	s.acted(r, "remove a node from the pack", "node", asked.Node)
	if err := h.Remove(r.Context(), asked.Node); err != nil {
		s.fail(w, r, http.StatusConflict, err.Error())
		return
	}
	s.answer(w, map[string]any{"removed": asked.Node})
}

// inPack reports whether there is a pack to show.
func (s *server) inPack() bool {
	_, ok := found[herd](s.env)
	return ok
}

// degraded says what is not as it should be, although events flow and a restart would not help.
func (s *server) degraded() (reasons []string) {
	if h, ok := found[herd](s.env); ok && h.View().State == "conflicted" {
		reasons = append(reasons, "conflicted: another node leads the pack, and this one should")
	}
	if c, ok := found[sharer](s.env); ok {
		if v, ok := c.View().(packconfiguration.View); ok && v.State == packconfiguration.Waiting {
			reasons = append(reasons, string(v.State))
		}
	}
	return reasons
}

// packMetrics are the figures of the pack.
type packMetrics struct {
	env                   actor.Env
	members, leader, term *prometheus.Desc
	failed, foreign       *prometheus.Desc
}

func newPackMetrics(env actor.Env) *packMetrics {
	return &packMetrics{
		env:     env,
		members: prometheus.NewDesc("gambolputty_pack_members", "Nodes of the pack, this one among them, by their state.", []string{"pack", "state"}, nil),
		leader:  prometheus.NewDesc("gambolputty_pack_leader", "1 if this node leads the pack.", []string{"pack"}, nil),
		term:    prometheus.NewDesc("gambolputty_pack_term", "Term of the leader, 0 without one.", []string{"pack"}, nil),
		failed:  prometheus.NewDesc("gambolputty_pack_failed_probes_total", "Probes of other nodes that were not answered in time.", []string{"pack"}, nil),
		foreign: prometheus.NewDesc("gambolputty_pack_foreign_total", "Packets and streams that no node of this pack has sent: of another protocol, sealed with another secret, or without a certificate.", []string{"pack"}, nil),
	}
}

// Describe says that the series are known when they are asked for.
func (*packMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect counts the nodes.
func (c *packMetrics) Collect(out chan<- prometheus.Metric) {
	h, ok := found[herd](c.env)
	if !ok {
		return
	}
	v := h.View()
	count, leads := map[pack.State]int{}, 0.0
	for _, m := range v.Members {
		count[m.State]++
	}
	if v.State == "leading" {
		leads = 1
	}
	for _, s := range pack.States() {
		out <- prometheus.MustNewConstMetric(c.members, prometheus.GaugeValue, float64(count[s]), v.Pack, string(s))
	}
	out <- prometheus.MustNewConstMetric(c.leader, prometheus.GaugeValue, leads, v.Pack)
	counted := ownCounts(c.env, pack.Spec.Name)
	out <- prometheus.MustNewConstMetric(c.failed, prometheus.CounterValue, float64(counted["failed_probes"]), v.Pack)
	out <- prometheus.MustNewConstMetric(c.foreign, prometheus.CounterValue, float64(counted["foreign"]+counted["wrong_secret"]+counted["wrong_certificate"]), v.Pack)
	out <- prometheus.MustNewConstMetric(c.term, prometheus.GaugeValue, float64(v.Term), v.Pack)
}

// ownCounts are the counters that only modules of a class have.
func ownCounts(env actor.Env, class string) map[string]int64 {
	counted := map[string]int64{}
	for _, m := range env.Status() {
		if m.Spec.Name == class {
			m.Meter.EachOwn(func(name string, n int64) { counted[name] += n })
		}
	}
	return counted
}
