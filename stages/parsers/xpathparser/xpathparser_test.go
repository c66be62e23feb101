package xpathparser_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/parsers/xpathparser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// query is a case of a query on a document; the result alone is wanted.
func query(options, document, want string) actortest.Case {
	c := actortest.Case{Options: "source_field: x\ntarget_field: r\ndelete_fields: [x]\n" + options, In: fmt.Sprintf(`{"x": %s}`, event.AppendJSONString(nil, document)), Want: `{"r":` + want + `}`}
	if want == "" {
		c.Want = "{}"
	}
	return c
}

// wrong is a case that fails.
func wrong(options, document string) actortest.Case {
	return actortest.Case{Options: "source_field: x\ntarget_field: r\ndelete_fields: [x]\n" + options, In: fmt.Sprintf(`{"x": %s}`, event.AppendJSONString(nil, document)), Want: `{}`, Tags: "x_path_parser_failure"}
}

const bookstore = `<?xml version="1.0"?>
<bookstore><!-- all of them -->
<book category="COOKING"><title lang="en">Everyday Italian</title><price>30.00</price></book>
<book category="WEB"><title lang="en">XQuery &amp; you</title><price>49.99</price></book>
<book category="WEB"><title>Learning XML</title><price>39.95</price></book>
</bookstore>`

func TestTheExample(t *testing.T) {
	const in = `{"product_xml": "<bookstore><book category=\"COOKING\"><title lang=\"en\">Everyday Italian</title></book></bookstore>", "category": "COOKING"}`
	one := func(query, want string) actortest.Case {
		return actortest.Case{Options: "source_field: product_xml\nquery: '" + query + "'\ntarget_field: book_title\ndelete_fields: [product_xml, category]", In: in, Want: want}
	}
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"text":    one(`//bookstore/book[@category="$(category)"]/title/text()`, `{"book_title":["Everyday Italian"]}`),
		"number":  one(`count(//book)`, `{"book_title":1.0}`),
		"element": one(`//title`, `{"book_title":["<title lang=\"en\">Everyday Italian</title>"]}`),
		"default": {Options: "source_field: product_xml\nquery: //title/@lang\ndelete_fields: [product_xml, category]", In: in, Want: `{"gambolputty_xpath":["en"]}`},
	})
}

func TestResultsKeepTheirKind(t *testing.T) {
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"attributes":            query("query: //book/@category", bookstore, `["COOKING","WEB","WEB"]`),
		"texts":                 query("query: //title/text()", bookstore, `["Everyday Italian","XQuery & you","Learning XML"]`),
		"elements":              query("query: //book[2]/*", bookstore, `["<title lang=\"en\">XQuery &amp; you</title>","<price>49.99</price>"]`),
		"no text behind it":     query("query: //b", `<a><b>1</b>tail</a>`, `["<b>1</b>"]`),
		"an empty element":      query("query: //b", `<a><b/></a>`, `["<b/>"]`),
		"nested, with comments": query("query: /a/b", `<a><b x="&quot;&lt;&#10;"><c>1 &lt; 2 &gt; 1</c><!-- c --></b></a>`, `["<b x=\"&quot;&lt;&#10;\"><c>1 &lt; 2 &gt; 1</c><!-- c --></b>"]`),
		"the document":          query("query: /", `<?xml version="1.0"?><a><b/></a>`, `["<a><b/></a>"]`),
		"a comment":             query("query: //comment()", bookstore, `[" all of them "]`),
		"a string":              query("query: string(//title)", bookstore, `"Everyday Italian"`),
		"an empty string":       query("query: string(//nope)", bookstore, `""`),
		"zero":                  query("query: count(//nope)", bookstore, `0.0`),
		"False":                 query("query: boolean(//nope)", bookstore, `false`),
		"True":                  query(`query: 'count(//book) = 3'`, bookstore, `true`),
		"a sum":                 query("query: sum(//book[1]/price)", bookstore, `30.0`),
		"concat":                query(`query: 'concat(//title[1], "!")'`, bookstore, `"Everyday Italian!"`),
		"nothing":               query("query: //nope", bookstore, ""),
		"in order, once each":   query("query: //price/../title/text() | //book[1]/title/text() | //title/text()", bookstore, `["Everyday Italian","XQuery & you","Learning XML"]`),
		"backwards":             query("query: //book[3]/preceding-sibling::book/title/text()", bookstore, `["Everyday Italian","XQuery & you"]`),
		"ancestors":             query("query: //title[1]/ancestor::book/@category", `<s><book category="a"><title/></book></s>`, `["a"]`),
		"positions":             query("query: '(//book)[last()]/title/text()'", bookstore, `["Learning XML"]`),
		"CDATA is text":         query("query: //a/text()", `<a>1<![CDATA[<2>]]>3</a>`, `["1<2>3"]`),
		"blanks are text":       query("query: //a/text()", "<a> <b/>\n</a>", `[" ","\n"]`),
		"a single node":         query("query: //book[1]/title/text()\nforce_list: False", bookstore, `"Everyday Italian"`),
		"several nodes":         query("query: //price/text()\nforce_list: False", bookstore, `["30.00","49.99","39.95"]`),
		"source kept":           {Options: "source_field: x\ntarget_field: r\nquery: //a/text()", In: `{"x": "<a>1</a>"}`, Want: `{"r":["1"],"x":"<a>1</a>"}`},
	})
}

