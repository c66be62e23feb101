package xpathparser

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// dump shows a document.
func dump(root *node) string {
	var out strings.Builder
	for n := root.following(root); n != nil; n = n.following(root) {
		depth := 0
		for p := n.parent; p != nil; p = p.parent {
			depth++
		}
		fmt.Fprintf(&out, "%d:", depth)
		switch n.kind {
		case text:
			fmt.Fprintf(&out, "text %q\n", n.data)
		case comment:
			fmt.Fprintf(&out, "comment %q\n", n.data)
		default:
			fmt.Fprintf(&out, "%s|%s", n.prefix, n.name)
			for _, a := range n.attrs {
				fmt.Fprintf(&out, " %s|%s=%q", a.prefix, a.name, a.value)
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

// theirs shows a document as the standard library reads it.
func theirs(s string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(s))
	var out strings.Builder
	var open []xml.Name
	words, roots := "", 0
	flush := func() {
		if words != "" && len(open) > 0 {
			fmt.Fprintf(&out, "%d:text %q\n", len(open)+1, words)
		}
		words = ""
	}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if len(open) > 0 || roots != 1 {
				return "", errOpen
			}
			return out.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if flush(); len(open) == 0 {
				roots++
			}
			fmt.Fprintf(&out, "%d:%s|%s", len(open)+1, t.Name.Space, t.Name.Local)
			seen := map[xml.Name]bool{}
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				if seen[a.Name] {
					return "", errTwice
				}
				seen[a.Name] = true
				fmt.Fprintf(&out, " %s|%s=%q", a.Name.Space, a.Name.Local, strings.NewReplacer("\n", " ", "\t", " ").Replace(a.Value))
			}
			out.WriteString("\n")
			open = append(open, t.Name)
		case xml.EndElement:
			flush()
			if len(open) == 0 || open[len(open)-1] != t.Name {
				return "", errUnopened
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if words += string(t); len(open) == 0 && strings.Trim(string(t), " \t\r\n") != "" {
				return "", errRoots
			}
		case xml.Comment:
			if flush(); len(open) > 0 {
				fmt.Fprintf(&out, "%d:comment %q\n", len(open)+1, string(t))
			}
		}
	}
}

// comparable reports whether both readers should see the same in a document.
func comparable(s string) bool {
	plain := strings.NewReplacer("<!--", "", "<![CDATA[", "").Replace(s)
	if !utf8.ValidString(s) || control(s) >= 0 { // which the standard library does not look for in comments
		return false
	}
	return !strings.Contains(plain, "<!") && !strings.Contains(s, "encoding") && !strings.Contains(s, "&#") && !strings.HasPrefix(s, "\ufeff") && !strings.Contains(s, "\x00") &&
		!strings.HasPrefix(s, "\xff\xfe") && !strings.HasPrefix(s, "\xfe\xff")
}

var documents = []string{
	`<a/>`, `<a b="1" c:d='2'><e>t</e> <!-- c --><![CDATA[<x>]]>u</a>`, `<?xml version="1.0"?><?pi x?><a>&lt;&amp;&apos;&quot;&gt;</a>`, "<a\nb = '1'\n>\r\nx\ry</a >",
	`<a:b xmlns:a="u" a:c="d"></a:b>`, `<a><b></b><b/><c.d-e_1/></a>`, `<ü ß="x">ö</ü>`, "<a b='1\t2\n3'/>", `<a b="1"c="2"/>`, `<a>]]</a>`, "<!-- x --><a/><!-- y -->\n", "<:a/>", "<a:/>",
}

func TestDocumentsAreReadAsTheStandardLibraryDoes(t *testing.T) {
	for _, s := range documents {
		want, err := theirs(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		}
		root, err := new(xmlReader).read(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		} else if got := dump(root); got != want {
			t.Errorf("%q\ngives\n%s\nwant\n%s", s, got, want)
		}
	}
}

func TestFaultsOfDocumentsHaveAPlace(t *testing.T) {
	for s, want := range map[string]string{
		"<a>\n  <b></a>": "line 2, column 10: element b is closed by a", "<a>ü&b;</a>": "line 1, column 5: unknown entity &b;", "<a b='1' b='2'/>": "twice",
		"<a b>": "line 1, column 5: an attribute has no value", "<a b=1>": "line 1, column 6: the value of an attribute has no quotes", "<a b='<'/>": "line 1, column 7: < stands",
		"<a>]]></a>": "line 1, column 4: ]]> stands in a text", "<a><!-- -- --></a>": "line 1, column 9: -- stands in a comment", "<a>\x01</a>": "line 1, column 4: there is a character",
		"<a b='\x02'/>": "line 1, column 7: there is a character", "<a><!-- \x02 --></a>": "line 1, column 9: there is a character", "<a>&#1;</a>": "unknown entity &#1;", "<a>&#xd800;</a>": "unknown entity",
		"<a>&#x;</a>": "unknown entity", "<a>&;</a>": "unknown entity", "<a>& </a>": "& stands alone", "<a:b:c/>": "more than one colon", "< a/>": "line 1, column 2: a name is missing", "<1/>": "a name is missing",
		"<a/": "the document ends too early", "<a b='": "the document ends too early", "<a / >": "a tag does not end where it should", "</a b>": "a tag does not end where it should", "<a><!x></a>": "unknown markup",
		"<a/>x": "line 1, column 5: there is something behind", "x<a/>": "line 1, column 1: there is something behind", "<a/><b/>": "there is something behind", "<a/><![CDATA[x]]>": "there is something behind",
		"<a><!DOCTYPE a></a>": "unknown markup", "<!DOCTYPE a [": "declarations", "<!DOCTYPE a": "too early", "<a><![CDATA[": "too early", "<a><!--": "too early", "<a><!-- --": "too early", "<a><?x": "too early", "<a>\xff</a>": "character set",
		"<a>\ufffe</a>": "there is a character", "<?xml version='1.0' encoding='spam'?><a/>": "unknown character set",
	} {
		if _, err := new(xmlReader).read(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %s", s, err, want)
		}
	}
}

func TestMemoryIsUsedAgain(t *testing.T) {
	r := &xmlReader{}
	for i, s := range []string{"<a>" + strings.Repeat("<b c='1'>x</b>", 10_000) + "</a>", "<a><b/></a>", "<a>", "<a xmlns='u'><b/></a>", "<a/>"} {
		root, err := r.read(s)
		if i == 2 {
			continue
		}
		want, _ := theirs(s)
		if err != nil || dump(root) != want {
			t.Fatalf("document %d: %v", i, err)
		}
		if len(r.chunks) > 400 {
			t.Errorf("document %d: %d chunks are kept", i, len(r.chunks))
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range documents {
		f.Add(s)
	}
	r := &xmlReader{}
	f.Fuzz(func(t *testing.T, s string) {
		root, err := r.read(s)
		if err != nil && errors.Is(err, errDeep) || !comparable(s) {
			return
		}
		want, wrong := theirs(s)
		if wrong != nil {
			return // ours need not know all characters that names cannot have
		}
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if got := dump(root); got != want {
			t.Fatalf("%q\ngives\n%s\nwant\n%s", s, got, want)
		}
	})
}
