package regex

// mostLiterals bounds how many texts are looked for before a text is given up.
const mostLiterals = 12

// analyse finds out what every match must have.
func (p *program) analyse(tree *node, first continues) {
	p.shortest = tree.shortest()
	if !first.accepts {
		p.first = first.bytes.table()
	}
	p.anchored = tree.begins(textBegin)
	p.lines = tree.begins(lineBegin)
	p.literals = tree.literals(nil)
	if len(p.literals) > mostLiterals {
		p.literals = p.literals[:mostLiterals]
	}
	in := p.start
	for in.op == opSave {
		in = in.next
	}
	switch in.op {
	case opByte:
		p.prefix = string(in.stop)
	case opText:
		p.prefix = in.text
	}
	tree.walk(func(n *node) {
		p.depends = p.depends || n.kind == kindBackref || n.kind == kindCondition
	})
	if run, ok := tree.leadingRun(); ok && run.greed != possessive && !p.depends {
		set, _ := run.subs[0].single()
		p.skip = newClass(set)
	}
}

// remember gives a bit of the memo to every instruction whose failure at a position can be
// remembered: those where choices are made, outside of sealed parts.
func (p *program) remember() {
	for _, in := range p.insts {
		if in.memo < 0 || p.depends || !in.op.chooses() {
			in.memo = 0
			continue
		}
		p.memos++
		in.memo = int32(p.memos)
	}
}

func (op opcode) chooses() bool {
	switch op {
	case opBranch, opMark, opNot:
		return true
	}
	return op >= opRun && op <= opLazyChars
}
