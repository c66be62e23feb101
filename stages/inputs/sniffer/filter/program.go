package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
)

// Program makes a program for the kernel that takes at most snaplen bytes of every packet
// that matches, and possibly of others: of tagged frames, of IPv6 with extension headers,
// and of packets that are cut off. Nil means that the kernel cannot help.
func (f Filter) Program(link Link, snaplen int) []bpf.RawInstruction {
	if f.root == nil || f.root.beyond(link) {
		return nil
	}
	c := &compiler{link: link, at: 14}
	if link == Network {
		c.at = 0
	}
	yes, no := c.label(), c.label()
	c.prologue(yes)
	c.node(f.root, yes, no)
	c.place(no)
	c.emit(bpf.RetConstant{Val: 0})
	c.place(yes)
	c.emit(bpf.RetConstant{Val: uint32(snaplen)})
	raw, err := bpf.Assemble(c.finish())
	if err != nil || len(raw) > longest {
		return nil
	}
	return raw
}

// longest is the most instructions that the kernel takes (BPF_MAXINSNS).
const longest = 4096

// beyond reports whether the kernel does not see what a filter is about: it takes tags out,
// and without link headers lengths are others.
func (n *node) beyond(link Link) bool {
	switch n.kind {
	case kindAnd, kindOr:
		return n.a.beyond(link) || n.b.beyond(link)
	case kindNot:
		return n.a.beyond(link)
	case kindVLAN:
		return true
	case kindGreater, kindLess:
		return link == Network
	}
	return false
}

// compiler writes instructions whose jumps go to labels, always forward.
type compiler struct {
	link   Link
	at     uint32 // where the network header begins
	code   []bpf.Instruction
	labels []int       // their places
	jumps  map[int]int // from a place to a label
}

func (c *compiler) emit(i bpf.Instruction) { c.code = append(c.code, i) }

func (c *compiler) label() int {
	c.labels = append(c.labels, -1)
	return len(c.labels) - 1
}

func (c *compiler) place(label int) { c.labels[label] = len(c.code) }

func (c *compiler) jump(label int) {
	if c.jumps == nil {
		c.jumps = map[int]int{}
	}
	c.jumps[len(c.code)] = label
	c.emit(bpf.Jump{})
}

// test goes to one of two labels. Conditional jumps reach only 255 instructions far, so they
// go around unconditional ones.
func (c *compiler) test(cond bpf.JumpTest, val uint32, yes, no int) {
	c.emit(bpf.JumpIf{Cond: cond, Val: val, SkipTrue: 0, SkipFalse: 1})
	c.jump(yes)
	c.jump(no)
}

// when goes to a label, or on.
func (c *compiler) when(cond bpf.JumpTest, val uint32, yes int) {
	c.emit(bpf.JumpIf{Cond: cond, Val: val, SkipTrue: 0, SkipFalse: 1})
	c.jump(yes)
}

func (c *compiler) finish() []bpf.Instruction {
	for at, label := range c.jumps {
		c.code[at] = bpf.Jump{Skip: uint32(c.labels[label] - at - 1)}
	}
	return c.code
}

func (c *compiler) loadEther() {
	if c.link == Network {
		c.emit(bpf.LoadExtension{Num: bpf.ExtProto})
		return
	}
	c.emit(bpf.LoadAbsolute{Off: 12, Size: 2})
}

func (c *compiler) loadLength() { c.emit(bpf.LoadExtension{Num: bpf.ExtLen}) }

// prologue takes all packets of which the rest of the program could not say for sure whether
// they match: a load behind the end of a packet would end it with no.
func (c *compiler) prologue(take int) {
	ip4, ip6, arp, fit := c.label(), c.label(), c.label(), c.label()
	if c.link == Ethernet {
		c.loadLength()
		c.when(bpf.JumpLessThan, 14, take)
	}
	c.loadEther()
	for _, tag := range []uint32{0x8100, 0x88a8, 0x9100} {
		c.when(bpf.JumpEqual, tag, take)
	}
	c.when(bpf.JumpEqual, etherIPv4, ip4)
	c.when(bpf.JumpEqual, etherIPv6, ip6)
	c.when(bpf.JumpEqual, etherARP, arp)
	c.when(bpf.JumpEqual, etherRARP, arp)
	c.jump(fit)
	c.place(arp)
	c.loadLength()
	c.test(bpf.JumpLessThan, c.at+28, take, fit)
	c.place(ip6)
	c.loadLength()
	c.when(bpf.JumpLessThan, c.at+44, take)
	c.emit(bpf.LoadAbsolute{Off: c.at + 6, Size: 1})
	for _, next := range []uint32{0, 43, 44, 51, 60} {
		c.when(bpf.JumpEqual, next, take)
	}
	c.jump(fit)
	c.place(ip4)
	c.loadLength()
	c.when(bpf.JumpLessThan, c.at+24, take)
	c.emit(bpf.LoadMemShift{Off: c.at})
	c.loadLength()
	c.emit(bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: c.at + 4})
	c.emit(bpf.JumpIfX{Cond: bpf.JumpGreaterOrEqual, SkipTrue: 1})
	c.jump(take)
	c.place(fit)
}

