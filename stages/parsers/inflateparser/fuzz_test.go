package inflateparser

import (
	"encoding/hex"
	"testing"
)

func FuzzInflate(f *testing.F) {
	for _, sample := range []string{
		"1f8b08000000000002ff0b2e48cc555408069100e629a1d30b000000", "789c0b2e48cc55540806910015f10385", "0b2e48cc555408069100",
		"425a6839314159265359a38e7b540000019380600008002002400020002129a36a0c02526a2278bb9229c284851c73daa0",
		"28b52ffd04585900005370616d21205370616d21ca83f9d8", "04224d186440a70b0000805370616d21205370616d2100000000cacb3f71",
		"02214c180c000000b05370616d21205370616d21", "0b285370616d21205370616d21",
		"fd377a585a000000ff12d9410200210116000000742fe5a301000a5370616d21205370616d21000000011b0b39a7621e06729e7a010000000000595a",
	} {
		raw, err := hex.DecodeString(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	const limit = 100_000
	inflaters := map[string]*inflater{}
	for _, format := range []string{"auto", "gzip", "zlib", "deflate", "bzip2", "zstd", "snappy", "lz4", "xz"} {
		inflaters[format] = &inflater{limit: limit}
	}
	f.Fuzz(func(t *testing.T, data string) {
		for format, i := range inflaters {
			first, err := i.inflate(data, []string{format})
			if len(first) > limit {
				t.Errorf("%s gives %d bytes", format, len(first))
			}
			// What an earlier text left behind must not show.
			second, again := (&inflater{limit: limit}).inflate(data, []string{format})
			if first != second || (err == nil) != (again == nil) {
				t.Errorf("%s gives %q, %v and then %q, %v", format, first, err, second, again)
			}
		}
	})
}
