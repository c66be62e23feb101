package modifyfields_test

import (
	"os"
	"path/filepath"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/modifyfields"
)

const python = `Nobody inspects the spammish repetition`

func TestActions(t *testing.T) {
	one := func(options, in, want string) actortest.Case {
		return actortest.Case{Options: options, In: in, Want: want}
	}
	actortest.Cases(t, modifyfields.Spec, map[string]actortest.Case{
		"keep a branch":       one("action: keep\nsource_fields: [a.b]", `{"a": {"b": 1, "c": 2}, "d": 3}`, `{"a":{"b":1}}`),
		"keep a wildcard":     one("action: keep\nsource_fields: []\nfields_matching: ['h*']", `{"host": 1, "http": 2, "x": 3}`, `{"host":1,"http":2}`),
		"delete":              one("action: delete\nsource_fields: [delme, nested.delme, nope]", `{"delme": 1, "nested": {"delme": 2}}`, `{"nested":{}}`),
		"concat":              one("action: concat\nsource_fields: [First name, Last name]\ntarget_field: Name", `{"First name": "Johann", "Last name": "Gambolputty"}`, `{"First name":"Johann","Last name":"Gambolputty","Name":"JohannGambolputty"}`),
		"concat nothing":      one("action: concat\nsource_fields: [x]\ntarget_field: n", `{"a": 1}`, `{"a":1,"n":""}`),
		"insert":              one("action: insert\ntarget_field: Name\nvalue: $(First name) de von Ausfern", `{"First name": "Johann"}`, `{"First name":"Johann","Name":"Johann de von Ausfern"}`),
		"insert a map":        one("action: insert\ntarget_field: m\nvalue: {a: [$(x), 1], b: True}", `{"x": "y"}`, `{"m":{"a":["y",1],"b":true},"x":"y"}`),
		"replace":             one("action: replace\nsource_field: s\nregex: 'Sp.*?sh'\nwith: English", `{"s": "The Spanish Inquisition"}`, `{"s":"The English Inquisition"}`),
		"replace by a field":  one("action: replace\nsource_field: s\nregex: 'Sp.*?sh'\nwith: $(w)", `{"s": "The Spanish", "w": "\\1x"}`, `{"s":"The \\1x","w":"\\1x"}`),
		"replace with groups": one(`{action: replace, source_field: s, regex: '(?P<a>\w)(\w)', with: '\2\g<a>'}`, `{"s": "abcd"}`, `{"s":"badc"}`),
		"replace over lines":  one(`{action: replace, source_field: s, regex: ['<[^>]*>', 're.MULTILINE | re.DOTALL'], with: ''}`, `{"s": "<b>Spam</b> & <i\nx>eggs</i>"}`, `{"s":"Spam & eggs"}`),
		"string_replace":      one("action: string_replace\nsource_field: s\nold: a\nnew: b\nmax: 2", `{"s": "aaaa"}`, `{"s":"bbaa"}`),
		"map":                 one("action: map\nsource_field: s\nmap: {200: 'OK', '404': 'Not Found'}", `{"s": "200"}`, `{"s":"200","s_mapped":"OK"}`),
		"map a number":        one("action: map\nsource_field: s\nmap: {200: 'OK', '404': 'Not Found'}\ntarget_field: s", `{"s": 404}`, `{"s":"Not Found"}`),
		"map nothing":         one("action: map\nsource_field: s\nmap: {200: 'OK'}", `{"s": 300}`, `{"s":300}`),
		"map and keep":        one("action: map\nsource_field: s\nmap: {200: 'OK'}\nkeep_unmappable: True", `{"s": 300}`, `{"s":300,"s_mapped":300}`),
		"map to a default":    one("action: map\nsource_field: s\nmap: {200: 'OK'}\ndefault_value: $(x)", `{"s": 300, "x": "y"}`, `{"s":300,"s_mapped":"y","x":"y"}`),
		"key_value":           one("action: key_value\nsource_field: s\nkv_separator: '-'\nline_separator: '/'", `{"s": "Johann-Gambolputty/Schlingern-Schlendern/nobody-/spammish-repetition/"}`, `{"Johann":"Gambolputty","Schlingern":"Schlendern","nobody":"","s":"Johann-Gambolputty/Schlingern-Schlendern/nobody-/spammish-repetition/","spammish":"repetition"}`),
		"key_value prefixed":  one("action: key_value\nsource_field: s\nkv_separator: '='\nline_separator: ' '\ntarget_field: kv\nprefix: x_", `{"s": "a=1 b=2"}`, `{"kv":{"x_a":"1","x_b":"2"},"s":"a=1 b=2"}`),
		"key_value quoted":    one("action: key_value\nsource_field: s\nkv_separator: '='\nline_separator: ' '\ntarget_field: kv\nallow_quotes: True", `{"s": "a=\"1 2\" b=3"}`, `{"kv":{"a":"1 2","b":"3"},"s":"a=\"1 2\" b=3"}`),
		"key_value_regex":     one(`{action: key_value_regex, source_field: s, regex: '([^=&?]+)[=]([^&=?]+)'}`, `{"s": "?a=1&b=2&c="}`, `{"a":"1","b":"2","s":"?a=1&b=2&c="}`),
		"split":               one("action: split\nsource_field: s\nseparator: ';'", `{"s": "a;b;;c"}`, `{"s":["a","b","","c"]}`),
		"split a list":        one("action: split\nsource_field: l\ntarget_field: item", `{"l": ["a", 3], "x": 1}`, "{\"item\":\"a\",\"x\":1}\n{\"item\":3,\"x\":1}"),
		"merge":               one("action: merge\nsource_fields: [longitude, latitude]\ntarget_field: geoip", `{"latitude": 52.3667, "longitude": 9.7167}`, `{"geoip":[9.7167,52.3667],"latitude":52.3667,"longitude":9.7167}`),
		"join":                one("action: join\nsource_field: l\ntarget_field: s", `{"l": ["a", 1, true]}`, `{"l":["a",1,true],"s":"a,1,True"}`),
		"cast to int":         one("action: cast_to_int\nsource_fields: [a, b, c, d, e, f, g]", `{"a": "3.7", "b": " -42 ", "c": "1e3", "d": "9007199254740993", "e": "Three shall be the number", "f": true, "g": null}`, `{"a":3,"b":-42,"c":1000,"d":9007199254740993,"e":0,"f":1,"g":0}`),
		"the former name":     one("action: castToInteger\nsource_fields: [a]", `{"a": "3"}`, `{"a":3}`),
		"cast to float":       one("action: cast_to_float\nsource_fields: [a, b]", `{"a": "3", "b": "x"}`, `{"a":3.0,"b":0.0}`),
		"cast to str":         one("action: cast_to_str\nsource_fields: [a, b, c]", `{"a": 3.1415, "b": null, "c": [1]}`, `{"a":"3.1415","b":"None","c":"[1]"}`),
		"cast to bool":        one("action: cast_to_bool\nsource_fields: [a, b, c, d]", `{"a": "no", "b": "x", "c": [], "d": 0}`, `{"a":false,"b":true,"c":false,"d":false}`),
		"cast by type":        one("action: cast\nsource_fields: [a]\ntype: int", `{"a": "3"}`, `{"a":3}`),
		"hash":                one("action: hash\nsource_fields: [s]", `{"s": "`+python+`"}`, `{"s":"bb649c83dd1ea5c9d9dec9a18df0ffe9"}`),
		"hash with salt":      one("action: hash\nsource_fields: [s]\nsalt: pepper", `{"s": "`+python+`"}`, `{"s":"3c33b178f803bf9c6ba085c257c35272"}`),
		"hash elsewhere":      one("action: anonymize\nsource_fields: [s]\nalgorithm: sha1\ntarget_fields: [h]", `{"s": "`+python+`"}`, `{"h":"531b07a0f5b66477a21742d2827176264f4bbfe2","s":"`+python+`"}`),
		"sha256":              one("action: hash\nsource_fields: [s]\nalgorithm: sha256", `{"s": "`+python+`"}`, `{"s":"031edd7d41651593c5fe5c006fa5752b37fddff7bc4e843aa6af0c950f4b9406"}`),
		"murmur":              one("action: hash\nsource_fields: [s, t]\nalgorithm: murmur", `{"s": "`+python+`", "t": "foo"}`, `{"s":824637155,"t":-156908512}`),
		"lower":               one("action: lower\nsource_fields: [n]\ntarget_fields: [l]", `{"n": "JÜRGEN"}`, `{"l":"jürgen","n":"JÜRGEN"}`),
		"upper":               one("action: upper\nsource_fields: [n]", `{"n": "jürgen"}`, `{"n":"JÜRGEN"}`),
		"slice":               one("action: slice\nsource_field: s\ntarget_field: t\nstart: 6", `{"s": "Gambolputty"}`, `{"s":"Gambolputty","t":"putty"}`),
		"strip":               one("action: strip\nsource_field: s", `{"s": " x\u00a0"}`, `{"s":"x"}`),
		"rename":              one("action: rename\nsource_field: a\ntarget_field: b.c", `{"a": 1}`, `{"b":{"c":1}}`),
		"rename_regex":        one(`{action: rename_regex, regex: '(Gam[Bb]olputty)\s+(Johann)-(.*)', replace: '\2 \1 \3'}`, `{"Gambolputty Johann-de von": 1}`, `{"Johann Gambolputty de von":1}`),
		"rename_replace":      one("action: rename_replace\nold: Hannes\nnew: Johann", `{"Gambolputty Hannes": {"Hannes": 1}}`, `{"Gambolputty Johann":{"Johann":1}}`),
		"several actions":     one("actions:\n  - {action: copy, source_field: a, target_field: b}\n  - {action: upper, source_fields: [b]}", `{"a": "x"}`, `{"a":"x","b":"X"}`),
		"coalesce":            one("action: coalesce\nsource_fields: [a, b, c]\ntarget_field: d", `{"a": null, "c": 3}`, `{"a":null,"c":3,"d":3}`),
		"truncate":            one("action: truncate\nsource_field: a\nmax_length: 3", `{"a": "Grüße"}`, `{"a":"Grü"}`),
		"nothing to do":       one("action: cast_to_int\nsource_fields: []", `{"a": "1"}`, `{"a":"1"}`),
		"a missing field":     one("action: lower\nsource_fields: [a, b]", `{"b": "X"}`, `{"b":"x"}`),
	})
}