func TestEncodings(t *testing.T) {
	utf16 := func(s string) string {
		var out strings.Builder
		out.WriteString("\xff\xfe")
		for _, r := range s {
			out.WriteByte(byte(r))
			out.WriteByte(byte(r >> 8))
		}
		return out.String()
	}
	for name, c := range map[string]struct{ document, want string }{
		"UTF-8":           {"<a>Grüße</a>", "Grüße"},
		"a mark":          {"\ufeff<?xml version='1.0' encoding='UTF-8'?><a>ü</a>", "ü"},
		"Latin 1":         {"<?xml version='1.0' encoding='ISO-8859-1'?><a>Gr\xfc\xdfe</a>", "Grüße"},
		"windows-1252":    {"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x80</a>", "€"},
		"UTF-16":          {utf16("<?xml version='1.0' encoding='UTF-16'?><a>ü</a>"), "ü"},
		"UTF-16 unmarked": {utf16("<a>ü</a>")[2:], "ü"},
		"entities":        {"<a>&#252;&#x20AC;&lt;&apos;</a>", "ü€<'"},
	} {
		e := event.New(event.NewSource("StdIn", "StdIn"), event.Field{Key: event.Intern("x"), Value: event.String(c.document)})
		out := actortest.Process(t, xpathparser.Spec, "source_field: x\nquery: string(/a)\ntarget_field: r", e)
		if v, _ := out[0].Field(event.Intern("r")); v.Str() != c.want {
			t.Errorf("%s gives %q, %s", name, v.Str(), actortest.Tags(out[0]))
		}
	}
}

func TestNameSpaces(t *testing.T) {
	const soap = `<s:Envelope xmlns:s="urn:soap" xmlns="urn:default"><s:Body><item x:id="1" id="2" xmlns:x="urn:x">A</item></s:Body></s:Envelope>`
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"by their URI":         query("namespaces: {soap: 'urn:soap', d: 'urn:default'}\nquery: //soap:Body/d:item/text()", soap, `["A"]`),
		"attributes":           query("namespaces: {y: 'urn:x'}\nquery: //@y:id", soap, `["1"]`),
		"without a prefix":     query("query: //item/@id", soap, `["2"]`),
		"another URI":          query("namespaces: {s: 'urn:other'}\nquery: //s:Body", soap, ""),
		"ignored":              query("ignore_namespaces: True\nquery: //Envelope/Body/item/text()", soap, `["A"]`),
		"cut out with them":    query("query: //item", soap, `["<item xmlns:x=\"urn:x\" xmlns:s=\"urn:soap\" xmlns=\"urn:default\" x:id=\"1\" id=\"2\">A</item>"]`),
		"cut out without them": query("ignore_namespaces: True\nquery: //Body", soap, `["<Body><item id=\"1\" id=\"2\">A</item></Body>"]`),
		"hidden and back":      query("namespaces: {p: 'urn:2'}\nquery: //p:b/@n", `<a xmlns="urn:1" xmlns:q="urn:2"><q:b n="1"><b xmlns="urn:2" n="2"/></q:b><b n="3"/></a>`, `["1","2"]`),
		"the prefix xml":       query("query: //a/@xml:lang", `<a xml:lang="de"/>`, `["de"]`),
		"name()":               query("query: name(//*[local-name() = \"Body\"])", soap, `"s:Body"`),
		"namespace-uri()":      query("query: namespace-uri(//item)", soap, `"urn:default"`),
	})
}

