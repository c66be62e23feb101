package regex

// A program is a graph of instructions. Each of them knows what comes next, so there are
// no jumps, and an instruction that could lead nowhere for the byte at hand is not even
// tried.

type opcode uint8

const (
	opMatch     opcode = iota
	opByte             // the byte stop
	opText             // text
	opSet              // a one-byte character of class
	opChar             // a character of class
	opSave             // the position into slot
	opAssert           // place
	opAhead            // the next character is of class
	opNotAhead         // it is not
	opBehind           // the character before is of class
	opNotBehind        // it is not

	// Runs take as many characters of class as there are, and give nothing back.
	opRun       // at most max
	opRunDigits // of \d
	opRunWord   // of \w
	opRunTo     // up to the byte stop
	opRunLine   // up to the end of the line
	opRunAll    // up to the end of the text
	opRunChars  // counted in characters

	// These take as many as there are, and give back one after the other.
	opGreedy      // where a byte of follow stands
	opGreedyByte  // where the byte stop stands
	opGreedyChars // counted in characters

	// These take as few as possible, and one more after the other.
	opLazy      // up to a byte of follow
	opLazyText  // up to text
	opLazyChars // counted in characters

	opBranch    // one of several ways on, by the byte at hand
	opRound     // the end of a round of a loop, which may have matched nothing
	opRoundMark // the begin of such a round

	opMark    // position and height of the stack into slot and slot+1
	opCommit  // forget the choices since the mark: the end of an atomic group
	opLookEnd // the same and back to the position: the end of a lookaround
	opNot     // go on at next once all below body has failed
	opNotEnd  // body has matched, so opNot fails
	opBack    // min characters back, later up to max
	opAtMark  // the position is the one in slot

	opBackref   // what group matched
	opCondition // next if group matched, else other
)

type inst struct {
	op      opcode
	scan    scan
	place   place
	stop    byte
	back    byte // opGreedyByte: with which what follows begins
	accepts bool // what follows may take nothing: any place will do
	aligned bool // a byte of follow may stand inside of a character, so look closely
	fold    bool
	memo    int32 // which of the bits at every position, from 1; 0 for none
	pc      int32 // its place in the program
	slot    int32
	group   int32
	min     int32
	max     int32
	next    *inst
	other   *inst
	class   *class
	follow  *byteTable
	text    string
	ways    *ways
}

// scan is how the end of a run is found.
type scan uint8

const (
	scanTable scan = iota
	scanDigits
	scanWord
	scanTo   // the byte stop
	scanLine // a newline
	scanAll  // the end of the text
)

// ways are the branches of an alternative or loop that can succeed, by the next byte.
type ways struct {
	by    [257]uint8 // index into lists; the last one is for the end of the text
	lists [][]*inst  // in the order in which they are to be tried
}

// program is a compiled pattern as the machine runs it. It is never changed.
type program struct {
	insts   []*inst
	start   *inst
	slots   int  // groups first, two each, then marks
	memos   int  // bits that the memo has for every position
	depends bool // matches depend on what groups hold: nothing can be remembered

	// What every match must have, to find out early that there is none.
	shortest int
	first    *byteTable // bytes with which a match can begin, nil if it can be empty
	prefix   string     // text with which every match begins
	literals []string   // texts that a match contains, in this order
	anchored bool       // only at the begin of the text
	lines    bool       // only at the begin of a line
	skip     *class     // begins with a run over this class, whose inside need not be tried

	rejecter *automaton // nil if it would be too large
}
