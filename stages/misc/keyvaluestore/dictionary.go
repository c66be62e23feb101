package keyvaluestore

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/storemodule"
)

// dictionary is a store in memory that may be written to a file.
type dictionary struct {
	*storemodule.Module
	env    actor.Env
	opts   Options
	memory *store.Memory
}

func newDictionary(env actor.Env, o Options) *dictionary {
	d := &dictionary{env: env, opts: o, memory: store.NewMemory(store.MemoryOptions{MaxEntries: o.MaxEntries, MaxBytes: o.MaxMemory, Count: env.Count})}
	d.Module = storemodule.New(env, o.Options, func() (*storemodule.Backend, error) {
		return &storemodule.Backend{Store: d.memory, Target: "memory", Timeout: o.SocketTimeout}, nil
	})
	return d
}

// Open takes the values of the last time.
func (d *dictionary) Open(ctx context.Context) error {
	if d.opts.SnapshotFile != "" {
		n, err := load(d.opts.SnapshotFile, d.memory)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil: // the values were worth having, but not that the program stands still
			d.env.Log.Warn("snapshot cannot be read to its end", "snapshot_file", d.opts.SnapshotFile, "entries", n, "error", err)
		default:
			d.env.Log.Info("snapshot read", "snapshot_file", d.opts.SnapshotFile, "entries", n)
		}
		if err := d.save(ctx); err != nil { // which must be possible later
			return err
		}
	}
	return d.Module.Open(ctx)
}

// Serve writes the values to the file once in a while.
func (d *dictionary) Serve(ctx context.Context) error {
	if d.opts.SnapshotFile == "" || d.env.CheckOnly {
		return d.Module.Serve(ctx)
	}
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { d.saveEvery(ctx) })
	return d.Module.Serve(ctx)
}

func (d *dictionary) saveEvery(ctx context.Context) {
	tick := time.NewTicker(d.opts.SnapshotEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := d.save(ctx); err != nil && ctx.Err() == nil {
				d.env.Warn("snapshot could not be written", "snapshot_file", d.opts.SnapshotFile, "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (d *dictionary) save(ctx context.Context) error {
	return save(ctx, d.opts.SnapshotFile, d.memory)
}

// Close writes the values to the file.
func (d *dictionary) Close(ctx context.Context) error {
	err := d.Module.Close(ctx)
	if d.opts.SnapshotFile == "" || d.env.CheckOnly {
		return err
	}
	if err2 := d.save(ctx); err2 != nil {
		d.env.Log.Error("snapshot could not be written at the end", "snapshot_file", d.opts.SnapshotFile, "error", err2)
		err = errors.Join(err, err2)
	}
	return err
}
