//go:build integration

package execpython_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write what a real Python makes of the programs in testdata")

func TestIntegrationProgramsInARealPython(t *testing.T) {
	for name, source := range programs(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got := result(t, "engine: python3\n", source)
			if *update {
				if err := os.WriteFile(name+".txt", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
