package charset_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"gambolputty/actor/option"
	"gambolputty/stages/internal/charset"
)

// samples are texts as Python writes them in its character sets.
var samples = [][3]string{
	{"ascii", "Spam", "5370616d"},
	{"us-ascii", "Spam", "5370616d"},
	{"latin-1", "Grüße, £5", "4772fcdf652c20a335"},
	{"latin1", "Grüße", "4772fcdf65"},
	{"iso-8859-1", "Grüße", "4772fcdf65"},
	{"iso8859-1", "ü", "fc"},
	{"L1", "ü", "fc"},
	{"iso-8859-2", "žluťoučký", "be6c75bb6f75e86bfd"},
	{"latin2", "č", "e8"},
	{"iso-8859-5", "Привет", "bfe0d8d2d5e2"},
	{"iso-8859-7", "Γεια", "c3e5e9e1"},
	{"iso-8859-8", "שלום", "f9ece5ed"},
	{"iso-8859-9", "ışık", "fdfefd6b"},
	{"iso-8859-15", "5 €", "3520a4"},
	{"iso8859_15", "Œuvre", "bc75767265"},
	{"latin9", "€", "a4"},
	{"cp1250", "žluťoučký", "9e6c759d6f75e86bfd"},
	{"cp1251", "Привет", "cff0e8e2e5f2"},
	{"windows-1251", "Привет", "cff0e8e2e5f2"},
	{"cp1252", "“spam” – 5 €", "937370616d94209620352080"},
	{"1252", "€", "80"},
	{"windows_1252", "€", "80"},
	{"cp1253", "Γεια", "c3e5e9e1"},
	{"cp1254", "ışık", "fdfefd6b"},
	{"cp1257", "ąčę", "e0e8e6"},
	{"cp437", "Grüße ░", "477281e16520b0"},
	{"ibm437", "ü", "81"},
	{"cp850", "Grüße", "477281e165"},
	{"cp852", "č", "9f"},
	{"cp858", "€", "d5"},
	{"cp866", "Привет", "8fe0a8a2a5e2"},
	{"koi8-r", "Привет", "f0d2c9d7c5d4"},
	{"koi8_u", "їжак", "a7d6c1cb"},
	{"mac_roman", "Grüße", "47729fa765"},
	{"mac-cyrillic", "Привет", "8ff0e8e2e5f2"},
	{"cp037", "Spam!", "e29781945a"},
	{"utf-8", "Grüße", "4772c3bcc39f65"},
	{"UTF8", "ü", "c3bc"},
	{"u8", "ü", "c3bc"},
	{"utf_8_sig", "ü", "efbbbfc3bc"},
	{"utf-16", "Grüße 🦜", "fffe47007200fc00df00650020003ed89cdd"},
	{"utf_16_le", "ü🦜", "fc003ed89cdd"},
	{"utf-16-be", "ü🦜", "00fcd83edd9c"},
	{"UTF-16LE", "ü", "fc00"},
	{"utf-32", "ü🦜", "fffe0000fc0000009cf90100"},
	{"utf-32-le", "ü", "fc000000"},
	{"utf_32_be", "ü🦜", "000000fc0001f99c"},
	{"shift_jis", "羅生門、下人", "978590b696e5814189ba906c"},
	{"sjis", "日本", "93fa967b"},
	{"cp932", "日本①", "93fa967b8740"},
	{"euc_jp", "羅生門、下人", "cde5c0b8cce7a1a2b2bcbfcd"},
	{"euc-jp", "日本", "c6fccbdc"},
	{"iso2022_jp", "日本語", "1b2442467c4b5c386c1b2842"},
	{"iso-2022-jp", "日本 spam", "1b2442467c4b5c1b2842207370616d"},
	{"gb2312", "孙子兵法", "cbefd7d3b1f8b7a8"},
	{"gbk", "孫子兵法", "8c4fd7d3b1f8b7a8"},
	{"cp936", "孫", "8c4f"},
	{"gb18030", "孙子🦜", "cbefd7d39530db30"},
	{"hz", "孙子兵法", "7e7b4b6f5753317837287e7d"},
	{"big5", "孫子兵法", "ae5da46ca74caa6b"},
	{"euc_kr", "운수 좋은 날", "bfeebcf620c1c1c0ba20b3af"},
	{"cp949", "운수 똠", "bfeebcf6208c63"},
	{"thai", "สวัสดี", "cac7d1cab4d5"},
	{"tis-620", "สวัสดี", "cac7d1cab4d5"},
	{"iso8859_11", "สวัสดี", "cac7d1cab4d5"},
	{"arabic", "مرحبا", "e5d1cdc8c7"},
	{"iso8859-6", "مرحبا", "e5d1cdc8c7"},
	{"iso-8859-16", "ș", "ba"},
	{"iso-8859-13", "ąčę", "e0e8e6"},
}

