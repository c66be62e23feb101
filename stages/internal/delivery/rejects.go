package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// rejects finds a place for events that can never be delivered.
type rejects struct {
	env  actor.Env
	opts Options
	json event.Encoder
	line []byte
}

func (r *rejects) take(e *event.Event, err error) {
	r.env.Count("rejected", 1)
	action := r.opts.RejectAction
	if action == "dead_letter" && !r.env.DeadLetter() {
		action = "log"
	}
	switch action {
	case "dead_letter":
		r.env.Fault(e, "", err)
		return
	case "file":
		failed := r.write(e, err)
		if failed == nil {
			break
		}
		r.env.Warn("reject_file cannot be written, rejected events are named in the log", "error", failed)
		fallthrough
	case "log":
		r.log(e, err)
	}
	r.env.Drop(1)
}

func (r *rejects) log(e *event.Event, err error) {
	r.env.Log.Error("event was refused for good", "event_id", e.ID(), "error", err)
	if r.env.Log.Enabled(context.Background(), slog.LevelDebug) {
		r.env.Log.Debug("content of a refused event", "event_id", e.ID(), "event", string(r.json.AppendEvent(nil, e)))
	}
}

// write appends a JSON line to the file of rejected events.
func (r *rejects) write(e *event.Event, reason error) error {
	f, err := os.OpenFile(r.opts.RejectFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open reject_file: %w", err)
	}
	defer f.Close() // the error of the write counts
	r.line = append(r.line[:0], `{"time":`...)
	r.line = event.AppendJSONString(r.line, time.Now().UTC().Format(time.RFC3339Nano))
	r.line = append(r.line, `,"module":`...)
	r.line = event.AppendJSONString(r.line, r.env.ID)
	r.line = append(r.line, `,"reason":`...)
	r.line = event.AppendJSONString(r.line, reason.Error())
	r.line = append(r.line, `,"event":`...)
	r.line = append(r.json.AppendEvent(r.line, e), "}\n"...)
	if _, err := f.Write(r.line); err != nil {
		return fmt.Errorf("write reject_file: %w", err)
	}
	return nil
}
