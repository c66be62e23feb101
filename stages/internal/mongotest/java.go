//go:build integration && mongodb

package mongotest

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/stages/internal/jartest"
	"gambolputty/stages/internal/porttest"
)

//go:embed Server.java
var program []byte

// Java is a server written by others, the one of de.bwaldvogel. What it stores outlives Quit.
type Java struct {
	*jartest.Server
	Addr string
}

// StartJava starts one, which the test ends.
func StartJava(t testing.TB) *Java {
	t.Helper()
	port := fmt.Sprint(porttest.Free(t))
	return &Java{Addr: "127.0.0.1:" + port, Server: jartest.Start(t, jartest.Program{
		Kind: "mongo", Source: program, Args: []string{port, filepath.Join(t.TempDir(), "store")},
		Ready: func(log string) bool { return strings.Contains(log, "ready") },
	})}
}