func TestElementsBecomeMaps(t *testing.T) {
	const mode = "target_mode: xml_to_dict\n"
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"the whole document":  query(mode+"force_list: False", `<a b="1"><c>x</c><c> y </c><d/><e f="2">z</e></a>`, `{"a":{"@b":"1","c":["x","y"],"d":null,"e":{"#text":"z","@f":"2"}}}`),
		"what a query finds":  query(mode+"query: //book[price > 35]", bookstore, `[{"book":{"@category":"WEB","price":"49.99","title":{"#text":"XQuery & you","@lang":"en"}}},{"book":{"@category":"WEB","price":"39.95","title":"Learning XML"}}]`),
		"texts and numbers":   query(mode+"query: //price/text()\nforce_list: True", bookstore, `["30.00","49.99","39.95"]`),
		"mixed":               query(mode+"force_list: False", `<a>1<b/>2</a>`, `{"a":{"#text":"12","b":null}}`),
		"prefixes":            query(mode+"force_list: False", `<s:a xmlns:s="u" s:b="1"/>`, `{"s:a":{"@s:b":"1"}}`),
		"many different ones": query(mode+"force_list: False\nignore_namespaces: True", "<a>"+strings.Repeat("<b1/><b2/><b3/><b4/><b5/><b6/><b7/><b8/><b9/><c1/><c2/><c3/><c4/><c5/><c6/><c7/><c8/><c9/>", 2)+"</a>", `{"a":{`+manyNulls()+`}}`),
	})
}

func manyNulls() string {
	var list []string
	for _, c := range "bc" {
		for i := 1; i <= 9; i++ {
			list = append(list, fmt.Sprintf(`"%c%d":[null,null]`, c, i))
		}
	}
	return strings.Join(list, ",")
}

func TestSeveralQueries(t *testing.T) {
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"static":  {Options: "source_field: x\nqueries: {n: count(//a), a.b: //b/text(), nothing: //c}\ndelete_fields: [x]", In: `{"x": "<a><b>1</b></a>"}`, Want: `{"a":{"b":["1"]},"n":1.0}`},
		"dynamic": {Options: "source_field: x\nqueries: {'t_$(f)': '//$(f)/text()'}\ndelete_fields: [x, f]", In: `{"x": "<a><b>1</b></a>", "f": "b"}`, Want: `{"t_b":["1"]}`},
	})
}

