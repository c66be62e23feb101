package expr

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"gambolputty/actor/event"
)

// sample is the event on which the table of filters was worked out.
func sample() *event.Event {
	list := func(texts ...string) event.Value {
		var items []event.Value
		for _, s := range texts {
			items = append(items, event.String(s))
		}
		return event.ListOf(items...)
	}
	object := func(pairs ...any) event.Value {
		m := event.NewMap(2)
		for i := 0; i < len(pairs); i += 2 {
			m.Set(event.Intern(pairs[i].(string)), pairs[i+1].(event.Value))
		}
		return event.MapOf(m)
	}
	decimal, _ := event.Number("0.25")
	e := event.New(event.NewSource("StdIn", "StdIn"))
	for name, v := range map[string]event.Value{
		"bytes_send": event.Int(3395), "http_status": event.String("200"), "fields": list("nobody", "expects", "the"),
		"params": object("spanish", list("inquisition")), "empty": event.String(""), "zero": event.Int(0), "none": event.Null,
		"rt": decimal, "ok": event.Bool(true), "lst": event.ListOf(), "d": object(), "user": event.String("-"),
		"remote_ip": event.String("192.168.2.20"), "url": event.String("GET /wiki/Monty_Python/?spanish=inquisition HTTP/1.0"),
		"nested": object("x", object("y", event.Int(5)), "e", object()), "num": event.String("12.5"), "neg": event.Int(-3),
	} {
		e.SetField(event.Intern(name), v)
	}
	e.SetType("httpd_access_log")
	e.SetReceivedFrom("127.0.0.1:61430")
	return e
}

