package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

func TestEncodingsKeepTypes(t *testing.T) {
	values := []string{`"x"`, `""`, `5`, `-5`, `48`, `123456789012345678901234567890`, `0.25`, `1.0`, `true`, `null`, `[1,"a",null]`, `{"a":{"b":[1.5]}}`}
	for _, name := range []store.Encoding{store.JSON, store.Msgpack} {
		c := store.NewCodec(name)
		for _, text := range values {
			v := storetest.Value(t, text)
			if name == store.Msgpack && v.Kind() == event.KindBigInt {
				continue // MessagePack has none
			}
			got, err := c.Decode(c.Append(nil, v))
			if err != nil || got.Kind() != v.Kind() && !v.IsNumber() || !got.Equal(v) {
				t.Errorf("%s: %s became %s, %v", name, text, got.Text(), err)
			}
		}
		if v, err := c.Decode([]byte("17")); err != nil || !v.Equal(event.Int(17)) {
			t.Errorf("%s: a counter reads as %s, %v", name, v.Text(), err)
		}
	}
	c := store.NewCodec(store.Msgpack)
	if v, err := c.Decode(c.Append(nil, event.String("\xff\x00"))); err != nil || v.Str() != "\xff\x00" {
		t.Errorf("bytes became %q, %v", v.Text(), err)
	}
	raw := store.NewCodec(store.Raw)
	for text, want := range map[string]string{`"a b"`: "a b", `5`: "5", `true`: "True", `null`: "None", `[1]`: "[1]"} {
		if v, err := raw.Decode(raw.Append(nil, storetest.Value(t, text))); err != nil || v.Str() != want {
			t.Errorf("%s became %q, %v", text, v.Text(), err)
		}
	}
}

// pickled are values as the Python program wrote them.
var pickled = []string{"S'spam'\np0\n.", "I5\n.", "(dp0\nS'a'\np1\nI1\ns.", "\x80\x02}q\x00U\x01aK\x01s.", "cos\nsystem\n(S'true'\ntR."}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for _, name := range []store.Encoding{store.JSON, store.Msgpack} {
		for _, text := range append(pickled, "", "{", "[1", "{\"a\":1} x", strings.Repeat("[", 200)+strings.Repeat("]", 200), strings.Repeat("\x91", 200)+"\x01", "\x93\x01") {
			if text == "{" && name == store.Msgpack {
				continue // which is 123
			}
			if v, err := store.NewCodec(name).Decode([]byte(text)); err == nil {
				t.Errorf("%s reads %.20q as %s", name, text, v.Text())
			}
		}
	}
}

func TestOneWarningForAGroupOfKeys(t *testing.T) {
	var log strings.Builder
	u := store.Unreadable{Log: slog.New(slog.NewTextHandler(&log, nil))}
	for i := range 3000 {
		u.Warn(fmt.Sprintf("a:b:%d", i), errors.New("pickled"))
		u.Warn(fmt.Sprintf("%d:x", i), errors.New("pickled"))
	}
	if n := strings.Count(log.String(), "prefix=a:b:"); n != 1 {
		t.Errorf("%d lines for one group", n)
	}
	if n := strings.Count(log.String(), "\n"); n != 1000 {
		t.Errorf("%d lines for hostile keys", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range append(pickled, `{"a":[1,2.5,"x"]}`, "\x82\xa1a\x01\xa1b\xc0", "17") {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []store.Encoding{store.JSON, store.Msgpack, store.Raw} {
			c := store.NewCodec(name)
			v, err := c.Decode([]byte(string(b)))
			if err != nil {
				continue
			}
			again, err := c.Decode(c.Append(nil, v))
			exact := name == store.Raw || name == store.JSON && utf8.Valid(b) // MessagePack has numbers that equal nothing
			if err != nil || exact && !again.Equal(v) {
				t.Errorf("%s: %q was read as %s and then as %s, %v", name, b, v.Text(), again.Text(), err)
			}
		}
	})
}