func TestDynamicOptions(t *testing.T) {
	const options = "source_field: '$(from)'\ntarget_field: to_$(to)\nquery: '//b[@n=\"$(n)\"]/text()'\n"
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"all":                {Options: options + "delete_fields: [from, to, n, x]", In: `{"from": "x", "to": "here", "n": 5, "x": "<a><b n=\"5\">1</b></a>"}`, Want: `{"to_here":["1"]}`},
		"source unresolved":  {Options: options, In: `{"to": "here", "n": 5}`, Want: `{"n":5,"to":"here"}`},
		"query unresolved":   {Options: options, In: `{"from": "x", "to": "here", "x": "<a/>"}`, Want: `{"from":"x","to":"here","x":"<a/>"}`, Tags: "x_path_parser_failure"},
		"target unresolved":  {Options: options, In: `{"from": "x", "n": 5, "x": "<a/>"}`, Want: `{"from":"x","n":5,"x":"<a/>"}`, Tags: "x_path_parser_failure"},
		"a quote in a text":  {Options: options + "delete_fields: [from, to, n, x]", In: `{"from": "x", "to": "t", "n": "' or '1'='1", "x": "<a><b n=\"' or '1'='1\">1</b></a>"}`, Want: `{"to_t":["1"]}`},
		"the quote of it":    {Options: options + "delete_fields: [from, to, x]", In: `{"from": "x", "to": "t", "n": "\"] | //*[\"", "x": "<a/>"}`, Want: `{"n":"\"] | //*[\""}`, Tags: "x_path_parser_failure"},
		"wrong afterwards":   {Options: "source_field: x\nquery: '//$(q)'\ndelete_fields: [x]", In: `{"q": "b[", "x": "<a/>"}`, Want: `{"q":"b["}`, Tags: "x_path_parser_failure"},
		"an unknown prefix":  {Options: "source_field: x\nquery: '//$(q)'\ndelete_fields: [x]", In: `{"q": "p:b", "x": "<a/>"}`, Want: `{"q":"p:b"}`, Tags: "x_path_parser_failure"},
		"as a list of one":   {Options: "source_fields: [x]\nquery: count(//a)\ntarget_field: r\ndelete_fields: [x]", In: `{"x": "<a/>"}`, Want: `{"r":1.0}`},
		"no place for it":    {Options: "source_field: x\nquery: count(//a)\ntarget_field: n.m\ndelete_fields: [x]", In: `{"x": "<a/>", "n": 5}`, Want: `{"n":5}`, Tags: "x_path_parser_failure"},
		"source is missing":  {Options: "source_field: x\nquery: count(//a)", In: `{"n": 5}`, Want: `{"n":5}`},
		"source is no text":  {Options: "source_field: n\nquery: count(//a)", In: `{"n": 5}`, Want: `{"n":5}`, Tags: "x_path_parser_failure"},
		"an empty name":      {Options: "source_field: '$(n)'\nquery: count(//a)", In: `{"n": ""}`, Want: `{"n":""}`, Tags: "x_path_parser_failure"},
		"many of them, same": {Options: "source_field: x\nquery: 'count(//a[. = \"$(n)\"])'\ntarget_field: r\ndelete_fields: [x]", In: "{\"x\": \"<a>1</a>\", \"n\": 1}\n{\"x\": \"<a>1</a>\", \"n\": 1}\n{\"x\": \"<a>1</a>\", \"n\": 2}", Want: "{\"n\":1,\"r\":1.0}\n{\"n\":1,\"r\":1.0}\n{\"n\":2,\"r\":0.0}"},
	})
}

