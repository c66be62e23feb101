package packconfiguration

import (
	"fmt"
	"slices"

	"gambolputty/config"
)

// running are the classes that run code or commands of whoever writes the configuration.
var running = map[string]bool{"ExecPython": true, "NmapScanner": true}

// filter leaves out what this node does not take. The error says why nothing can be taken.
// Modules for other groups of nodes stay in the list: they are not run, but may be named by others.
func (n *node) filter(list []config.Shared) (taken []config.Shared, err error) {
	taken = []config.Shared{}
	for _, s := range list {
		allowed := slices.Contains(n.opts.Allow, s.Class)
		switch {
		case n.ignored(s.ID, s.Class):
		case !s.For(n.opts.Groups):
			taken = append(taken, s)
		case running[s.Class] && !allowed:
			return nil, fmt.Errorf("%s runs code, and %s is not in allow_modules of node %s", s.ID, s.Class, n.pack.Name())
		case n.opts.Given["allow_modules"] && n.opts.Allow != nil && !allowed:
			n.env.Log.Info("a module of the leader is not taken, as allow_modules does not name its class", "id", s.ID, "class", s.Class)
		default:
			taken = append(taken, s)
		}
	}
	return taken, nil
}
