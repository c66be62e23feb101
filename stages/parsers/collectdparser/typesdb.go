package collectdparser

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"gambolputty/actor/event"
)

// types are the names of the data sources of every type.
type types map[string]*dataSources

// dataSources are names, one by one and as a list.
type dataSources struct {
	values []event.Value
	list   event.Value
}

// of returns the names for a record, nil if they are not known or not for as many values.
func (t types) of(r *record) *dataSources {
	known := t[r.kind.Str()]
	if known == nil || len(known.values) != r.count {
		return nil
	}
	return known
}

// readTypes reads files such as the types.db of collectd. A line has a type and its data
// sources, as in
//
//	if_octets  rx:DERIVE:0:U, tx:DERIVE:0:U
//
// Where files speak of the same type the later one counts.
func readTypes(paths []string) (types, error) {
	known := types{}
	for _, path := range paths {
		if err := known.read(path); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func (t types) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		fields := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' })
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		names := make([]event.Value, len(fields)-1)
		for i, source := range fields[1:] {
			name, _, ok := strings.Cut(source, ":")
			if !ok || name == "" {
				return fmt.Errorf("%s: line %d: %q is no data source, which is of the form name:KIND:min:max", path, n, clip(source))
			}
			names[i] = event.String(name)
		}
		if len(names) == 0 {
			return fmt.Errorf("%s: line %d: the type %s has no data sources", path, n, clip(fields[0]))
		}
		t[fields[0]] = &dataSources{names, event.ListOf(names...)}
	}
	return lines.Err()
}