func TestWrongDocumentsAreFaults(t *testing.T) {
	const q = "query: //*"
	cases := map[string]actortest.Case{
		"too large":                 wrong(q+"\nmax_bytes: 10", "<a>1234567890</a>"),
		"a result that is too long": wrong(q+"\nmax_bytes: 100", "<a>"+strings.Repeat("<b>", 10)+"x"+strings.Repeat("</b>", 10)+"</a>"),
		"texts that are too long":   wrong("query: //a/text() | //@x\nmax_bytes: 30", `<a x="1234567890">12345</a>x`),
		"too deep":                  wrong(q, strings.Repeat("<a>", 501)+strings.Repeat("</a>", 501)),
		"too many attributes":       wrong(q, "<a"+attributes(257)+"/>"),
		"too many name spaces":      wrong(q, "<a"+spaces(200)+"><b"+spaces(200)+"/></a>"),
		"an attribute twice":        wrong(q, `<a b="1" b="2"/>`),
		"declarations":              wrong(q, `<!DOCTYPE a [<!ELEMENT a ANY>]><a/>`),
		"entities":                  wrong(q, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`),
		"external entities":         wrong(q, `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`),
		"a bomb":                    wrong(q, `<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>`),
		"an unknown entity":         wrong(q, `<!DOCTYPE a SYSTEM "a.dtd"><a>&b;</a>`),
		"an unknown character set":  wrong(q, `<?xml version="1.0" encoding="spam"?><a/>`),
	}
	for i, document := range []string{"", "   ", "text", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>text", "<a b></a>", "<a b=1/>", "<a>&</a>", "<a><b></a></b>", "<", "<a", "<!-- -->", "<?xml?>", "<a>\x01</a>", "<a b='<'/>x", "\xff\xfe\x00", "<a/><!DOCTYPE a>"} {
		cases[fmt.Sprint("not well-formed ", i)] = wrong(q, document)
	}
	actortest.Cases(t, xpathparser.Spec, cases)
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"a document type that is only named": query("query: count(//a)", `<!DOCTYPE a PUBLIC "-//X//Y" "http://example.com/a.dtd"><a/>`, "1.0"),
		"as deep as is allowed":              query("query: count(//a)", strings.Repeat("<a>", 500)+strings.Repeat("</a>", 500), "500.0"),
		"as many attributes":                 query("query: count(//@*)", "<a"+attributes(256)+"/>", "256.0"),
	})
}

func attributes(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, ` a%d=""`, i)
	}
	return out.String()
}

func spaces(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, ` xmlns:n%d="u"`, i)
	}
	return out.String()
}

func TestTheLogHasThePlaceAndTheReason(t *testing.T) {
	for _, c := range []struct{ options, document, want string }{
		{"query: //a", "<a>\n<b></a>", "line 2, column 8: element b is closed by a"},
		{"query: //a", "<a>\n&b;</a>", "line 2, column 1: unknown entity &b;"},
		{"query: 'count(//a)'\nmax_bytes: 5", "<a>\n</a>", "the document is larger than max_bytes"},
		{"query: '//a[starts-with(., $(data))]'", "<a/>", `bad query \"//a[starts-with(., <a/>)]\"`},
	} {
		feed := make(chan string, 1)
		feed <- c.document
		close(feed)
		r := actortest.Start(t, "- Lines\n- XPathParser:\n    source_field: data\n    "+strings.ReplaceAll(c.options, "\n", "\n    ")+"\n- TestCatch\n", xpathparser.Spec, actortest.Lines(feed))
		r.Finish()
		if !strings.Contains(r.Log(), c.want) {
			t.Errorf("%s: no %s in the log:\n%s", c.options, c.want, r.Log())
		}
	}
}

func TestSlowQueriesEnd(t *testing.T) {
	document := "<a>" + strings.Repeat("<b><c>1</c><c>2</c></b>", 3000) + "</a>"
	start := time.Now()
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"everything with everything": wrong("query: count(//*[count(//*[. = 1]) > 1])", document),
		"text of text":               wrong("query: //*[contains(string(/), string(.))][contains(string(/), string(..))]", document),
		"an error of the library":    wrong("query: 'sum(//@n) + starts-with(1, 2)'", document),
		"and it goes on":             {Options: "source_field: x\nquery: 'count(//b[count(//$(q)) > 0])'\ntarget_field: r\ndelete_fields: [x]", In: `{"q": "b", "x": "<a><b/></a>"}`, Want: `{"q":"b","r":1.0}`},
	})
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestHTMLMayBeWrong(t *testing.T) {
	const page = `<!DOCTYPE html><title>Spam &amp; Eggs</title><body class=main><p>one<p>two<br>three<img src=x.png><!-- c --><ul><li>a<li>b</ul><svg><a xlink:href="u"/></svg>`
	actortest.Cases(t, xpathparser.Spec, map[string]actortest.Case{
		"texts":        query("parser: html\nquery: //p/text()", page, `["one","two","three"]`),
		"attributes":   query("parser: html\nquery: //@class | //img/@src", page, `["main","x.png"]`),
		"elements":     query("parser: html\nquery: //p[2]", `<p>1<p>2<br>3`, `["<p>2<br/>3</p>"]`),
		"a title":      query("parser: html\nquery: string(//title)", page, `"Spam & Eggs"`),
		"as a map":     query("parser: html\nquery: //ul\ntarget_mode: xml_to_dict\nforce_list: False", page, `{"ul":{"li":["a","b"]}}`),
		"in a drawing": query("parser: html\nquery: //@x:href\nnamespaces: {x: 'http://www.w3.org/1999/xlink'}", page, `["u"]`),
		"no HTML":      query("parser: html\nquery: count(//*)", "", "3.0"),
		"too deep":     wrong("parser: html\nquery: //b", strings.Repeat("<div>", 600)),
	})
}