// verdict is true, false, or the code of the first fault with its hint.
func verdict(text string, e *event.Event, slow bool) (got, hint string) {
	f, err := ParseFilter(text)
	var s *SyntaxError
	if errors.As(err, &s) {
		return string(s.Code), s.Hint
	}
	if err != nil {
		return err.Error(), ""
	}
	if slow && f.fast != nil {
		if err := f.lower(); err != nil {
			return err.Error(), ""
		}
		f.fast = nil
	}
	return strconv.FormatBool(f.Matcher(nil, nil).Match(e)), ""
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		row                int
		filter, want, hint string
	}{
		{1, `$(http_status) == '200'`, "true", ""},
		{2, `if $(http_status) == "200"`, "true", ""},
		{3, `$(http_status) == 200`, "false", ""},
		{4, `$(http_status) != 200`, "true", ""},
		{5, `int($(http_status)) == 200`, "true", ""},
		{6, `200 <= int($(http_status)) < 300`, "true", ""},
		{7, `$(http_status) >= 500`, "false", ""},
		{8, `$(http_status) > 100`, "true", ""},
		{9, `$(http_status) > '1000'`, "true", ""},
		{10, `$(bytes_send) > 3000`, "true", ""},
		{11, `$(bytes_send) == 3395.0`, "true", ""},
		{12, `$(bytes_send) == '3395'`, "false", ""},
		{13, `$(rt) * 1000 > 200`, "true", ""},
		{14, `$(bytes_send) + 5 == 3400`, "true", ""},
		{15, `$(bytes_send)+5 == 3400`, "true", ""},
		{16, `$(bytes_send) / 2 == 1697`, "true", ""},
		{17, `$(neg) % 2 == 1`, "true", ""},
		{18, `$(user) == '-'`, "true", ""},
		{19, `$(user)`, "true", ""},
		{20, `$(empty)`, "false", ""},
		{21, `$(zero)`, "false", ""},
		{22, `$(none)`, "false", ""},
		{23, `$(lst)`, "false", ""},
		{23, `$(d)`, "false", ""},
		{24, `$(params)`, "true", ""},
		{25, `not $(empty)`, "true", ""},
		{26, `$(missing)`, "false", ""},
		{27, `not $(missing)`, "true", ""},
		{28, `$(missing) == 'x'`, "false", ""},
		{29, `$(missing) != 'x'`, "true", ""},
		{30, `$(missing) is None`, "true", ""},
		{31, `$(none) is None`, "true", ""},
		{32, `$(none) is not None`, "false", ""},
		{33, `$(missing) == False`, "true", ""},
		{34, `$(missing) == 0`, "false", ""},
		{35, `$(missing) == ''`, "false", ""},
		{36, `$(missing) < 5`, "false", ""},
		{37, `$(missing) in ['a', 'b']`, "false", ""},
		{38, `$(missing) not in ['a', 'b']`, "true", ""},
		{39, `'x' in $(missing)`, "false", ""},
		{40, `len($(missing)) == 0`, "true", ""},
		{41, `len($(fields)) == 3`, "true", ""},
		{42, `'nobody' in $(fields)`, "true", ""},
		{43, `'spanish' in $(params)`, "true", ""},
		{44, `'Monty' in $(url)`, "true", ""},
		{45, `$(http_status) in ['200', '304']`, "true", ""},
		{46, `$(http_status) in [200, 304]`, "false", ""},
		{47, `$(http_status) in ('200',)`, "true", ""},
		{48, `$(http_status)in ['200']`, "true", ""},
		{49, `$(user) in {'-': 1}`, "true", ""},
		{50, `$(fields.0) == "nobody" and $(params.spanish.0) == 'inquisition'`, "true", ""},
		{51, `$(fields.-1) == 'the'`, "true", ""},
		{52, `$(fields.7) == 'x'`, "false", ""},
		{53, `$(url.foo) == 'x'`, "false", ""},
		{54, `$(nested.x.y) == 5`, "true", ""},
		{55, `$(nested.e.bytes_send) == 3395`, "false", ""},
		{56, `$(nested)['x']['y'] == 5`, "true", ""},
		{57, `$(fields)[9] == 'the'`, "false", ""},
		{58, `$(url)[:3] == 'GET'`, "true", ""},
		{59, `$(url)[-8:] == 'HTTP/1.0'`, "true", ""},
		{60, `$(remote_ip) == '192.168.2.20' and re.match('^GET', $(url))`, "true", ""},
		{61, `re.match('wiki', $(url))`, "false", ""},
		{62, `re.search('wiki', $(url))`, "true", ""},
		{63, `re.search('WIKI', $(url))`, "false", ""},
		{64, `re.search('WIKI', $(url), re.IGNORECASE)`, "true", ""},
		{65, `re.search('(?i)WIKI', $(url))`, "true", ""},
		{66, `re.match('^\d+\.\d+', $(remote_ip))`, "true", ""},
		{67, `re.match('^GET', $(missing))`, "false", ""},
		{68, `re.match('^3', $(bytes_send))`, "true", ""},
		{69, `re.findall('o', $(url))`, "true", ""},
		{70, `len(re.findall('n', $(url))) == 5`, "true", ""},
		{71, `re.match('(\w+) ', $(url)).group(1) == 'GET'`, "true", ""},
		{72, `re.match('POST', $(url)).group(0) == 'POST'`, "false", ""},
		{73, `re.match('^(?!POST)', $(url))`, "true", ""},
		{74, `not re.search('^POST', $(url))`, "true", ""},
		{75, `$(url).startswith('GET')`, "true", ""},
		{76, `$(url).startswith(('POST', 'GET'))`, "true", ""},
		{77, `$(missing).startswith('GET')`, "false", ""},
		{78, `$(bytes_send).startswith('3')`, "true", ""},
		{79, `$(url).endswith('HTTP/1.0')`, "true", ""},
		{80, `$(url).lower().find('wiki') > -1`, "true", ""},
		{81, `$(url).find('nothere') == -1`, "true", ""},
		{82, `$(url).split(' ')[0] == 'GET'`, "true", ""},
		{83, `$(url).count('/') == 4`, "true", ""},
		{84, `$(remote_ip).isdigit()`, "false", ""},
		{85, `$(ok) is True`, "true", ""},
		{86, `$(ok) == 1`, "true", ""},
		{87, `($(empty) or $(user)) == '-'`, "true", ""},
		{88, `not $(a) and $(user)`, "true", ""},
		{89, `not ($(a) and $(user))`, "true", ""},
		{90, `$(user) or $(a) and $(b)`, "true", ""},
		{91, `int($(num)) == 12`, "false", ""},
		{92, `float($(num)) > 12.4`, "true", ""},
		{93, `str($(bytes_send)) == '3395'`, "true", ""},
		{94, `int($(user)) > 1`, "false", ""},
		{95, `int($(missing)) == 0`, "false", ""},
		{96, `isinstance($(fields), list)`, "true", ""},
		{97, `$('gambolputty.event_type') == 'httpd_access_log'`, "true", ""},
		{98, `$('event_type') == 'httpd_access_log'`, "true", ""},
		{99, `$(gambolputty.event_type) != 'Unknown'`, "true", ""},
		{100, `'url' in event`, "true", ""},
		{101, `event.get('nope') == None`, "true", ""},
		{102, `$(user) <> 'x'`, "true", ""},
		{103, `$(none) < 5`, "false", ""},
		{104, `$(fields) > 5`, "false", ""},
		{105, `max($(bytes_send), 10) == 3395`, "true", ""},
		{106, `$(remote_ip) > '10.0.0.0'`, "true", ""},
		{107, `$(fields) == ['nobody', 'expects', 'the']`, "true", ""},
		{108, `$(a) = 'x'`, "E029", "=="},
		{109, `$(a) && $(b)`, "E029", "and"},
		{110, `$(a) == 'x`, "E029", ""},
		{111, `$(url) == url`, "E030", "$(url)"},
		{112, `__import__('os').system('true')`, "E030", ""},
		{113, `[x for x in $(fields)]`, "E030", ""},
		{114, `$(url).encode('hex')`, "E030", ""},
		{115, `$(http_status)d == '200'`, "E029", ""},
		{116, `re.match('(', $(url))`, "E031", ""},
		{117, `1 == 1`, "true", ""},

		// Traps of the library behind.
		{201, `'2015-06-01' == '2015-06-01'`, "true", ""},
		{202, `'3:04PM' == '3:04PM'`, "true", ""},
		{203, `re.match('\d', $(http_status))`, "true", ""},
		{204, `9007199254740993 == 9007199254740992`, "false", ""},
		{205, `$(user) in ('-')`, "true", ""},
		{206, `1 < 2 < 3`, "true", ""},
		{207, `7 / 2 == 3`, "true", ""},
		{208, `-7 / 2 == -4`, "true", ""},
		{209, `7 % 0 == 0`, "false", ""},
		{210, `$(url) > 5`, "false", ""},
		{211, `not $(nothing)`, "true", ""},

		// More of the language.
		{220, `if($(ok) == True)`, "true", ""},
		{221, `%(http_status)s == '200'`, "true", ""},
		{222, `%(http_status) == '200' and 7 %(4) == 3`, "true", ""},
		{223, `re.compile('^GET').match($(url))`, "true", ""},
		{224, `re.search('WIKI', $(url), flags=re.I | re.M)`, "true", ""},
		{225, `$(http_status) in ["200", '3' '04']`, "true", ""},
		{226, `event['url'].startswith('GET')`, "true", ""},
		{227, `event.get('nope', 'x') == 'x'`, "true", ""},
		{228, `$(event.url).startswith('GET')`, "true", ""},
		{229, `len($(url).split('/')) == 5`, "true", ""},
		{230, `re.sub('[0-9]+', 'n', $(remote_ip)) == 'n.n.n.n'`, "true", ""},
		{231, `2 ** 10 == 1024 and -2 ** 2 == -4`, "true", ""},
		{232, `sum([1, 2, 3.5]) == 6.5`, "true", ""},
		{233, `sorted(['b', 'a'])[0] == 'a'`, "true", ""},
		{234, `$(fields)[::-1][0] == 'the'`, "true", ""},
		{235, `round(2.5) == 2 and round(2.675, 2) == 2.67`, "true", ""},
		{236, `max([3, 1]) == 3 and min('b', 'a') == 'a'`, "true", ""},
		{237, `'a-b_c'.replace('-', '_').split('_', 1)[1] == 'b_c'`, "true", ""},
		{238, `isinstance($(bytes_send), (str, int))`, "true", ""},
		{239, `re.match('(?P<m>[A-Z]+)', $(url)).group('m') == 'GET'`, "true", ""},
		{240, `$(missing) is not None`, "false", ""},
		{241, `True == 1 and False == 0`, "true", ""},
		{242, "$(http_status) == '200'\n  and $(ok)", "true", ""},
		{243, `any([0, '']) or all([1, 'x'])`, "true", ""},
		{244, `$(url).strip('GET0.1').startswith(' /wiki')`, "true", ""},
		{245, `'{}'.isalpha() or 'x1'.isalnum()`, "true", ""},
		{246, `re.match($(user), $(user))`, "true", ""},
		{247, `{'a': 1}['a'] == 1`, "true", ""},

		// Faults.
		{300, `$(a) == 'x':`, "E029", "leave out the colon"},
		{301, `lambda: 1`, "E030", ""},
		{302, `$(a) if $(b) else $(c)`, "E030", ""},
		{303, `f'{x}'`, "E030", ""},
		{304, `'''x'''`, "E030", ""},
		{305, `os.system('x')`, "E030", ""},
		{306, `$(a) is 'x'`, "E029", "=="},
		{307, `len()`, "E030", ""},
		{308, `$(x|%d) == 1`, "E029", ""},
		{309, `$(x:-y) == 1`, "E029", ""},
		{310, `$(a`, "E029", ""},
		{311, `$() == 1`, "E029", ""},
		{312, `!$(a)`, "E029", "not"},
		{313, `$(a) === 1`, "E029", "=="},
		{314, `lenn($(a)) == 1`, "E030", "len"},
		{315, `re.I == 2`, "E030", ""},
		{316, `len(*$(a))`, "E030", ""},
		{317, `$(a) & 1`, "E029", ""},
		{318, ``, "E029", ""},
	} {
		for _, slow := range []bool{false, true} {
			got, hint := verdict(c.filter, sample(), slow)
			if got != c.want || c.hint != "" && !strings.Contains(hint, c.hint) {
				t.Errorf("row %d: %s (slow %v): got %s (%s), want %s (%s)", c.row, c.filter, slow, got, hint, c.want, c.hint)
			}
		}
	}
}

