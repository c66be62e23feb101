// Package packconfiguration gives the modules of the leader of a pack to all of its followers.
package packconfiguration

import (
	"context"
	"crypto/ed25519"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

//go:embed packconfiguration.md
var doc string

// Spec is the PackConfiguration module.
var Spec = actor.DefineService(actor.Info{
	Name:    "PackConfiguration",
	Aliases: []string{"cluster.PackConfiguration"},
	Role:    actor.StandAlone,
	Summary: "Gives the modules of the leader of a pack to its followers, and keeps them the same.",
	Doc:     doc,
	Once:    true,
	Example: `- PackConfiguration:
    ignore_modules: [WebGui, WebserverTornado]
    interval: 10
- Pack:
    name: logpack
    secret: ${PACK_SECRET:-change this secret}
    join: [log1.example.com]
    pack: follower
`,
}, Options{Pack: "Pack", Interval: time.Minute, Mode: "apply", Approve: "auto", CanaryTime: 10 * time.Minute}, New)

// Options of the PackConfiguration module.
type Options struct {
	Given      option.Given
	Pack       string        `opt:"pack" doc:"Id of the Pack module."`
	Ignore     []string      `opt:"ignore_modules" doc:"Names or ids of modules that are not shared: a leader does not send them, a follower does not take them."`
	Interval   time.Duration `opt:"interval" min:"50ms" doc:"How often the leader looks whether its configuration has changed."`
	Mode       string        `opt:"mode" enum:"apply|report" doc:"apply puts what the leader sends into effect, report only tells what would change."`
	Approve    string        `opt:"approve" enum:"auto|manual" doc:"With manual, every revision waits until somebody approves it: on the leader before any node gets it, on a follower before that node uses it."`
	Canary     int           `opt:"canary" min:"0" doc:"Leader: number of followers that get a revision first. 0 gives it to all at once."`
	CanaryTime time.Duration `opt:"canary_time" min:"50ms" doc:"Leader: how long the first followers must run a revision without an error before the others get it."`
	Groups     []string      `opt:"groups" doc:"Groups that this node is in. A module with only_groups runs only on nodes that are in one of them."`
	SignKey    string        `opt:"sign_key" null:"true" doc:"Leader: file with the private key, made by gambolputty pack keygen, that signs revisions."`
	Trusted    []string      `opt:"trusted_keys" doc:"Public keys. If there are some, only revisions are taken that one of them has signed."`
	CacheFile  string        `opt:"cache_file" null:"true" doc:"File in which a node keeps what it has got, for a start without a leader. The history of revisions is kept beside it, with .history behind the name. The default is the name of the configuration with .pack behind it."`
	Allow      []string      `opt:"allow_modules" null:"true" doc:"If set, only modules of these classes are taken from the leader. Those that run code, such as ExecPython, are taken only if they stand here."`
}

// Uses names the Pack.
func (o *Options) Uses() []actor.Need {
	return []actor.Need{{Option: "pack", ID: o.Pack, Kinds: []string{pack.Spec.Name}}}
}

// NodeGroups are the groups that this node is in.
func (o *Options) NodeGroups() []string { return o.Groups }

// Validate looks at the keys.
func (o *Options) Validate() error {
	var errs []error
	for _, text := range o.Trusted {
		if _, err := PublicKey(text); err != nil {
			errs = append(errs, &option.Fault{Option: "trusted_keys", Code: option.Contradiction, Message: err.Error(), Hint: "write what gambolputty pack keygen prints"})
		}
	}
	return errors.Join(errs...)
}

// Reads names the file with the private key.
func (o *Options) Reads() []actor.File {
	if o.SignKey == "" {
		return nil
	}
	return []actor.File{{Option: "sign_key", Path: o.SignKey}}
}

// Program is what the module asks of the program that it is part of.
type Program interface {
	// Plan is the configuration that runs.
	Plan() *config.Plan
	// Refresh reads the configuration again if its files have changed.
	Refresh()
	// Take puts modules of the leader into effect beside the own ones, or in their place, unless ctx
	// has ended. The error is a *config.InvalidError if they are not valid; all goes on as before then.
	Take(ctx context.Context, list []config.Shared, instead *config.Instead) (actor.Change, error)
	// Try says what is wrong with modules of the leader, and does nothing else.
	Try(list []config.Shared) error
}

// node is the work of the module.
type node struct {
	env     actor.Env
	opts    Options
	program Program
	pack    *pack.Pack
	cache   string
	signer  ed25519.PrivateKey // nil if revisions are not signed

	incoming  chan revision
	reports   chan struct{} // a node has reported
	approvals chan approval
	retreats  chan retreat
	taken     chan outcome
	sent      chan delivery

	mu      sync.Mutex
	self    Report            // of this node
	nodes   map[string]Report // of the others, as far as they have told
	next    *revision         // waits for approval, or is only reported
	current revision          // what the others are given, or what this node uses
	staged  *staged           // what some get first
	book    book

	// Only Serve touches what follows.
	held     revision // the last good one, or that which this leader gives to all
	newest   revision // the newest that was seen, whatever has become of it
	pending  *revision
	busy     bool
	unsaved  bool
	failed   string          // hash of the last revision that could not be used
	shared   []config.Shared // what the program has been given
	away     string          // hash of the own modules that have been rolled back
	noWay    string          // the same, if what should stand in their place does not run
	seen     *config.Plan    // was looked at for a change of the own modules
	restarts map[string]int64
	lead     leadership
	told     string // the leader that was told last
}

// New makes a PackConfiguration.
func New(env actor.Env, o Options) (actor.Service, error) {
	return &node{
		env: env, opts: o, incoming: make(chan revision), reports: make(chan struct{}, 1), approvals: make(chan approval), retreats: make(chan retreat),
		taken: make(chan outcome, 1), sent: make(chan delivery, 16), nodes: map[string]Report{}, lead: leadership{tried: map[string]attempt{}},
	}, nil
}

// Open finds the pack and the program.
func (n *node) Open(context.Context) (err error) {
	if n.env.CheckOnly {
		return nil
	}
	var ok bool
	if n.program, ok = actor.Offered[Program](n.env); !ok {
		return errors.New("the program does not let its configuration be changed")
	}
	if n.pack, ok = actor.Find[*pack.Pack](n.env, n.opts.Pack); !ok {
		return fmt.Errorf("there is no Pack %s", n.opts.Pack)
	}
	if n.opts.SignKey != "" {
		if n.signer, err = readKey(n.opts.SignKey); err != nil {
			return fmt.Errorf("sign_key: %w", err)
		}
	}
	n.cache = n.opts.CacheFile
	if files := n.program.Plan().Files; n.cache == "" && len(files) > 0 {
		n.cache = files[0] + ".pack"
	}
	n.self = Report{Node: n.pack.Name(), State: Waiting}
	return nil
}

// Waits keeps a program going that has no modules of its own yet.
func (n *node) Waits() bool { return n.pack != nil && n.pack.View().Role != "leader" }

// Serve gives and takes until ctx ends.
func (n *node) Serve(ctx context.Context) error {
	if n.pack == nil {
		<-ctx.Done()
		return nil
	}
	if err := n.started(ctx); err != nil {
		return nil //nolint:nilerr // ctx has ended
	}
	n.openBook()
	n.pack.On(actionRevision, n.offered(ctx))
	n.pack.On(actionReport, n.reported)
	defer n.pack.On(actionRevision, nil)
	defer n.pack.On(actionReport, nil)
	if n.Waits() {
		n.restore(ctx)
	}
	look := time.NewTicker(n.opts.Interval)
	defer look.Stop()
	again := time.NewTicker(min(time.Second, n.opts.Interval))
	defer again.Stop()
	for {
		changed := n.pack.Changes()
		n.keepAway()
		n.follow(ctx)
		n.leading(ctx)
		select {
		case <-changed:
		case <-again.C:
			n.examine(ctx)
		case <-n.reports:
		case <-look.C:
			n.look()
		case r := <-n.incoming:
			n.pending = &r
		case a := <-n.approvals:
			n.approved(ctx, a)
		case r := <-n.retreats:
			n.rollback(ctx, r)
		case o := <-n.taken:
			n.finish(o)
		case d := <-n.sent:
			n.delivered(d)
		case <-ctx.Done():
			return nil
		}
	}
}

// started waits until all modules run, as nothing can be changed before.
func (n *node) started(ctx context.Context) error {
	for n.env.Phase() == actor.Starting {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// look reads the configuration of a leader again, and tries again what could not be saved.
func (n *node) look() {
	if n.unsaved {
		n.save()
	}
	if n.book.unsaved {
		n.saveBook()
	}
	if n.pack.Leads() {
		go n.program.Refresh() // which may take the modules of this program away
	}
}

// ignored reports whether a module is not shared.
func (n *node) ignored(id, class string) bool {
	return class == Spec.Name || class == pack.Spec.Name || slices.Contains(n.opts.Ignore, id) || slices.Contains(n.opts.Ignore, class)
}
