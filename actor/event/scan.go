package event

// The scanners find where one document ends in a stream that arrives in pieces. They
// remember how far they got, so that a document in a thousand pieces is looked at once.

// JSONScanner finds the end of JSON documents. The zero JSONScanner stands in front of
// one.
type JSONScanner struct {
	at       int
	depth    int
	inString bool
	escaped  bool
	begun    bool
}

// End looks for the end of the document that begins at the front of buf, of which the
// bytes seen by earlier calls must not have changed. It returns the length of the
// document, blanks in front of it included, or 0 if more bytes are needed. After an end
// the scanner is ready for the next document.
func (s *JSONScanner) End(buf []byte) int {
	for ; s.at < len(buf); s.at++ {
		c := buf[s.at]
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped = c == '\\'
			s.inString = c != '"'
			if !s.inString && s.depth == 0 {
				return s.end(s.at + 1)
			}
		case c == '{' || c == '[' || c == '}' || c == ']' || c == '"':
			if end := s.bracket(c); end > 0 {
				return end
			}
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			if s.begun && s.depth == 0 {
				return s.end(s.at)
			}
		default:
			s.begun = true
		}
	}
	return 0
}

// bracket handles what opens or closes something. A scalar on the top level ends where
// the next document begins.
func (s *JSONScanner) bracket(c byte) int {
	opens := c != '}' && c != ']'
	if s.begun && s.depth == 0 && opens {
		return s.end(s.at)
	}
	s.begun = true
	switch {
	case c == '"':
		s.inString = true
	case opens:
		s.depth++
	default:
		if s.depth--; s.depth <= 0 {
			return s.end(s.at + 1)
		}
	}
	return 0
}

func (s *JSONScanner) end(n int) int {
	*s = JSONScanner{}
	return n
}

// MsgpackScanner finds the end of MessagePack objects. The zero MsgpackScanner stands in
// front of one.
type MsgpackScanner struct {
	at   int    // where the next header stands, perhaps behind what has arrived
	left uint64 // objects that belong to the one under way
	on   bool
}

// End looks for the end of the object that begins at the front of buf. It returns its
// length, or 0 if more bytes are needed. bad is set for a byte that begins no object.
func (s *MsgpackScanner) End(buf []byte) (n int, bad bool) {
	if !s.on {
		s.on, s.left = true, 1
	}
	for s.left > 0 {
		if s.at >= len(buf) {
			return 0, false
		}
		size, inner, ok := header(buf[s.at:])
		if !ok {
			return 0, buf[s.at] == 0xc1
		}
		s.at += size
		s.left += inner - 1
	}
	if s.at > len(buf) {
		return 0, false
	}
	n = s.at
	*s = MsgpackScanner{}
	return n, false
}

// header returns the length of an object without the objects in it, and the number of
// those. ok is false if the length is not known yet or the byte is bad.
func header(b []byte) (size int, inner uint64, ok bool) {
	c := b[0]
	switch {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
		return 1, 0, true
	case c < 0x90:
		return 1, 2 * uint64(c&0x0f), true
	case c < 0xa0:
		return 1, uint64(c & 0x0f), true
	case c < 0xc0:
		return 1 + int(c&0x1f), 0, true
	case c == 0xc1:
		return 0, 0, false
	case c >= 0xca && c <= 0xd3:
		return 1 + [...]int{4, 8, 1, 2, 4, 8, 1, 2, 4, 8}[c-0xca], 0, true
	case c >= 0xd4 && c <= 0xd8:
		return 2 + 1<<(c-0xd4), 0, true
	}
	width := map[byte]int{0xc4: 1, 0xc5: 2, 0xc6: 4, 0xc7: 1, 0xc8: 2, 0xc9: 4, 0xd9: 1, 0xda: 2, 0xdb: 4, 0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4}[c]
	if len(b) <= width {
		return 0, 0, false
	}
	n := uint64(0)
	for _, x := range b[1 : 1+width] {
		n = n<<8 | uint64(x)
	}
	switch c {
	case 0xdc, 0xdd:
		return 1 + width, n, true
	case 0xde, 0xdf:
		return 1 + width, 2 * n, true
	case 0xc7, 0xc8, 0xc9:
		return 2 + width + int(n), 0, true
	}
	return 1 + width + int(n), 0, true
}