func set(t testing.TB, name string) charset.Option {
	t.Helper()
	var o charset.Option
	if err := o.DecodeOption(&option.Value{Kind: option.String, Text: name}); err != nil {
		t.Fatal(err)
	}
	return o
}

func unhex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTextsOfPythonAreReadAndWritten(t *testing.T) {
	for _, s := range samples {
		name, text, raw := s[0], s[1], unhex(t, s[2])
		c := set(t, name).Codec(charset.Refuse)
		for range 2 { // nothing of the first text may show in the second
			if got, err := c.Decode(raw); err != nil || got != text {
				t.Errorf("%s reads %q, %v, want %q", name, got, err, text)
			}
			if got, err := c.Encode(text); err != nil || got != raw {
				t.Errorf("%s writes %x, %v, want %x", name, got, err, raw)
			}
		}
	}
}

func TestLongTextsStayWhole(t *testing.T) {
	for _, s := range samples {
		text := strings.Repeat(s[1]+"\n", 1000)
		c := set(t, s[0]).Codec(charset.Refuse)
		raw, err := c.Encode(text)
		if err != nil {
			t.Fatal(s[0], err)
		}
		if got, err := c.Decode(raw); err != nil || got != text {
			t.Errorf("%s: %d bytes became %d, %v", s[0], len(text), len(got), err)
		}
	}
}

func TestByteOrderMarksAreObeyed(t *testing.T) {
	for _, c := range [][3]string{
		{"utf-16", "fffefc00", "ü"}, {"utf-16", "feff00fc", "ü"}, {"utf-16", "fc00", "ü"}, {"utf-16-le", "fffefc00", "\ufeffü"},
		{"utf-32", "0000feff000000fc", "ü"}, {"utf-32", "fffe0000fc000000", "ü"}, {"utf-8-sig", "c3bc", "ü"}, {"utf-8", "efbbbfc3bc", "\ufeffü"},
	} {
		if got, err := set(t, c[0]).Codec(charset.Refuse).Decode(unhex(t, c[1])); err != nil || got != c[2] {
			t.Errorf("%s: %s is %q, %v", c[0], c[1], got, err)
		}
	}
}

func TestWhatCannotBeReadGoesByThePolicy(t *testing.T) {
	for _, c := range []struct{ name, raw, replaced, ignored, fault string }{
		{"ascii", "41fc42", "A\ufffdB", "AB", "character 2"},
		{"utf-8", "41fc42", "A\ufffdB", "AB", "not valid UTF-8"},
		{"utf-16-le", "410000d84200", "A\ufffdB", "AB", "character 2"},
		{"utf-16-be", "004100", "A\ufffd", "A", "character 2"},
		{"utf-16-le", "4100fdff", "A\ufffd", "A\ufffd", ""},
		{"gb18030", "418431a437", "A\ufffd", "A\ufffd", ""},
		{"shift_jis", "41fd42", "A\ufffdB", "AB", "character 2"},
		{"euc_jp", "a4", "\ufffd", "", "character 1"},
		{"iso-8859-8", "41a1", "A\ufffd", "A", "character 2"},
	} {
		raw := unhex(t, c.raw)
		got, err := set(t, c.name).Codec(charset.Refuse).Decode(raw)
		if (c.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.fault) || err == nil && got != c.replaced {
			t.Errorf("%s %s: %q, %v", c.name, c.raw, got, err)
		}
		if got, err := set(t, c.name).Codec(charset.Replace).Decode(raw); err != nil || got != c.replaced {
			t.Errorf("%s %s replaced: %q, %v", c.name, c.raw, got, err)
		}
		if got, err := set(t, c.name).Codec(charset.Ignore).Decode(raw); err != nil || c.fault != "" && got != c.ignored {
			t.Errorf("%s %s ignored: %q, %v", c.name, c.raw, got, err)
		}
	}
}

