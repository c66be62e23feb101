package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// origin stands for all that n is made from: two modules with the same one are alike. That
// the files which the options name are the same is told by their sizes and times.
func (m *Module) origin(n actor.Node) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s %s %v\n", m.Spec.Name, n.OnError, n.FaultTag, n.Restart)
	if m.Spec.Role != actor.Input && m.Spec.Role != actor.StandAlone { // which have no inbox
		fmt.Fprintf(h, "%d %t %d\n", n.Workers, n.Ordered, n.Inbox)
	}
	if m.options != nil {
		for _, p := range m.sorted() {
			fmt.Fprintf(h, "%s=", m.canonical(p.Key.Text))
			writeValue(h, p.Value)
		}
	}
	if r, ok := m.Opts.(actor.Reader); ok {
		for _, f := range r.Reads() {
			writeFile(h, f)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// apart are the options that can change while a module goes on.
var apart = []string{"receivers", "log_level", "id"}

// sorted are the options that were given, in an order that does not depend on the file.
func (m *Module) sorted() []option.Pair {
	var list []option.Pair
	for _, p := range m.options.Pairs {
		if !slices.Contains(apart, m.canonical(p.Key.Text)) {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b option.Pair) int {
		return strings.Compare(m.canonical(a.Key.Text), m.canonical(b.Key.Text))
	})
	return list
}

func writeValue(h hash.Hash, v *option.Value) {
	fmt.Fprintf(h, "%d:%d:%s", v.Kind, len(v.Text), v.Text)
	for _, item := range v.Items {
		fmt.Fprint(h, "-")
		writeValue(h, item)
	}
	for _, p := range v.Pairs {
		writeValue(h, p.Key)
		writeValue(h, p.Value)
	}
	fmt.Fprint(h, ";")
}

func writeFile(h hash.Hash, f actor.File) {
	if f.Live {
		return
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return
	}
	fmt.Fprintf(h, "%s %d %d\n", f.Path, info.Size(), info.ModTime().UnixNano())
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return // it is a file
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(h, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
}