func TestWrongTypesAreFaults(t *testing.T) {
	for _, options := range []string{"action: lower\nsource_fields: [a]", "action: strip\nsource_field: a", "action: cast_to_int\nsource_fields: [a]", "action: string_replace\nsource_field: a\nold: x\nnew: y"} {
		actortest.Cases(t, modifyfields.Spec, map[string]actortest.Case{options: {Options: options, In: `{"a": {"b": 1}}`, Want: `{"a":{"b":1}}`, Tags: "modify_fields_failure"}})
	}
}

func TestMapFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map.yml")
	if err := os.WriteFile(path, []byte("200: OK\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	actortest.Cases(t, modifyfields.Spec, map[string]actortest.Case{"yaml": {Options: "action: map\nsource_field: s\nmap_file: " + path, In: `{"s": "200"}`, Want: `{"s":"200","s_mapped":"OK"}`}})
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, modifyfields.Spec, map[string]string{
		"":             "action",
		"action: kepp": `did you mean "keep"?`,
		"action: keep": "source_fields",
		"action: keep\nregex: x\nsource_fields: [a]":               "regex",
		"action: replace\nsource_field: a\nregex: '('\nwith: x":    "regex",
		"action: string_replace\nsource_field: a\nold: ''\nnew: x": "old",
		"action: hash\nsource_fields: [a]\nalgorithm: rot13":       "rot13",
		"action: key_value_regex\nsource_field: a\nregex: 'x'":     "group",
		"action: lower\nsource_field: [a, b]":                      "source_field",
	})
}
