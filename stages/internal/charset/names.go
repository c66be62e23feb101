package charset

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// find returns the character set of a name as Python or IANA know it, nil for UTF-8.
func find(name string) (set encoding.Encoding, ok bool) {
	key := fold(name)
	if set, ok := named[key]; ok {
		return set, true
	}
	for _, prefix := range [...]string{"cp", "windows", "ibm", ""} {
		if set, ok := codepages[strings.TrimPrefix(key, prefix)]; ok {
			return set, true
		}
	}
	for _, prefix := range [...]string{"iso8859", "8859"} {
		if part, is := strings.CutPrefix(key, prefix); is {
			if set, ok := iso8859[part]; ok {
				return set, true
			}
		}
	}
	set, err := ianaindex.IANA.Encoding(strings.ReplaceAll(name, "_", "-"))
	return set, err == nil && set != nil
}

// fold brings the spellings of a name together, as Python does: latin-1, latin_1, Latin1.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// Sets with a byte order mark. Without a mark, text is taken as a computer of today would
// write it.
var (
	utf16LE = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16BE = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	utf32LE = utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	utf32BE = utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	utf16   = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	utf32BM = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	utf8BM  = unicode.UTF8BOM
)

// ascii is nowhere else to be had.
var ascii, _ = ianaindex.IANA.Encoding("US-ASCII") // the name is in the index

// named are sets by their folded names.
var named = map[string]encoding.Encoding{
	"utf8": nil, "u8": nil, "utf": nil, "binary": nil, "utf8sig": utf8BM,
	"ascii": ascii, "usascii": ascii, "646": ascii,
	"utf16": utf16, "u16": utf16, "utf16le": utf16LE, "utf16be": utf16BE,
	"utf32": utf32BM, "u32": utf32BM, "utf32le": utf32LE, "utf32be": utf32BE,

	"latin": charmap.ISO8859_1, "latin1": charmap.ISO8859_1, "l1": charmap.ISO8859_1, "cp819": charmap.ISO8859_1,
	"latin2": charmap.ISO8859_2, "l2": charmap.ISO8859_2, "latin3": charmap.ISO8859_3, "l3": charmap.ISO8859_3,
	"latin4": charmap.ISO8859_4, "l4": charmap.ISO8859_4, "cyrillic": charmap.ISO8859_5, "arabic": charmap.ISO8859_6,
	"greek": charmap.ISO8859_7, "greek8": charmap.ISO8859_7, "hebrew": charmap.ISO8859_8,
	"latin5": charmap.ISO8859_9, "l5": charmap.ISO8859_9, "latin6": charmap.ISO8859_10, "l6": charmap.ISO8859_10,
	"thai": charmap.Windows874, "tis620": charmap.Windows874, "latin7": charmap.ISO8859_13, "l7": charmap.ISO8859_13,
	"latin8": charmap.ISO8859_14, "l8": charmap.ISO8859_14, "latin9": charmap.ISO8859_15, "l9": charmap.ISO8859_15,
	"latin10": charmap.ISO8859_16, "l10": charmap.ISO8859_16,

	"koi8r": charmap.KOI8R, "koi8u": charmap.KOI8U, "macroman": charmap.Macintosh, "macintosh": charmap.Macintosh,
	"maccyrillic": charmap.MacintoshCyrillic,

	"shiftjis": japanese.ShiftJIS, "sjis": japanese.ShiftJIS, "mskanji": japanese.ShiftJIS,
	"eucjp": japanese.EUCJP, "ujis": japanese.EUCJP, "iso2022jp": japanese.ISO2022JP,
	"euckr": korean.EUCKR, "ksc5601": korean.EUCKR, "korean": korean.EUCKR, "uhc": korean.EUCKR,
	"gbk": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK, "euccn": simplifiedchinese.GBK, "chinese": simplifiedchinese.GBK,
	"gb18030": simplifiedchinese.GB18030, "hz": simplifiedchinese.HZGB2312, "hzgb2312": simplifiedchinese.HZGB2312,
	"big5": traditionalchinese.Big5, "big5hkscs": traditionalchinese.Big5,
}

// codepages are those of IBM and Microsoft.
var codepages = map[string]encoding.Encoding{
	"037": charmap.CodePage037, "37": charmap.CodePage037, "437": charmap.CodePage437, "850": charmap.CodePage850, "852": charmap.CodePage852,
	"855": charmap.CodePage855, "858": charmap.CodePage858, "860": charmap.CodePage860, "862": charmap.CodePage862, "863": charmap.CodePage863,
	"865": charmap.CodePage865, "866": charmap.CodePage866, "1047": charmap.CodePage1047, "1140": charmap.CodePage1140, "874": charmap.Windows874,
	"932": japanese.ShiftJIS, "936": simplifiedchinese.GBK, "949": korean.EUCKR, "950": traditionalchinese.Big5,
	"1250": charmap.Windows1250, "1251": charmap.Windows1251, "1252": charmap.Windows1252, "1253": charmap.Windows1253, "1254": charmap.Windows1254,
	"1255": charmap.Windows1255, "1256": charmap.Windows1256, "1257": charmap.Windows1257, "1258": charmap.Windows1258,
}

// iso8859 are the parts of that standard. Part 11 is nearly the Thai code page.
var iso8859 = map[string]encoding.Encoding{
	"1": charmap.ISO8859_1, "2": charmap.ISO8859_2, "3": charmap.ISO8859_3, "4": charmap.ISO8859_4, "5": charmap.ISO8859_5,
	"6": charmap.ISO8859_6, "7": charmap.ISO8859_7, "8": charmap.ISO8859_8, "9": charmap.ISO8859_9, "10": charmap.ISO8859_10,
	"11": charmap.Windows874, "13": charmap.ISO8859_13, "14": charmap.ISO8859_14, "15": charmap.ISO8859_15, "16": charmap.ISO8859_16,
}