func TestWhatCannotBeWrittenGoesByThePolicy(t *testing.T) {
	for _, c := range []struct{ name, text, replaced, ignored, fault string }{
		{"ascii", "5 €!", "5 ?!", "5 !", "'€'"},
		{"latin-1", "ü€", "\xfc?", "\xfc", "'€'"},
		{"latin-1", "ü\xff", "\xfc?", "\xfc", "UTF-8"},
		{"utf-8", "ü\xff", "ü\ufffd", "ü", "UTF-8"},
		{"shift_jis", "日🦜本🦜", "\x93\xfa?\x96\x7b?", "\x93\xfa\x96\x7b", "'🦜'"},
		{"utf-16", "\xff", "\xff\xfe\xfd\xff", "\xff\xfe", "UTF-8"},
		{"iso2022_jp", "日🦜", "\x1b$BF|\x1b(B?", "\x1b$BF|\x1b(B", "'🦜'"},
	} {
		if got, err := set(t, c.name).Codec(charset.Refuse).Encode(c.text); err == nil || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s %q: %q, %v", c.name, c.text, got, err)
		}
		if got, err := set(t, c.name).Codec(charset.Replace).Encode(c.text); err != nil || got != c.replaced {
			t.Errorf("%s %q replaced: %q, %v", c.name, c.text, got, err)
		}
		if got, err := set(t, c.name).Codec(charset.Ignore).Encode(c.text); err != nil || got != c.ignored {
			t.Errorf("%s %q ignored: %q, %v", c.name, c.text, got, err)
		}
	}
}

func TestTheSetOfATextIsGuessed(t *testing.T) {
	for raw, want := range map[string]string{
		"c3bc": "ü", "fc": "ü", "93": "“", "efbbbfc3bc": "ü", "fffefc00": "ü", "feff00fc": "ü", "fffe0000fc000000": "ü", "0000feff000000fc": "ü",
		"5300700061006d00": "Spam", "005300700061006d": "Spam", "5370616d": "Spam", "": "", "5370610000": "Spa\x00\x00",
	} {
		if got, err := charset.Detector(charset.Refuse).Decode(unhex(t, raw)); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", raw, got, err, want)
		}
	}
}

func TestInputsConvertToo(t *testing.T) {
	if set(t, "utf_8").Converter() != nil || set(t, "UTF-8").Converts() {
		t.Error("UTF-8 is converted")
	}
	if got := set(t, "latin-1").Converter()("\xfc"); got != "ü" {
		t.Errorf("got %q", got)
	}
	if got := set(t, "utf-16").Converter()("\xff\xfe\xfc\x00"); got != "ü" {
		t.Errorf("got %q", got)
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	for _, name := range []string{"klingon", "", "utf-9", "cp", "iso-8859-12", "iso8859", "-"} {
		var o charset.Option
		if err := o.DecodeOption(&option.Value{Kind: option.String, Text: name}); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	var o charset.Option
	if err := o.DecodeOption(&option.Value{Kind: option.Integer, Text: "5"}); err == nil {
		t.Error("a number is taken")
	}
}

func FuzzCodec(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(unhex(f, s[2])), s[0])
	}
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		var o charset.Option
		if o.DecodeOption(&option.Value{Kind: option.String, Text: name}) != nil {
			return
		}
		for _, p := range []charset.Policy{charset.Refuse, charset.Replace, charset.Ignore} {
			got, err := o.Codec(p).Decode(string(raw))
			if !utf8.ValidString(got) || err != nil && p != charset.Refuse {
				t.Errorf("%s, %s: %q is %q, %v", name, p, raw, got, err)
			}
			if _, err := o.Codec(p).Encode(string(raw)); err != nil && p != charset.Refuse {
				t.Errorf("%s, %s: %q cannot be written: %v", name, p, raw, err)
			}
		}
	})
}
