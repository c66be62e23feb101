package datetime

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must be known in a container without zone files

	"gambolputty/actor/option"
)

//go:embed zones.txt
var zoneNames string

// names are the zones of IANA by their names in small letters.
var names = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for name := range strings.Lines(zoneNames) {
		name = strings.TrimSpace(name)
		m[strings.ToLower(name)] = name
	}
	return m
})

// Zones returns the zones that source_timezone and target_timezone name.
func Zones(source, target string) (from, to *time.Location, err error) {
	from, wrongSource := Zone("source_timezone", source)
	to, wrongTarget := Zone("target_timezone", target)
	return from, to, errors.Join(wrongSource, wrongTarget)
}

// Zone returns the time zone of a name: UTC, Local, or one of IANA in any letter case. The
// fault names the option.
func Zone(opt, name string) (*time.Location, error) {
	switch strings.ToLower(name) {
	case "utc":
		return time.UTC, nil
	case "local":
		return time.Local, nil
	}
	proper, ok := names()[strings.ToLower(name)]
	if !ok {
		proper = name // it may be newer than the list
	}
	l, err := time.LoadLocation(proper)
	if err != nil || name == "" {
		f := &option.Fault{Code: option.NotAllowed, Option: opt, Message: fmt.Sprintf("must be UTC, Local or the name of a time zone, got %q", name)}
		if near := option.Nearest(name, strings.Fields(zoneNames)); near != "" && name != "" {
			f.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, f
	}
	return l, nil
}
