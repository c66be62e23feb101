package esclient

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gambolputty/actor/option"
)

// Version tells servers apart by what they understand. The zero value is a server
// that did not say, which is taken for a present one.
type Version struct {
	Major, Minor int
	OpenSearch   bool

	text string
}

// Before reports whether the server is an Elasticsearch older than the given version.
func (s Version) Before(major int) bool {
	return !s.OpenSearch && s.text != "" && s.Major < major
}

// AtLeast reports whether the server is not older than the given version of its own kind.
func (s Version) AtLeast(major, minor int) bool {
	return s.text == "" || s.Major > major || s.Major == major && s.Minor >= minor
}

// Compatible is the version of the media types that the server is asked for, 0 for plain
// ones. Each server from 8 on knows those of the version before it.
func (s Version) Compatible() int {
	if s.OpenSearch || s.text == "" || s.Major < 8 {
		return 0
	}
	return s.Major - 1
}

// String names the server as the log does.
func (s Version) String() string {
	if s.text == "" {
		return "unknown"
	}
	return s.text
}

// OptionType describes the option in tables.
func (*Version) OptionType() string { return "string" }

// DecodeOption reads 7, 7.17, elasticsearch-7.17 or opensearch-2.11.
func (s *Version) DecodeOption(v *option.Value) error {
	if v.Kind != option.String && v.Kind != option.Integer && v.Kind != option.Float {
		return v.Wrong("string")
	}
	text := strings.ToLower(strings.TrimSpace(v.Text))
	number := strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz- ")
	name := strings.TrimRight(strings.TrimSuffix(text, number), "- ")
	var ok bool
	if *s, ok = newVersion(name, number); !ok || name != "" && name != "elasticsearch" && name != opensearch {
		return v.Faultf(option.NotAllowed, "must be a version such as 7.17 or opensearch-2.11, got %q", v.Text)
	}
	return nil
}

const opensearch = "opensearch"

func newVersion(distribution, number string) (Version, bool) {
	first, rest, _ := strings.Cut(number, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, err := strconv.Atoi(first)
	minor, _ := strconv.Atoi(second) // 7 alone is as good as 7.0
	if err != nil || major < 0 || major > 1000 {
		return Version{}, false
	}
	s := Version{text: number, Major: major, Minor: minor, OpenSearch: distribution == opensearch}
	if s.OpenSearch {
		s.text = opensearch + "-" + number
	}
	return s, true
}

// readVersion reads what a server says about itself.
func readVersion(answer []byte) (Version, error) {
	var root struct {
		Version struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
		} `json:"version"`
	}
	if err := json.Unmarshal(answer, &root); err != nil {
		return Version{}, fmt.Errorf("%w: %w", ErrGarbage, err)
	}
	s, ok := newVersion(root.Version.Distribution, root.Version.Number)
	if !ok {
		return s, fmt.Errorf("%w: there is no version in it", ErrGarbage)
	}
	return s, nil
}
