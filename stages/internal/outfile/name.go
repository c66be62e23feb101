package outfile

import "strings"

// SafeName makes a name of a value that cannot lead anywhere else.
func SafeName(value string) string {
	switch value {
	case "":
		return "unknown"
	case ".", "..":
		return "_"
	}
	if !strings.ContainsAny(value, "/\\\x00") {
		return value
	}
	return strings.NewReplacer("/", "_", `\`, "_", "\x00", "_").Replace(value)
}
