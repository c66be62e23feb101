package redischannel

import (
	"errors"

	"github.com/gomodule/redigo/redis"
)

// entry is an entry of a stream.
type entry struct {
	id     string
	fields []string // names and values in turn; nil if it was deleted
}

var errNonsense = errors.New("the server gave an answer about a stream that makes no sense")

// readStream reads the entries in the reply about one stream; none came if it is nil.
func readStream(reply any) ([]entry, error) {
	if reply == nil {
		return nil, nil
	}
	streams, err := redis.Values(reply, nil)
	if err != nil || len(streams) != 1 {
		return nil, errNonsense
	}
	one, err := redis.Values(streams[0], nil)
	if err != nil || len(one) != 2 {
		return nil, errNonsense
	}
	return readEntries(one[1])
}

// readEntries reads a list of entries. One that was deleted has no fields, and old servers
// leave a nil in its place.
func readEntries(reply any) ([]entry, error) {
	list, err := redis.Values(reply, nil)
	if err != nil {
		return nil, errNonsense
	}
	var entries []entry
	for _, item := range list {
		if item == nil {
			continue
		}
		parts, err := redis.Values(item, nil)
		if err != nil || len(parts) != 2 {
			return nil, errNonsense
		}
		e := entry{}
		if e.id, err = redis.String(parts[0], nil); err != nil {
			return nil, errNonsense
		}
		if parts[1] != nil {
			if e.fields, err = redis.Strings(parts[1], nil); err != nil {
				return nil, errNonsense
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}
