package regex

import "strings"

// Description says how a pattern is run, for people who want it to be fast.
type Description struct {
	// Engine is that of Pattern.Engine, and Why the construct that needs backtracking.
	Engine, Why string
	// Begins tells where a match can begin: at the text, at lines, or anywhere.
	Begins string
	// Literals are the texts that every match contains, one after the other. A text without
	// them is given up at once.
	Literals []string
	// Advice tells what would make the pattern faster or safer.
	Advice []string
}

// Describe tells how the pattern is run.
func (p *Pattern) Describe() Description {
	d := Description{Engine: p.Engine(), Why: p.why, Begins: "anywhere"}
	switch {
	case p.tree.begins(textBegin):
		d.Begins = "at the text"
	case p.tree.begins(lineBegin):
		d.Begins = "at lines"
	}
	if p.prog != nil {
		d.Literals = p.prog.literals
	}
	d.advise(p)
	return d
}

func (d *Description) advise(p *Pattern) {
	run, leads := p.tree.leadingRun()
	everything := false
	if leads {
		missing, one := newClass(runClass(run)).first.only(true)
		everything = run.min == 0 && (!one || missing == '\n') && newClass(runClass(run)).beyond == allBeyond
	}
	switch {
	case p.tree.empties():
		d.Advice = append(d.Advice, "it matches every text, also the empty one")
	case everything && d.Begins == "anywhere":
		d.Advice = append(d.Advice, "the leading .* looks for the last place that fits; leave it out if the first will do")
	case d.Begins == "anywhere" && len(strings.Join(d.Literals, "")) < 3:
		d.Advice = append(d.Advice, "begin it with ^ if what it is for stands at the begin of lines: now every place of other lines is tried")
	}
	if p.why != "" && p.prog != nil && p.prog.depends {
		d.Advice = append(d.Advice, p.why+" can take long on texts that nearly match; the timeout bounds that")
	}
}

func runClass(run *node) charSet {
	s, _ := run.subs[0].single()
	return s
}