func TestIntegersAreExact(t *testing.T) {
	e := sample()
	big, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	e.SetField(event.Intern("big"), event.BigInt(big))
	e.SetField(event.Intern("odd"), event.Int(9007199254740993))
	for filter, want := range map[string]string{
		`$(big) == 123456789012345678901234567890`: "true", `$(big) == 123456789012345678901234567891`: "false",
		`$(odd) == 9007199254740993`: "true", `$(odd) == 9007199254740992`: "false",
		`int('9007199254740993') == $(odd)`: "true", `$(odd) + 1 == 9007199254740994`: "true", `$(big) > $(odd)`: "true",
	} {
		for _, slow := range []bool{false, true} {
			if got, _ := verdict(filter, e, slow); got != want {
				t.Errorf("%s: got %s, want %s", filter, got, want)
			}
		}
	}
}

// recordingProbe counts what it hears.
type recordingProbe struct{ mismatches, failures, timeouts int }

func (p *recordingProbe) Mismatch(_, _ string, _, _ event.Value) { p.mismatches++ }
func (p *recordingProbe) Failed(string, error)                   { p.failures++ }
func (p *recordingProbe) Timeout(string)                         { p.timeouts++ }

func TestProbeHearsOfOddities(t *testing.T) {
	for filter, want := range map[string]recordingProbe{
		`$(http_status) == 200`:        {mismatches: 1},
		`$(http_status) in [200, 304]`: {mismatches: 1},
		`$(bytes_send) == '3395'`:      {mismatches: 1},
		`int($(user)) > 1`:             {failures: 1},
		`re.match($(url), 'x')`:        {},
		`re.match('(' + '', 'x')`:      {failures: 1},
	} {
		f, err := ParseFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		var p recordingProbe
		f.Matcher(nil, &p).Match(sample())
		if p != want {
			t.Errorf("%s: heard %+v, want %+v", filter, p, want)
		}
	}
}

