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

// splitter is a text being split.
type splitter struct {
	dialect
	column  strings.Builder
	row     []string
	rows    [][]string
	begun   bool // something of the column was seen
	inQuote bool
	wasRow  bool // something of the row was seen
}

// split cuts text into rows of columns. open is set if a quote was not closed.
func (d dialect) split(text string) (rows [][]string, open bool) {
	s := &splitter{dialect: d}
	for rest := text; rest != ""; {
		c, n := utf8.DecodeRuneInString(rest)
		this := rest[:n]
		rest = rest[n:]
		next, width := utf8.DecodeRuneInString(rest)
		if s.letter(c, this, next, rest[:width]) {
			rest = rest[width:]
		}
	}
	open = s.inQuote
	s.endRow()
	return s.rows, open
}

// letter handles one character, of which raw is the bytes as they came, and reports
// whether it took the next one, too.
func (s *splitter) letter(c rune, raw string, next rune, nextRaw string) (tookNext bool) {
	switch {
	case c == s.escape && c != 0 && nextRaw != "":
		s.write(nextRaw)
		return true
	case s.inQuote && c == s.quote && next == s.quote && nextRaw != "":
		s.write(raw)
		return true
	case s.inQuote && c == s.quote:
		s.inQuote = false
	case s.inQuote:
		s.write(raw)
	case c == s.delimiter:
		s.endColumn()
	case c == '\n' || c == '\r':
		s.endRow()
	case c == ' ' && s.skipSpace && !s.begun:
	case c == s.quote && c != 0 && !s.begun:
		s.begun, s.inQuote, s.wasRow = true, true, true
	default:
		s.write(raw)
	}
	return false
}

func (s *splitter) write(raw string) {
	s.column.WriteString(raw)
	s.begun, s.wasRow = true, true
}

func (s *splitter) endColumn() {
	s.row = append(s.row, s.column.String())
	s.column.Reset()
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