// away is a store that fails.
type away struct{ store.Store }

var errAway = errors.New("the store is away")

// Get fails.
func (away) Get(context.Context, string) (event.Value, bool, error) {
	return event.Null, false, errAway
}

// Set fails.
func (away) Set(context.Context, ...store.Entry) error { return errAway }

type service struct{ store.Store }

// Serve waits for the end.
func (service) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

type noOptions struct{}

// stored runs events through a parser with a store.
func stored(t *testing.T, s store.Store, options string, lines ...string) (out []string, log string) {
	t.Helper()
	spec := actor.DefineService(actor.Info{Name: "KeyValueStore", Role: actor.StandAlone}, noOptions{}, func(actor.Env, noOptions) (actor.Service, error) { return service{s}, nil })
	feed := make(chan string, len(lines))
	for _, l := range lines {
		feed <- l
	}
	close(feed)
	r := actortest.Start(t, "- Lines\n- KeyValueStore\n- XPathParser:\n    source_field: data\n    pool_size: 1\n    redis_store: KeyValueStore\n    "+strings.ReplaceAll(options, "\n", "\n    ")+"\n- TestCatch\n", spec, xpathparser.Spec, actortest.Lines(feed))
	for _, e := range r.Finish() {
		v, _ := e.Field(event.Intern("gambolputty_xpath"))
		out = append(out, v.Text()+" "+actortest.Meta(e, "cache_hit")+actortest.Tags(e))
	}
	return out, r.Log()
}

func TestResultsAreLookedUpInAStore(t *testing.T) {
	s := store.NewMemory(store.MemoryOptions{})
	out, _ := stored(t, s, "query: //a/text()\nredis_key: key", "<a>1</a>", "<a>2</a>", "no XML")
	if got := strings.Join(out, "; "); got != `["1"] False; ["1"] True; ["1"] True` {
		t.Error(got)
	}
	out, _ = stored(t, store.NewMemory(store.MemoryOptions{}), "query: //b\ncache_key: k$(data)\ncache_ttl: 5", "<a>1</a>", "<a>1</a>")
	if got := strings.Join(out, "; "); got != `None False; None False` {
		t.Errorf("what found nothing is not kept, but got %s", got)
	}
	out, _ = stored(t, s, "query: //a/text()\nredis_key: $(nope)", "<a>1</a>")
	if got := strings.Join(out, "; "); got != `None x_path_parser_failure` {
		t.Errorf("a key that is not resolved is a fault, but got %s", got)
	}
	out, log := stored(t, away{}, "query: //a/text()\nredis_key: key", "<a>1</a>", "<a>2</a>")
	if got := strings.Join(out, "; "); got != `["1"] False; ["2"] False` || !strings.Contains(log, "the store is away") {
		t.Errorf("got %s, log %s", got, log)
	}
	out, _ = stored(t, s, "queries: {gambolputty_xpath: //a/text(), n: count(//a)}\nredis_key: several", "<a>1</a>", "x")
	if got := strings.Join(out, "; "); got != `["1"] False; ["1"] True` {
		t.Error(got)
	}
	out, _ = stored(t, s, "queries: {gambolputty_xpath: //a/text(), n: count(//a)}\nredis_key: key", "<a>1</a>")
	if got := strings.Join(out, "; "); got != `None x_path_parser_failure` {
		t.Errorf("what others stored need not fit, but got %s", got)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, xpathparser.Spec, map[string]string{
		"query: //a":                                                            "source_field: required option is missing",
		"source_field: x":                                                       "query: required option is missing",
		"source_field: x\nquery: '//a['":                                        `E041]: XPathParser: query: bad query "//a["`,
		"source_field: x\nquery: '//p:a'":                                       "prefix p not defined",
		"source_field: x\nqueries: {r: '//a[', s: //b}":                         "E041]: XPathParser: queries.r: bad query",
		"source_field: x\nquery: //a\nqueries: {r: //b}":                        "cannot be set together with query",
		"source_field: x\nquery: //a\nredis_store: nowhere\nredis_key: k":       "E033",
		"source_field: x\nquery: //a\nredis_store: TestCatch\nredis_key: k":     "E034",
		"source_field: x\nquery: //a\nredis_store: TestCatch":                   "redis_key: required option is missing",
		"source_field: x\nquery: //a\nmax_bytes: 0":                             "must be at least 1",
		"source_field: x\nquery: //a\ntarget_mode: spam":                        "must be one of xml, xml_to_dict",
		"source_field: x\nquery: //a\nparser: sgml":                             "must be one of xml, html",
		"source_field: x\nquery: //a\ntarget_field: ''":                         "must not be empty",
		"source_field: x\nquery: '//a[$(b]'":                                    "E032",
		"source_fields: [x, y]\nquery: //a":                                     "must be",
		"source_field: x\nquery: //a\ncache: a\nredis_store: b\nredis_key: key": "another name",
	})
	for _, options := range []string{"source_field: x\nquery: '//$(b)['", "source_field: x\ntarget_mode: xml_to_dict", "source_field: x\nquery: //a\nredis_ttl: 10", "source_field: x\nquery: //p:a\nnamespaces: {p: urn:x}"} {
		if err := actortest.Options(t, xpathparser.Spec, options); err != nil {
			t.Error(err)
		}
	}
}