func TestInternalStore(t *testing.T) {
	var in Internal
	f, err := ParseFilter(`$(internal.last_host) == 'a'`)
	if err != nil {
		t.Fatal(err)
	}
	m := f.Matcher(&in, nil)
	if m.Match(sample()) {
		t.Error("a key that was never written matches")
	}
	in.Set("last_host", event.String("a"))
	if !m.Match(sample()) {
		t.Error("the value that was written is not seen")
	}
}

func TestWhatAFilterTellsOfItself(t *testing.T) {
	f, err := ParseFilter(`$(event_type) == 'x' and $(status) in [200] or not $(a.b)`)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Legacy() || len(f.Refs()) != 3 || len(f.ComparesNumber()) != 1 || f.ComparesNumber()[0].String() != "status" {
		t.Errorf("legacy %v, refs %v, numbers %v", f.Legacy(), f.Refs(), f.ComparesNumber())
	}
	if got, want := f.String(), `((($(event_type) == 'x') and ($(status) in [200])) or (not $(a.b)))`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if v, ok := f.Constant(); v || ok {
		t.Error("it is no constant")
	}
}

func TestHugeExpressionsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"parts":  strings.Repeat("1 + ", 600) + "1",
		"levels": strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100),
		"nots":   strings.Repeat("not ", 100) + "1",
		"signs":  strings.Repeat("-", 100) + "1",
		"bytes":  "'" + strings.Repeat("x", 1<<17) + "'",
	} {
		if _, err := ParseFilter(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if got, _ := verdict(`9 ** 9 ** 9 > 1`, sample(), false); got != "false" {
		t.Errorf("an integer without bounds gives %s", got)
	}
}

// randomFilter makes a filter of the common shapes.
func randomFilter(r *rand.Rand, depth int) string {
	field := func() string {
		return "$(" + []string{"a", "b", "c.d", "http_status", "bytes_send", "none", "fields", "missing"}[r.IntN(8)] + ")"
	}
	literal := func() string {
		return []string{"'200'", "200", "3395", "'x'", "''", "None", "True", "0", "0.25", "'nobody'", "-3"}[r.IntN(11)]
	}
	if depth > 0 && r.IntN(2) == 0 {
		switch r.IntN(3) {
		case 0:
			return "not (" + randomFilter(r, depth-1) + ")"
		case 1:
			return "(" + randomFilter(r, depth-1) + ") and (" + randomFilter(r, depth-1) + ")"
		}
		return "(" + randomFilter(r, depth-1) + ") or (" + randomFilter(r, depth-1) + ")"
	}
	switch r.IntN(8) {
	case 0:
		return field()
	case 1:
		return field() + " in [" + literal() + ", " + literal() + "]"
	case 2:
		return literal() + " not in " + field()
	case 3:
		return field() + ".startswith('2')"
	case 4:
		return "re.search('[0-9]', " + field() + ")"
	case 5:
		return field() + " is not None"
	case 6:
		return literal() + " " + []string{"<", ">=", "=="}[r.IntN(3)] + " " + field()
	}
	return field() + " " + []string{"==", "!=", "<", "<=", ">", ">="}[r.IntN(6)] + " " + literal()
}

func TestBothWaysAgreeOnRandomFilters(t *testing.T) {
	values := []event.Value{
		event.String("200"), event.Int(200), event.Float(0.25), event.Null, event.Bool(true), event.String(""),
		event.ListOf(event.Int(200), event.String("x")), event.MapOf(event.NewMap(0)), event.Int(-3),
	}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 42))
		text := randomFilter(r, 3)
		e := sample()
		for _, k := range []string{"a", "b"} {
			if r.IntN(3) > 0 {
				e.SetField(event.Intern(k), values[r.IntN(len(values))])
			}
		}
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if f.fast == nil {
			t.Fatalf("%s is not of a common shape", text)
		}
		quick, _ := verdict(text, e, false)
		slow, _ := verdict(text, e, true)
		if quick != slow {
			t.Errorf("%s: %s the quick way, %s the slow one", text, quick, slow)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{`$(a) == 'x'`, `if not re.match('^G', $(u)) and len($(x)[1:]) > 3`, `{'a': [1, (2,)]}['a'][0] ** 2`, `%(a)s in ('x',)`} {
		f.Add(s)
	}
	e := sample()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseFilter(text)
		if err != nil {
			return
		}
		p.Matcher(nil, nil).Match(e)
		_ = p.String()
	})
}

func BenchmarkFilter(b *testing.B) {
	for name, slow := range map[string]bool{"closures": false, "govaluate": true} {
		b.Run(name, func(b *testing.B) {
			f, err := ParseFilter(`$(http_status) == '200' and $(user) != 'x'`)
			if err != nil {
				b.Fatal(err)
			}
			if slow {
				_ = f.lower()
				f.fast = nil
			}
			m, e := f.Matcher(nil, nil), sample()
			b.ReportAllocs()
			for b.Loop() {
				if !m.Match(e) {
					b.Fatal("no match")
				}
			}
		})
	}
}