func (c *compiler) node(n *node, yes, no int) {
	switch n.kind {
	case kindAnd:
		more := c.label()
		c.node(n.a, more, no)
		c.place(more)
		c.node(n.b, yes, no)
	case kindOr:
		more := c.label()
		c.node(n.a, yes, more)
		c.place(more)
		c.node(n.b, yes, no)
	case kindNot:
		c.node(n.a, no, yes)
	case kindEther:
		c.loadEther()
		c.test(bpf.JumpEqual, uint32(n.number), yes, no)
	case kindProto:
		c.family(n.ether, no, func(six bool) {
			c.loadProto(six)
			c.test(bpf.JumpEqual, uint32(n.number), yes, no)
		})
	case kindNet:
		c.net(n, yes, no)
	case kindPort:
		c.family(n.ether, no, func(six bool) { c.ports(n, six, yes, no) })
	case kindGreater:
		c.loadLength()
		c.test(bpf.JumpGreaterOrEqual, uint32(n.number), yes, no)
	case kindLess:
		c.loadLength()
		c.test(bpf.JumpLessOrEqual, uint32(n.number), yes, no)
	}
}

// family writes code for IPv4 and for IPv6, if they are meant.
func (c *compiler) family(ether uint16, no int, each func(six bool)) {
	if ether != etherIPv6 {
		here, next := c.label(), c.label()
		c.loadEther()
		c.test(bpf.JumpEqual, etherIPv4, here, next)
		c.place(here)
		each(false)
		c.place(next)
	}
	if ether != etherIPv4 {
		here := c.label()
		c.loadEther()
		c.test(bpf.JumpEqual, etherIPv6, here, no)
		c.place(here)
		each(true)
		return
	}
	c.jump(no)
}

func (c *compiler) loadProto(six bool) {
	off := c.at + 9
	if six {
		off = c.at + 6
	}
	c.emit(bpf.LoadAbsolute{Off: off, Size: 1})
}

func (c *compiler) ports(n *node, six bool, yes, no int) {
	c.loadProto(six)
	found := c.label()
	if n.proto != 0 {
		c.test(bpf.JumpEqual, uint32(n.proto), found, no)
	} else {
		c.when(bpf.JumpEqual, protoTCP, found)
		c.when(bpf.JumpEqual, protoUDP, found)
		c.test(bpf.JumpEqual, protoSCTP, found, no)
	}
	c.place(found)
	if !six {
		first := c.label()
		c.emit(bpf.LoadAbsolute{Off: c.at + 6, Size: 2})
		c.test(bpf.JumpBitsSet, 0x1fff, no, first)
		c.place(first)
		c.emit(bpf.LoadMemShift{Off: c.at})
	}
	c.ends(n.dir, yes, no, func(dst bool, yes, no int) {
		off := uint32(0)
		if dst {
			off = 2
		}
		if six {
			c.emit(bpf.LoadAbsolute{Off: c.at + 40 + off, Size: 2})
		} else {
			c.emit(bpf.LoadIndirect{Off: c.at + off, Size: 2})
		}
		more := c.label()
		c.test(bpf.JumpGreaterOrEqual, uint32(n.number), more, no)
		c.place(more)
		c.test(bpf.JumpLessOrEqual, uint32(n.to), yes, no)
	})
}

// ends writes code for one end of a packet, or for both.
func (c *compiler) ends(dir direction, yes, no int, each func(dst bool, yes, no int)) {
	more := c.label()
	switch dir {
	case source:
		each(false, yes, no)
	case destination:
		each(true, yes, no)
	case both:
		each(false, more, no)
		c.place(more)
		each(true, yes, no)
	default:
		each(false, yes, more)
		c.place(more)
		each(true, yes, no)
	}
}

func (c *compiler) net(n *node, yes, no int) {
	if n.prefix.Addr().Is6() {
		here := c.label()
		c.loadEther()
		c.test(bpf.JumpEqual, etherIPv6, here, no)
		c.place(here)
		c.ends(n.dir, yes, no, func(dst bool, yes, no int) { c.address(n, c.at+8, 16, dst, yes, no) })
		return
	}
	ip, arp := c.label(), c.label()
	c.loadEther()
	if n.ether == 0 || n.ether == etherIPv4 {
		c.when(bpf.JumpEqual, etherIPv4, ip)
	}
	if n.ether == 0 || n.ether == etherARP {
		c.when(bpf.JumpEqual, etherARP, arp)
	}
	if n.ether == 0 || n.ether == etherRARP {
		c.when(bpf.JumpEqual, etherRARP, arp)
	}
	c.jump(no)
	c.place(ip)
	c.ends(n.dir, yes, no, func(dst bool, yes, no int) { c.address(n, c.at+12, 4, dst, yes, no) })
	c.place(arp)
	c.ends(n.dir, yes, no, func(dst bool, yes, no int) { c.address(n, c.at+14, 10, dst, yes, no) })
}

// address compares an address, whose counterpart is so many bytes behind it.
func (c *compiler) address(n *node, off, step uint32, dst bool, yes, no int) {
	if dst {
		off += step
	}
	want := n.prefix.Addr().AsSlice()
	for bits := n.prefix.Bits(); bits > 0; bits -= 32 {
		mask := ^uint32(0)
		if bits < 32 {
			mask <<= 32 - bits
		}
		next := c.label()
		c.emit(bpf.LoadAbsolute{Off: off, Size: 4})
		if mask != ^uint32(0) {
			c.emit(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
		}
		c.test(bpf.JumpEqual, binary.BigEndian.Uint32(want)&mask, next, no)
		c.place(next)
		want, off = want[4:], off+4
	}
	c.jump(yes)
}
