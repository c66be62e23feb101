// Package library is what Python programs find when they run as Starlark: the built-in
// functions, methods and modules of Python, and the limits within which a program works.
package library

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

// Limits are what a program may use up in one call.
type Limits struct {
	Steps int
	Time  time.Duration
}

const (
	// slice is the number of steps after which the clock is looked at.
	slice = 250
	// deepest bounds the calls within calls, as Python does.
	deepest = 1000
	// longest bounds a text in bytes, and most a list in items.
	longest = 16 << 20
	most    = 1 << 20
	// bytesPerStep is how much memory counts as a step, so that the number of steps bounds
	// what a program can hold.
	bytesPerStep = 512
	itemSize     = 16
)

// Machine runs programs in one goroutine.
type Machine struct {
	thread   starlark.Thread
	limits   Limits
	deadline time.Time
	ctx      context.Context
	dice     *rand.Rand
	patterns map[patternKey]*pattern
}

// NewMachine makes a machine. print gets the lines that a program prints.
func NewMachine(limits Limits, print func(line string)) *Machine {
	m := &Machine{limits: limits}
	m.thread.Print = func(_ *starlark.Thread, line string) { print(line) }
	m.thread.OnMaxSteps = m.look
	m.thread.SetLocal(machineKey, m)
	return m
}

// machineKey is where a thread keeps its machine.
const machineKey = "machine"

func machineOf(t *starlark.Thread) *Machine { return t.Local(machineKey).(*Machine) }

// Error is a run-time error with the line of the program in which it happened, 0 if there is
// none.
type Error struct {
	Line int
	Err  error
}

// Error gives the line and the reason.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Start runs the first level of a program, which defines its functions.
func (m *Machine) Start(prog *starlark.Program, names starlark.StringDict) (globals starlark.StringDict, err error) {
	err = m.guard(context.Background(), func() (err error) {
		globals, err = prog.Init(&m.thread, names)
		return err
	})
	return globals, err
}

// Call calls a function of a program. The error is an *Error.
func (m *Machine) Call(ctx context.Context, function starlark.Value, args starlark.Tuple) (v starlark.Value, err error) {
	err = m.guard(ctx, func() (err error) {
		v, err = starlark.Call(&m.thread, function, args, nil)
		return err
	})
	return v, err
}

// guard runs f within the limits.
func (m *Machine) guard(ctx context.Context, f func() error) (err error) {
	m.ctx, m.deadline = ctx, time.Now().Add(m.limits.Time)
	m.thread.Uncancel()
	m.thread.Steps = 0
	m.thread.SetMaxExecutionSteps(uint64(min(slice, m.limits.Steps)))
	defer func() {
		if v := recover(); v != nil {
			err = &Error{0, fmt.Errorf("internal error: %v", v)}
		}
	}()
	if err := f(); err != nil {
		return locate(err)
	}
	return nil
}

// look is called every slice of steps.
func (m *Machine) look(t *starlark.Thread) {
	switch {
	case t.Steps >= uint64(m.limits.Steps):
		t.Cancel(fmt.Sprintf("the program takes more than max_steps, %d", m.limits.Steps))
	case time.Now().After(m.deadline):
		t.Cancel(fmt.Sprintf("the program takes more than timeout_in_millis, %d", m.limits.Time.Milliseconds()))
	case t.CallStackDepth() > deepest:
		t.Cancel("the functions call each other too deeply")
	case m.ctx.Err() != nil:
		t.Cancel(context.Cause(m.ctx).Error())
	}
	t.SetMaxExecutionSteps(min(t.Steps+slice, uint64(m.limits.Steps)))
}

// longestError bounds the text of an error in bytes.
const longestError = 500

// locate finds the line of an error: that of the innermost function of the program.
func locate(err error) error {
	text := strings.TrimPrefix(err.Error(), "Starlark computation cancelled: ")
	if len(text) > longestError {
		text = text[:longestError] + "..."
	}
	line := 0
	var eval *starlark.EvalError
	if errors.As(err, &eval) {
		for i := 0; i < len(eval.CallStack) && line == 0; i++ {
			line = int(eval.CallStack.At(i).Pos.Line)
		}
	}
	return &Error{line, errors.New(text)}
}

var errTooLarge = errors.New("the value becomes too large")

// charge counts the making of a text of n bytes.
func charge(t *starlark.Thread, n int) error {
	if n > longest {
		return errTooLarge
	}
	t.Steps += uint64(n / bytesPerStep)
	return nil
}

// chargeItems counts the making of a list.
func chargeItems(t *starlark.Thread, n int) error {
	if n > most {
		return errTooLarge
	}
	t.Steps += uint64(n * itemSize / bytesPerStep)
	return nil
}

// work counts time that is spent outside of the program, in units of about ten nanoseconds.
func work(t *starlark.Thread, n int) { t.Steps += uint64(n) }
