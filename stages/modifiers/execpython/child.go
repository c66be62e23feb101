package execpython

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/retry"
)

//go:embed driver.py
var driver string

// child runs a program in a process of a real Python. Each line to it is an event or another
// request, each line from it the answer.
type child struct {
	env     actor.Env
	opts    *Options
	path    string
	process *process // nil where none runs
	backoff retry.Backoff
	failed  bool // the last one ended by itself
	decoder event.Decoder
	encoder event.Encoder
	buf     []byte
}

func newChild(env actor.Env, o *Options) *child {
	path := o.Interpreter
	if path == "" {
		path = realPython
	}
	return &child{
		env: env, opts: o, path: path,
		backoff: retry.Backoff{First: 100 * time.Millisecond, Longest: 30 * time.Second},
		decoder: event.Decoder{AllowNaN: true},
	}
}

// Limits of the conversation with a child.
const (
	// longestLine bounds an answer in bytes.
	longestLine = 16 << 20
	// patience is how long a Python may take to start, and to end.
	patience = 10 * time.Second
)

var (
	errLongLine = errors.New("the answer of the interpreter is too long")
	errNoAnswer = errors.New("the interpreter did not answer in time")
	errEnded    = errors.New("the interpreter ended")
)

func (c *child) open() error { return c.start() }

// start starts a process and gives it the program.
func (c *child) start() error {
	p, err := startProcess(c.path, c.env)
	if err != nil {
		return fmt.Errorf("start the interpreter: %w", err)
	}
	setup := event.NewMap(3)
	setup.Set(event.Intern("source"), event.String(c.opts.text))
	setup.Set(event.Intern("function"), event.String(intervalFunction))
	var names []event.Value
	for _, name := range c.opts.Imports {
		names = append(names, event.String(name))
	}
	setup.Set(event.Intern("imports"), event.ListOf(names...))
	answer, err := p.ask(append(c.encoder.AppendValue(nil, event.MapOf(setup)), '\n'), patience)
	if err == nil {
		_, _, err = c.parse(answer)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start the program: %w", err), p.close(0))
	}
	c.process = p
	return nil
}

// ensure waits until a process runs.
func (c *child) ensure(ctx context.Context) error {
	for c.process == nil {
		if c.failed {
			if err := c.backoff.Wait(ctx); err != nil {
				return err
			}
		}
		if err := c.start(); err != nil {
			c.failed = true
			c.env.Warn("the interpreter cannot be started, trying again", "interpreter", c.path, "error", err)
			c.env.Count("interpreter_restarts", 1)
		}
	}
	return nil
}

// ask sends a request and returns the answer. After a failure the process is not to be
// trusted any more.
func (c *child) ask(ctx context.Context, request []byte) (string, error) {
	if err := c.ensure(ctx); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, c.process.kill)
	answer, err := c.process.ask(request, c.opts.Timeout)
	stop()
	if err != nil {
		c.failed = true
		c.env.Count("interpreter_restarts", 1)
		ended := c.process.close(0)
		c.process = nil
		if !errors.Is(err, errNoAnswer) && !errors.Is(err, errLongLine) {
			err = errEnded
		}
		return "", errors.Join(err, ended)
	}
	c.failed = false
	c.backoff.Reset()
	return answer, nil
}

func (c *child) run(ctx context.Context, e *event.Event) (result, error) {
	c.buf = append(c.buf[:0], `{"event":`...)
	c.buf = append(c.encoder.AppendEvent(c.buf, e), "}\n"...)
	answer, err := c.ask(ctx, c.buf)
	if err != nil {
		return result{}, err
	}
	fields, r, err := c.parse(answer)
	if fields != nil {
		e.Delete(metaPath)
		replace(e, fields)
	}
	return r, err
}

func (c *child) tick(ctx context.Context) (result, error) {
	answer, err := c.ask(ctx, []byte(`{"interval":true}`+"\n"))
	if err != nil {
		return result{}, err
	}
	_, r, err := c.parse(answer)
	return r, err
}

// close lets the process end by itself, if it wants to.
func (c *child) close() error {
	if c.process == nil {
		return nil
	}
	p := c.process
	c.process = nil
	return p.close(patience)
}

