package regex

// repeat writes a repeat: a run if it is over single characters, else a loop.
func (c *compiler) repeat(n *node, next *inst, after continues) (*inst, continues) {
	if n.max == 0 {
		return next, after
	}
	body := n.subs[0]
	first := c.first(n, after)
	if s, single := body.single(); single {
		if n.min == 1 && n.max == 1 {
			return c.compile(body, next, after)
		}
		return c.run(n, c.class(s), next, after), first
	}
	if n.greed == possessive {
		plain := *n
		plain.greed = greedy
		return c.compile(&node{kind: kindAtomic, subs: []*node{&plain}}, next, after)
	}
	entry, known := next, after
	if n.max == unlimited {
		entry, known = c.loop(n, next, after)
	} else {
		for range n.max - n.min {
			entry, known = c.optional(n, entry, known, next, after)
			if c.err != nil {
				return entry, first
			}
		}
	}
	for range n.min {
		if entry, known = c.compile(body, entry, known); c.err != nil {
			break
		}
	}
	return entry, first
}

// loop writes a repeat without an end.
func (c *compiler) loop(n *node, next *inst, after continues) (*inst, continues) {
	body := n.subs[0]
	head := c.emit(inst{op: opBranch})
	again := c.first(&node{kind: kindRepeat, subs: n.subs, max: unlimited}, after)
	again.lead = leadNone
	var b branches
	if body.empties() {
		b.add(c.round(body, head, again, next))
	} else {
		b.add(c.compile(body, head, again))
	}
	b.add(next, after)
	b.order(n.greed)
	head.ways = b.ways()
	return head, b.first()
}

// optional writes one more round, which goes on at entry, or none at all.
func (c *compiler) optional(n *node, entry *inst, known continues, next *inst, after continues) (*inst, continues) {
	var b branches
	if n.subs[0].empties() {
		b.add(c.round(n.subs[0], entry, known, next))
	} else {
		b.add(c.compile(n.subs[0], entry, known))
	}
	b.add(next, after)
	b.order(n.greed)
	return c.emit(inst{op: opBranch, ways: b.ways()}), b.first()
}

// round writes a round that may match nothing. Then the loop is over, as nothing would
// change in the rounds to come.
func (c *compiler) round(body *node, again *inst, known continues, next *inst) (*inst, continues) {
	at := c.slot(1)
	end := c.emit(inst{op: opRound, slot: at, next: again, other: next})
	c.sealed++
	first, f := c.compile(body, end, known)
	c.sealed--
	f.lead = leadNone
	return c.emit(inst{op: opRoundMark, slot: at, next: first}), f
}

func (b *branches) order(g greed) {
	if g == lazy {
		b.insts[0], b.insts[1] = b.insts[1], b.insts[0]
		b.firsts[0], b.firsts[1] = b.firsts[1], b.firsts[0]
	}
}

// run writes a repeat of a class.
func (c *compiler) run(n *node, cls *class, next *inst, after continues) *inst {
	most := n.max
	if c.ends(next) && n.greed == lazy {
		most = n.min
	}
	in := inst{class: cls, next: next, min: int32(n.min), max: int32(most)}
	members := cls.first.bytes()
	counted := cls.beyond == someBeyond || cls.beyond == allBeyond && (most != unlimited || n.min > 1)
	switch {
	case n.greed == possessive, in.min == in.max, after.keeps(members, n.min), c.ends(next):
		in.op = opRunChars
		if !counted {
			in.setScan()
			in.op = runs[in.scan]
		}
		return c.emit(in)
	}
	in.follow = after.bytes.table()
	in.accepts = after.accepts
	in.aligned = (after.accepts || after.bytes.overlaps(continuation)) && cls.beyond != noneBeyond
	switch {
	case n.greed == lazy && counted:
		in.op = opLazyChars
	case n.greed == lazy:
		in.op = opLazy
		in.setScan()
		if in.text = c.textAt(next); in.text != "" {
			in.op = opLazyText
		}
	case counted:
		in.op = opGreedyChars
	default:
		in.op = opGreedy
		in.setScan()
		if b, one := in.follow.only(false); one && !after.accepts && !in.aligned {
			in.op, in.back = opGreedyByte, b
		}
	}
	return c.emit(in)
}

var runs = map[scan]opcode{
	scanTable: opRun, scanDigits: opRunDigits, scanWord: opRunWord, scanTo: opRunTo, scanLine: opRunLine, scanAll: opRunAll,
}

// setScan chooses how the end of a run is found.
func (in *inst) setScan() {
	in.scan = scanTable
	if in.max != unlimited {
		return
	}
	missing, one := in.class.first.only(true)
	switch {
	case in.class.first == newClass(asciiDigit).first:
		in.scan = scanDigits
	case in.class.first == newClass(asciiWord).first:
		in.scan = scanWord
	case one && missing == '\n':
		in.scan, in.stop = scanLine, missing
	case one:
		in.scan, in.stop = scanTo, missing
	case in.class.first.bytes() == everyByte:
		in.scan = scanAll
	}
}

// ends reports whether nothing can fail any more from here on.
func (c *compiler) ends(in *inst) bool {
	for in.op == opSave {
		in = in.next
	}
	return in.op == opMatch || in.op == opCommit || in.op == opLookEnd || in.op == opNotEnd
}

// textAt returns the text with which everything from here on begins, "" if there is none.
func (c *compiler) textAt(in *inst) string {
	for in.op == opSave {
		in = in.next
	}
	switch in.op {
	case opByte:
		return string(in.stop)
	case opText:
		return in.text
	}
	return ""
}
