package regex

import "errors"

// compiler writes instructions from the end of the pattern to its begin, so that for each
// of them it is known what comes after it.
type compiler struct {
	insts   []*inst
	slots   int
	classes map[string]*class
	sealed  int // inside of so many lookarounds, atomic groups, and loops with empty rounds
	err     error
}

// maxInsts bounds a pattern whose counted repeats are written out.
const maxInsts = 60_000

var errTooLarge = errors.New("the pattern is too large: counted repeats of long groups")

func compileProgram(tree *node, p *parser) (*program, error) {
	c := &compiler{slots: 2 * len(p.names), classes: map[string]*class{}}
	end := c.emit(inst{op: opMatch})
	start, first := c.compile(tree, end, continues{accepts: true})
	if c.err != nil {
		return nil, c.err
	}
	prog := &program{insts: c.insts, start: start, slots: c.slots}
	prog.analyse(tree, first)
	prog.remember()
	return prog, nil
}

func (c *compiler) emit(in inst) *inst {
	if len(c.insts) >= maxInsts {
		c.err = errTooLarge
	}
	in.pc = int32(len(c.insts))
	if c.sealed > 0 {
		in.memo = -1
	}
	c.insts = append(c.insts, &in)
	return &in
}

func (c *compiler) class(s charSet) *class {
	key := make([]byte, 0, 8*len(s))
	for _, r := range s {
		key = append(key, byte(r.lo), byte(r.lo>>8), byte(r.lo>>16), byte(r.hi), byte(r.hi>>8), byte(r.hi>>16))
	}
	if known := c.classes[string(key)]; known != nil {
		return known
	}
	made := newClass(s)
	c.classes[string(key)] = made
	return made
}

// slot reserves n places for marks.
func (c *compiler) slot(n int) int32 {
	c.slots += n
	return int32(c.slots - n)
}

// compile writes the instructions for n, which go on at next; after is what is known
// about everything from there on. It returns where to begin, and what is known about that.
func (c *compiler) compile(n *node, next *inst, after continues) (*inst, continues) {
	if c.err != nil {
		return next, after
	}
	switch n.kind {
	case kindEmpty:
		return next, after
	case kindLiteral:
		return c.text(n.text, next), c.first(n, after)
	case kindSet:
		return c.one(n.set, next), c.first(n, after)
	case kindConcat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next, after = c.compile(n.subs[i], next, after)
		}
		return next, after
	case kindCapture:
		end := c.emit(inst{op: opSave, slot: int32(2*n.group + 1), next: next})
		body, first := c.compile(n.subs[0], end, after)
		return c.emit(inst{op: opSave, slot: int32(2 * n.group), next: body}), first
	case kindAlternate:
		var b branches
		for _, s := range n.subs {
			b.add(c.compile(s, next, after))
		}
		return c.emit(inst{op: opBranch, ways: b.ways()}), b.first()
	case kindRepeat:
		return c.repeat(n, next, after)
	}
	return c.special(n, next, after), c.first(n, after)
}

func (c *compiler) text(text string, next *inst) *inst {
	if len(text) == 1 {
		return c.emit(inst{op: opByte, stop: text[0], next: next})
	}
	return c.emit(inst{op: opText, text: text, next: next})
}

func (c *compiler) one(s charSet, next *inst) *inst {
	cls := c.class(s)
	if cls.beyond == noneBeyond {
		return c.emit(inst{op: opSet, class: cls, next: next})
	}
	return c.emit(inst{op: opChar, class: cls, next: next})
}

// special writes what is not plain matching.
func (c *compiler) special(n *node, next *inst, after continues) *inst {
	switch n.kind {
	case kindAssert:
		return c.emit(inst{op: opAssert, place: n.place, next: next})
	case kindAtomic:
		mark := c.slot(2)
		body := c.seal(n.subs[0], inst{op: opCommit, slot: mark, next: next})
		return c.emit(inst{op: opMark, slot: mark, next: body})
	case kindLook:
		return c.look(n, next)
	case kindBackref:
		return c.emit(inst{op: opBackref, group: int32(n.group), fold: n.fold, next: next})
	default: // kindCondition
		yes, _ := c.compile(n.subs[0], next, after)
		no, _ := c.compile(n.subs[1], next, after)
		return c.emit(inst{op: opCondition, group: int32(n.group), next: yes, other: no})
	}
}

// seal writes a body that is content with its own first match: what follows has no say in
// which one that is, and nothing inside may be remembered as having failed.
func (c *compiler) seal(body *node, end inst) *inst {
	last := c.emit(end)
	c.sealed++
	first, _ := c.compile(body, last, continues{accepts: true})
	c.sealed--
	return first
}

// look writes a lookaround. One that looks at a single character needs no body.
func (c *compiler) look(n *node, next *inst) *inst {
	if s, single := n.subs[0].single(); single {
		if cls := c.class(s); cls.beyond != someBeyond {
			op := map[[2]bool]opcode{{false, false}: opAhead, {false, true}: opNotAhead, {true, false}: opBehind, {true, true}: opNotBehind}[[2]bool{n.behind, n.negative}]
			return c.emit(inst{op: op, class: cls, next: next})
		}
	}
	mark := c.slot(2)
	begin, end := inst{op: opMark, slot: mark}, inst{op: opLookEnd, slot: mark, next: next}
	if n.negative {
		begin, end = inst{op: opNot, slot: mark, other: next}, inst{op: opNotEnd, slot: mark}
	}
	if !n.behind {
		begin.next = c.seal(n.subs[0], end)
		return c.emit(begin)
	}
	at := c.slot(1)
	last := c.emit(end)
	c.sealed++
	body, _ := c.compile(n.subs[0], c.emit(inst{op: opAtMark, slot: at, next: last}), continues{bytes: everyByte, accepts: true})
	least, most := n.subs[0].chars()
	begin.next = c.emit(inst{op: opBack, slot: at, min: int32(least), max: int32(most), next: body})
	c.sealed--
	return c.emit(begin)
}

// branches are the ways on from one place, the first to be tried first.
type branches struct {
	insts  []*inst
	firsts []continues
}

func (b *branches) add(in *inst, first continues) {
	b.insts = append(b.insts, in)
	b.firsts = append(b.firsts, first)
}

func (b *branches) first() continues {
	f := b.firsts[0]
	for _, o := range b.firsts[1:] {
		f = f.or(o)
	}
	return f
}

// ways sorts out which branches can succeed, for every byte and for the end of the text.
func (b *branches) ways() *ways {
	w := &ways{lists: [][]*inst{nil}}
	index := map[string]uint8{"": 0}
	for next := range w.by {
		var list []*inst
		var key []byte
		for i, f := range b.firsts {
			if f.accepts || next < 256 && f.bytes.has(byte(next)) {
				list = append(list, b.insts[i])
				key = append(key, byte(i), byte(i>>8))
			}
		}
		at, known := index[string(key)]
		switch {
		case known:
		case len(w.lists) == 255: // all of them are as right, only slower
			w.lists = append(w.lists, b.insts)
			at = 255
		case len(w.lists) > 255:
			at = 255
		default:
			at = uint8(len(w.lists))
			w.lists = append(w.lists, list)
			index[string(key)] = at
		}
		w.by[next] = at
	}
	return w
}