var errStrange = errors.New("the answer of the interpreter makes no sense")

// parse takes an answer apart: the fields of the event, what was returned and emitted, and the
// error of the program.
func (c *child) parse(answer string) (fields *event.Map, r result, err error) {
	v, _, err := c.decoder.Decode(answer)
	if err != nil || v.Kind() != event.KindMap {
		return nil, r, errStrange
	}
	m := v.Map()
	if f, ok := m.GetName("event"); ok {
		fields = f.Map()
	}
	if r.extra, err = maps(m, "emitted"); err != nil {
		return fields, r, err
	}
	if text, ok := m.GetName("error"); ok {
		return fields, r, errors.New(text.Text())
	}
	returned, ok := m.GetName("returned")
	if !ok || !c.opts.ReturnValue {
		return fields, r, nil
	}
	switch returned.Kind() {
	case event.KindNull:
	case event.KindBool:
		r.drop = !returned.Bool()
	case event.KindMap:
		r.replaced = []*event.Map{returned.Map()}
	default:
		r.drop = returned.List().Len() == 0
		r.replaced, err = maps(m, "returned")
	}
	return fields, r, err
}

// maps are the items of a list that must be maps.
func maps(m *event.Map, name string) ([]*event.Map, error) {
	v, _ := m.GetName(name)
	if k := v.Kind(); k != event.KindNull && k != event.KindList {
		return nil, fmt.Errorf("the program returns a %s, where None, False, a dict or a list of dicts is allowed", k)
	}
	if v.List().Len() > mostEvents {
		return nil, errManyEvents
	}
	var list []*event.Map
	for i := range v.List().Len() {
		item := v.List().At(i)
		if item.Kind() != event.KindMap {
			return nil, fmt.Errorf("the program makes an event of a %s, where only dicts are allowed", item.Kind())
		}
		list = append(list, item.Map())
	}
	return list, nil
}

// process is an interpreter at work.
type process struct {
	cmd *exec.Cmd
	in  *os.File
	out *os.File
	buf *bufio.Reader
}

func startProcess(path string, env actor.Env) (*process, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	cmd := exec.Command(path, "-u", "-c", driver)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, &printed{env: env}
	cmd.WaitDelay = time.Second
	err = cmd.Start()
	ours := errors.Join(theirIn.Close(), theirOut.Close())
	if err = errors.Join(err, ours); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	return &process{cmd, in, out, bufio.NewReaderSize(out, 64<<10)}, nil
}

// ask writes a line and reads one, both in time.
func (p *process) ask(request []byte, limit time.Duration) (string, error) {
	timer := time.AfterFunc(limit, p.kill)
	defer timer.Stop()
	deadline := time.Now().Add(limit)
	_ = p.in.SetDeadline(deadline) // where pipes have no deadlines, the timer does
	_ = p.out.SetDeadline(deadline)
	_, err := p.in.Write(request)
	line := ""
	if err == nil {
		line, err = p.read()
	}
	if err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(deadline)) {
		err = errNoAnswer
	}
	return line, err
}

func (p *process) read() (string, error) {
	var line strings.Builder
	for {
		part, err := p.buf.ReadSlice('\n')
		line.Write(part)
		switch {
		case line.Len() > longestLine:
			return "", errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return "", err
		default:
			return line.String(), nil
		}
	}
}

func (p *process) kill() { _ = p.cmd.Process.Kill() } // it may have ended already

// close ends the process, by force if it does not do so by itself in time. The error says how
// it ended.
func (p *process) close(patience time.Duration) error {
	_ = p.in.Close() // it ends when nothing more comes
	timer := time.AfterFunc(patience, p.kill)
	defer timer.Stop()
	err := p.cmd.Wait()
	_ = p.out.Close()
	return err
}

// printed logs what a program prints, line by line.
type printed struct {
	env  actor.Env
	line []byte
}

// longestPrinted bounds a line in the log.
const longestPrinted = 4 << 10

// Write takes a piece of the output.
func (p *printed) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' && len(p.line) < longestPrinted {
			p.line = append(p.line, c)
			continue
		}
		if c == '\n' {
			p.env.Log.Debug("print", "text", string(p.line))
			p.line = p.line[:0]
		}
	}
	return len(b), nil
}