func TestOptionsWithoutEffectAreTold(t *testing.T) {
	for options, want := range map[string]string{
		"queries: {r: //a}\n    target_field: r":                    "queries names the fields",
		"query: //a\n    parser: html\n    ignore_namespaces: True": "no name spaces in HTML",
		"query: //a\n    redis_key: k":                              "has no effect without redis_store",
	} {
		_, report := config.Loader{Specs: []actor.Spec{xpathparser.Spec, actortest.Numbers(1)}}.LoadText("test", []byte("- Numbers\n- XPathParser:\n    source_field: x\n    "+options+"\n"))
		if text := report.Text(); !strings.Contains(text, "W105") || !strings.Contains(text, want) {
			t.Errorf("%s: %s", options, text)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	for _, s := range []string{bookstore, `<s:a xmlns:s="u" xmlns="v"><b s:c="1"/>t<![CDATA[x]]></s:a>`, "<!DOCTYPE a><a>&#10;</a>", "<p>1<p>2<table><td>", "\xff\xfe<\x00a\x00/\x00>\x00", "<?xml version='1.0' encoding='latin1'?><a>\xe4</a>"} {
		f.Add(s, "//b[@x]/text() | //*")
	}
	f.Add("<a><b/></a>", "count(//*[. = 'x']) > 1 and starts-with(name(//a), 'b')")
	f.Fuzz(func(t *testing.T, document, query string) {
		for _, options := range []string{"parser: xml", "parser: html", "ignore_namespaces: True\ntarget_mode: xml_to_dict"} {
			in := event.New(event.NewSource("StdIn", "StdIn"), event.Field{Key: event.Intern("x"), Value: event.String(document)}, event.Field{Key: event.Intern("q"), Value: event.String(query)})
			start := time.Now()
			out := actortest.Process(t, xpathparser.Spec, "source_field: x\nquery: $(q)\nmax_bytes: 10000\n"+options, in)
			if len(out) != 1 || actortest.Meta(out[0], "error") != "" {
				t.Errorf("%q, %q: %s", document, query, actortest.Meta(out[0], "error"))
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("%q, %q took %s", document, query, d)
			}
		}
	})
}

func BenchmarkAttributeAndText(b *testing.B) {
	actortest.Bench(b, xpathparser.Spec, `source_field: data
query: '//book[@category="WEB"]/title/text()'`, bookstore)
}

func BenchmarkMap(b *testing.B) {
	actortest.Bench(b, xpathparser.Spec, "source_field: data\ntarget_mode: xml_to_dict", bookstore)
}
