package packconfiguration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"gambolputty/config"
)

// restore uses what was kept when there was a leader.
func (n *node) restore(ctx context.Context) {
	text, err := os.ReadFile(n.cache)
	if errors.Is(err, os.ErrNotExist) || n.opts.Mode == "report" {
		return
	}
	var r revision
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(text)).Decode(&r)
	}
	if err == nil && config.HashShared(r.Modules) != r.Hash {
		err = errors.New("it has another hash than it says")
	}
	if err != nil {
		n.env.Log.Error("the kept revision cannot be read, the one of the leader will take its place", "file", n.cache, "error", err)
		return
	}
	if r.Pack != n.pack.View().Pack {
		n.env.Log.Warn("the kept revision is of another pack and not used", "file", n.cache, "pack", r.Pack)
		return
	}
	if err := n.trusts(r); err != nil {
		n.env.Log.Error("the kept revision is not used", "file", n.cache, "error", err)
		return
	}
	n.newest = r
	list, err := n.filter(r.Modules)
	if err != nil {
		n.settle(r, Rejected, err.Error())
		return
	}
	n.env.Log.Info("the kept revision is used until there is a newer one", "file", n.cache)
	n.use(ctx, r, list, true)
}

// save keeps the last good revision for a start without a leader.
func (n *node) save() {
	text, err := json.Marshal(n.held)
	if err == nil {
		err = replace(n.cache, text)
	}
	if err != nil && !n.unsaved {
		n.env.Log.Error("the revision is in use, but could not be kept for the next start; that is tried again", "file", n.cache, "error", err)
	}
	if err == nil && n.unsaved {
		n.env.Log.Info("the revision is kept for the next start now", "file", n.cache)
	}
	n.unsaved = err != nil
}

// replace writes a file in one step, so that only the owner can read it.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".pack-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
