package elasticsearchsink

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gambolputty/actor/option"
)

// serverVersion tells servers apart by what they understand. The zero value is a server
// that did not say, which is taken for a present one.
type serverVersion struct {
	text       string
	major      int
	opensearch bool
}

// before reports whether the server is an Elasticsearch older than the given version.
func (s serverVersion) before(major int) bool {
	return !s.opensearch && s.text != "" && s.major < major
}

// compatible is the version of the media types that the server is asked for, 0 for plain
// ones. Each server from 8 on knows those of the version before it.
func (s serverVersion) compatible() int {
	if s.opensearch || s.text == "" || s.major < 8 {
		return 0
	}
	return s.major - 1
}

// String names the server as the log does.
func (s serverVersion) String() string {
	if s.text == "" {
		return "unknown"
	}
	return s.text
}

// OptionType describes the option in tables.
func (*serverVersion) OptionType() string { return "string" }

// DecodeOption reads 7, 7.17, elasticsearch-7.17 or opensearch-2.11.
func (s *serverVersion) DecodeOption(v *option.Value) error {
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

func newVersion(distribution, number string) (serverVersion, bool) {
	first, _, _ := strings.Cut(number, ".")
	major, err := strconv.Atoi(first)
	if err != nil || major < 0 || major > 1000 {
		return serverVersion{}, false
	}
	s := serverVersion{text: number, major: major, opensearch: distribution == opensearch}
	if s.opensearch {
		s.text = opensearch + "-" + number
	}
	return s, true
}

// readVersion reads what a server says about itself.
func readVersion(answer []byte) (serverVersion, error) {
	var root struct {
		Version struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
		} `json:"version"`
	}
	if err := json.Unmarshal(answer, &root); err != nil {
		return serverVersion{}, fmt.Errorf("%w: %w", errGarbage, err)
	}
	s, ok := newVersion(root.Version.Distribution, root.Version.Number)
	if !ok {
		return s, fmt.Errorf("%w: there is no version in it", errGarbage)
	}
	return s, nil
}
