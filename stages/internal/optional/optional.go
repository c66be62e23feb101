// Package optional says what a build lacks. Modules whose client libraries are large are
// described in every build and work in those that were made with their tag.
package optional

import (
	"fmt"

	"gambolputty/actor/option"
)

// Absent is the code of the fault that Fault makes.
const Absent option.Code = "E042"

// Fault is what the check of a configuration says of a module that was built without its
// tag.
func Fault(module, tag string) error {
	return &option.Fault{
		Code:    Absent,
		Message: fmt.Sprintf("this program was built without the client of %s, so it can only check its options", module),
		Hint:    fmt.Sprintf("build it with go build -tags %s ./cmd/gambolputty, or use the container image, which has it", tag),
	}
}
