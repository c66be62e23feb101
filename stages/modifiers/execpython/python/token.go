package python

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind sorts the tokens of Python source.
type kind uint8

const (
	end     kind = iota
	newline      // the end of a logical line
	indent       // the next line is indented more than the one before
	dedent       // a level of indentation ends
	name
	number
	text // a string with prefix and quotes
	op
)

// token is a piece of source.
type token struct {
	kind      kind
	at        int // offset of its first byte
	text      string
	line, col int // from 1, the column in bytes
}

// is reports whether the token is a name or an operator with the given text.
func (t token) is(text string) bool { return t.text == text && (t.kind == name || t.kind == op) }

// describe names the token in a message.
func (t token) describe() string {
	switch t.kind {
	case end:
		return "the end"
	case newline:
		return "the end of the line"
	case indent:
		return "an indentation"
	case dedent:
		return "the end of the block"
	}
	const most = 20
	if len(t.text) > most {
		return t.text[:most] + "..."
	}
	return t.text
}

// SyntaxError says what is wrong with a program, and where.
type SyntaxError struct {
	// Line and Column count from 1, columns in characters.
	Line, Column int
	// Offset is the same place in bytes from the start.
	Offset int
	Reason string
}

// Error gives the reason with the place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// fault makes the error for a place in src.
func fault(src string, at int, format string, args ...any) *SyntaxError {
	at = min(at, len(src))
	start := strings.LastIndexByte(src[:at], '\n') + 1
	return &SyntaxError{strings.Count(src[:at], "\n") + 1, utf8.RuneCountInString(src[start:at]) + 1, at, fmt.Sprintf(format, args...)}
}
