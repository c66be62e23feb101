package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor/option"
)

// Problem is one thing that is wrong, or probably wrong, in a configuration.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1, columns in characters; 0 means that there is no place.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Severity is error or warning.
	Severity string      `json:"severity"`
	Code     option.Code `json:"code"`
	// Module is the id of the module, else its name as written.
	Module string `json:"module"`
	// Option is the path of the option in the module.
	Option  string `json:"option"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// String is the problem as one line of text.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	fmt.Fprintf(&b, ": %s[%s]: ", p.Severity, p.Code)
	if p.Module != "" {
		b.WriteString(p.Module + ": ")
	}
	if p.Option != "" && !strings.Contains(p.Message, fmt.Sprintf("%q", p.Option)) {
		b.WriteString(p.Option + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Report is all that a check of a configuration found.
type Report struct {
	Problems []Problem
}

// InvalidError says that a configuration has errors.
type InvalidError struct{ Report *Report }

// Error counts them.
func (e *InvalidError) Error() string {
	if n, _ := e.Report.Count(); n != 1 {
		return fmt.Sprintf("the configuration has %d errors", n)
	}
	return "the configuration has an error"
}

// maxProblems bounds a report: nobody reads more, and a file may be hostile.
const maxProblems = 1000

func (r *Report) add(p Problem) {
	p.Severity = "error"
	if p.Code.IsWarning() {
		p.Severity = "warning"
	}
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	}
}

// sort puts the problems in the order of the files and of the lines in them.
func (r *Report) sort(files []string) {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code),
		)
	})
	r.Problems = slices.Compact(r.Problems)
}

// Count returns the number of errors and of warnings.
func (r *Report) Count() (errors, warnings int) {
	for _, p := range r.Problems {
		if p.Severity == "error" {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// OK reports whether the configuration can run; strict makes every warning an error.
func (r *Report) OK(strict bool) bool {
	errors, warnings := r.Count()
	return errors == 0 && (warnings == 0 || !strict)
}

// has reports whether there is a problem with one of the codes.
func (r *Report) has(codes ...option.Code) bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool { return slices.Contains(codes, p.Code) })
}

// Text is the report for people: a line for each problem and one that counts them. It is
// "" if there is nothing to say.
func (r *Report) Text() string {
	if len(r.Problems) == 0 {
		return ""
	}
	var b strings.Builder
	for _, p := range r.Problems {
		b.WriteString(p.String() + "\n")
	}
	errors, warnings := r.Count()
	b.WriteString(plural(errors, "error") + ", " + plural(warnings, "warning") + "\n")
	return b.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// JSON is the report for programs: an array of the problems.
func (r *Report) JSON() []byte {
	list := r.Problems
	if list == nil {
		list = []Problem{}
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return []byte("[]") // texts and numbers can always be written
	}
	return append(b, '\n')
}
