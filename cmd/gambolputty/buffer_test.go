package main

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// The scripts find two events of the input old in each of the directories buf and other.
func TestBufferScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/buffer", Setup: func(env *testscript.Env) error {
		for _, dir := range []string{"buf", "other"} {
			if err := keep(filepath.Join(env.WorkDir, dir), "old", "spam", "egg"); err != nil {
				return err
			}
		}
		return nil
	}})
}

// keep makes the directory of an EventBuffer as a crash leaves it.
func keep(dir, input string, data ...string) error {
	l, err := disklog.Open(disklog.Options{Dir: dir})
	if err != nil {
		return err
	}
	var r disklog.Records
	for _, d := range data {
		e := event.New(event.NewSource("StdIn", input), event.Field{Key: event.Data, Value: event.String(d)})
		r.Add(func(to []byte) []byte {
			return event.AppendRecord(append(binary.AppendUvarint(to, uint64(len(input))), input...), e)
		})
	}
	if _, err := l.Append(context.Background(), &r); err != nil {
		return err
	}
	return l.Close()
}
