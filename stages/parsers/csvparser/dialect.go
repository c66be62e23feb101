package csvparser

import (
	"strings"
	"unicode/utf8"
)

// dialect is the characters that mean something; 0 is none.
type dialect struct {
	escape, quote, delimiter rune
	skipSpace                bool
}

// splitter splits text after text. What it returns is valid until the next one, but for the
// texts of the columns.
type splitter struct {
	dialect
	text    string
	from    int // the column is the text from here
	to      int // to here, as long as it stands there in one piece
	column  strings.Builder
	pieces  bool // else it is in column
	row     []string
	rows    [][]string
	begun   bool // something of the column was seen
	inQuote bool
	wasRow  bool // something of the row was seen
}

// split cuts text into rows of columns. open is set if a quote was not closed.
func (s *splitter) split(text string) (rows [][]string, open bool) {
	s.row, s.rows = s.row[:0], s.rows[:0]
	if s.isPlain(text) {
		s.splitPlain(strings.TrimRight(text, "\r\n"))
		return s.rows, false
	}
	s.row = nil // one for each row from here on
	s.text = text
	for at := 0; at < len(text); {
		c, n := utf8.DecodeRuneInString(text[at:])
		next, width := utf8.DecodeRuneInString(text[at+n:])
		if s.letter(c, at, at+n, next, at+n+width) {
			n += width
		}
		at += n
	}
	open = s.inQuote
	s.endRow()
	return s.rows, open
}

// isPlain reports whether text is a single row in which only the delimiter means something,
// so that its columns are parts of it.
func (s *splitter) isPlain(text string) bool {
	return !s.skipSpace && s.delimiter < utf8.RuneSelf &&
		(s.quote == 0 || !strings.ContainsRune(text, s.quote)) &&
		(s.escape == 0 || !strings.ContainsRune(text, s.escape)) &&
		!strings.ContainsAny(strings.TrimRight(text, "\r\n"), "\r\n")
}

func (s *splitter) splitPlain(text string) {
	if text == "" {
		return
	}
	for {
		i := strings.IndexByte(text, byte(s.delimiter))
		if i < 0 {
			break
		}
		s.row = append(s.row, text[:i])
		text = text[i+1:]
	}
	s.row = append(s.row, text)
	s.rows = append(s.rows, s.row)
}

// letter handles one character, the bytes from at to to, of which the next one ends at end,
// and reports whether it took that, too.
func (s *splitter) letter(c rune, at, to int, next rune, end int) (tookNext bool) {
	more := end > to
	switch {
	case c == s.escape && c != 0 && more:
		s.write(to, end)
		return true
	case s.inQuote && c == s.quote && next == s.quote && more:
		s.write(at, to)
		return true
	case s.inQuote && c == s.quote:
		s.inQuote = false
	case s.inQuote:
		s.write(at, to)
	case c == s.delimiter:
		s.endColumn()
	case c == '\n' || c == '\r':
		s.endRow()
	case c == ' ' && s.skipSpace && !s.begun:
	case c == s.quote && c != 0 && !s.begun:
		s.begun, s.inQuote, s.wasRow = true, true, true
	default:
		s.write(at, to)
	}
	return false
}

// write adds bytes of the text to the column.
func (s *splitter) write(at, to int) {
	switch {
	case s.pieces:
		s.column.WriteString(s.text[at:to])
	case s.from == s.to: // the first ones
		s.from, s.to = at, to
	case s.to == at:
		s.to = to
	default:
		s.column.WriteString(s.text[s.from:s.to])
		s.column.WriteString(s.text[at:to])
		s.pieces = true
	}
	s.begun, s.wasRow = true, true
}

func (s *splitter) endColumn() {
	column := s.text[s.from:s.to]
	if s.pieces {
		column = s.column.String()
	}
	s.row = append(s.row, column)
	s.column.Reset()
	s.from, s.to, s.pieces = 0, 0, false
	s.begun, s.wasRow = false, true
}

// endRow ends a row. An empty line is none.
func (s *splitter) endRow() {
	if s.wasRow {
		s.endColumn()
		s.rows = append(s.rows, s.row)
	}
	s.row, s.wasRow, s.inQuote = nil, false, false
}
