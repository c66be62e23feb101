package urlparser_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/parsers/urlparser"
)

func TestDecode(t *testing.T) {
	const all = "source_field: uri\ntarget_field: u\nparse_querystring: True\nquerystring_target_field: params"
	actortest.Cases(t, urlparser.Spec, map[string]actortest.Case{
		"all parts": {Options: all, In: `{"uri": "http://user:pw@Host.EXAMPLE:8080/a%20b;p=1?q=x%26y&r=a+b&q=2#frag"}`,
			Want: `{"params":{"q":["x&y","2"],"r":["a b"]},"u":{"fragment":"frag","hostname":"host.example","netloc":"user:pw@Host.EXAMPLE:8080","params":"p=1","password":"pw","path":"/a b","port":8080,"query":"q=x&y&r=a+b&q=2","scheme":"http","username":"user"},"uri":"http://user:pw@Host.EXAMPLE:8080/a%20b;p=1?q=x%26y&r=a+b&q=2#frag"}`},
		"a path alone": {Options: all, In: `{"uri": "/wiki/Monty_Python/?spanish=inquisition"}`,
			Want: `{"params":{"spanish":["inquisition"]},"u":{"fragment":"","hostname":null,"netloc":"","params":"","password":null,"path":"/wiki/Monty_Python/","port":null,"query":"spanish=inquisition","scheme":"","username":null},"uri":"/wiki/Monty_Python/?spanish=inquisition"}`},
		"utf-8 and plus": {Options: all, In: `{"uri": "/suche?q=%C3%BCber&p=a+b"}`,
			Want: `{"params":{"p":["a b"],"q":["über"]},"u":{"fragment":"","hostname":null,"netloc":"","params":"","password":null,"path":"/suche","port":null,"query":"q=über&p=a+b","scheme":"","username":null},"uri":"/suche?q=%C3%BCber&p=a+b"}`},
		"parameters on the top level": {Options: "source_field: uri\nparse_querystring: True\nquerystring_prefix: q_\ntarget_field: u.x\nflatten_single_values: True\ndelete_fields: [u]", In: `{"uri": "/?a=1&b=&c"}`, Want: `{"q_a":"1","uri":"/?a=1&b=&c"}`},
		"blank values":                {Options: "source_field: uri\nparse_querystring: True\nquerystring_target_field: q\ntarget_field: u\nkeep_blank_values: True\ndelete_fields: [u]", In: `{"uri": "/?a&b=;c=1"}`, Want: `{"q":{"a":[""],"b":[""],"c":["1"]},"uri":"/?a&b=;c=1"}`},
		"in place":                    {Options: "source_field: uri\ndrop_credentials: True", In: `{"uri": "ftp://a:b@[::1]:21/x%zz"}`, Want: `{"uri":{"fragment":"","hostname":"::1","netloc":"[::1]:21","params":"","password":null,"path":"/x%zz","port":21,"query":"","scheme":"ftp","username":null}}`},
		"a request line":              {Options: "source_field: url\nrequest_line: True\nprefix: url_\ndelete_fields: [url_fragment, url_hostname, url_netloc, url_params, url_password, url_port, url_query, url_scheme, url_username]", In: `{"url": "GET /x HTTP/1.0"}`, Want: `{"url":"GET /x HTTP/1.0","url_http_version":"HTTP/1.0","url_method":"GET","url_path":"/x"}`},
		"empty":                       {Options: "source_field: uri", In: `{"uri": ""}`, Want: `{"uri":{"fragment":"","hostname":null,"netloc":"","params":"","password":null,"path":"","port":null,"query":"","scheme":"","username":null}}`},
		"a bad port":                  {Options: "source_field: uri", In: `{"uri": "http://a:99999/"}`, Want: `{"uri":"http://a:99999/"}`, Tags: "url_parser_failure"},
		"bad brackets":                {Options: "source_field: uri", In: `{"uri": "http://[::1/"}`, Want: `{"uri":"http://[::1/"}`, Tags: "url_parser_failure"},
		"a number":                    {Options: "source_field: uri", In: `{"uri": 5}`, Want: `{"uri":5}`, Tags: "url_parser_failure"},
		"encode":                      {Options: "source_field: uri\naction: encode", In: `{"uri": "a b/ü?x=1"}`, Want: `{"uri":"a%20b/%C3%BC%3Fx%3D1"}`},
		"missing":                     {Options: all, In: `{"x": 1}`, Want: `{"x":1}`},
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"http://user:pw@h:1/a;p?q=1#f", "//[::1]:x", "%zz%4", "a:b:c", "?;&=;", "http://[::1]", "http://[::1]x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := actortest.Process(t, urlparser.Spec, "source_field: data\ntarget_field: u\nparse_querystring: True\nquerystring_target_field: q", actortest.Events(s)...)
		if len(out) != 1 || strings.Contains(actortest.Meta(out[0], "error"), "panic") {
			t.Errorf("%q: %d events", s, len(out))
		}
	})
}
