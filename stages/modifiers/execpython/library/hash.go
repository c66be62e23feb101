package library

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

func hashes() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	}
}

// hashlibModule digests text. A digest is text too, of bytes.
func hashlibModule() *starlarkstruct.Module {
	m := starlark.StringDict{}
	for name, make := range hashes() {
		m[name] = simple(name, 0, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return newDigest(t, name, make, a) })
	}
	return module("hashlib", m, simple("new", 1, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		name, err := argument(a, 0)
		if err != nil {
			return nil, err
		}
		make, ok := hashes()[strings.ToLower(name)]
		if !ok {
			return nil, fmt.Errorf("unknown hash %s", quote(name))
		}
		return newDigest(t, name, make, a[1:])
	}))
}

// digest is a hash at work.
type digest struct {
	object
	name string
	make func() hash.Hash
	text []byte // all of it, so that a copy can go its own way
}

func newDigest(t *starlark.Thread, name string, make func() hash.Hash, a starlark.Tuple) (starlark.Value, error) {
	d := &digest{object: object{kind: "hash"}, name: name, make: make}
	if len(a) == 0 {
		return d, nil
	}
	_, err := d.update(t, a)
	return d, err
}

func (d *digest) update(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	s, err := argument(a, 0)
	if err != nil {
		return nil, err
	}
	work(t, len(s)/4)
	if err := charge(t, len(d.text)+len(s)); err != nil {
		return nil, err
	}
	d.text = append(d.text, s...)
	return starlark.None, nil
}

func (d *digest) sum() []byte {
	h := d.make()
	h.Write(d.text)
	return h.Sum(nil)
}

// Attr returns a member.
func (d *digest) Attr(name string) (starlark.Value, error) {
	get := func(f func() starlark.Value) (starlark.Value, error) {
		return simple(name, 0, 0, func(t *starlark.Thread, _ starlark.Tuple) (starlark.Value, error) {
			work(t, len(d.text)/4)
			return f(), nil
		}), nil
	}
	switch name {
	case "update":
		return simple(name, 1, 1, d.update), nil
	case "digest":
		return get(func() starlark.Value { return starlark.String(d.sum()) })
	case "hexdigest":
		return get(func() starlark.Value { return starlark.String(hex.EncodeToString(d.sum())) })
	case "copy":
		return get(func() starlark.Value {
			c := *d
			c.text = slices.Clone(d.text)
			return &c
		})
	case "name":
		return starlark.String(d.name), nil
	case "digest_size":
		return starlark.MakeInt(d.make().Size()), nil
	case "block_size":
		return starlark.MakeInt(d.make().BlockSize()), nil
	}
	return nil, nil
}

// AttrNames lists the members.
func (d *digest) AttrNames() []string {
	return []string{"block_size", "copy", "digest", "digest_size", "hexdigest", "name", "update"}
}

var errBase64 = errors.New("the text is not encoded so")

// base64Module encodes text as text.
func base64Module() *starlarkstruct.Module {
	coder := func(name string, f func(s string) (string, error)) *starlark.Builtin {
		return simple(name, 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			s, err := argument(a, 0)
			if err != nil {
				return nil, err
			}
			if err := charge(t, 2*len(s)); err != nil {
				return nil, err
			}
			out, err := f(s)
			return starlark.String(out), err
		})
	}
	encode := func(f func([]byte) string) func(string) (string, error) {
		return func(s string) (string, error) { return f([]byte(s)), nil }
	}
	decode := func(f func(string) ([]byte, error), fix func(string) string) func(string) (string, error) {
		return func(s string) (string, error) {
			out, err := f(fix(s))
			if err != nil {
				return "", errBase64
			}
			return string(out), nil
		}
	}
	same := func(s string) string { return s }
	// What does not belong to the alphabet is left out, as Python does.
	alphabet := func(extra string) func(string) string {
		return func(s string) string {
			return strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(extra, r) {
					return r
				}
				return -1
			}, s)
		}
	}
	std, url := base64.StdEncoding, base64.URLEncoding
	return module("base64", nil,
		coder("b64encode", encode(std.EncodeToString)), coder("b64decode", decode(std.DecodeString, alphabet("+/="))),
		coder("standard_b64encode", encode(std.EncodeToString)), coder("standard_b64decode", decode(std.DecodeString, alphabet("+/="))),
		coder("urlsafe_b64encode", encode(url.EncodeToString)), coder("urlsafe_b64decode", decode(url.DecodeString, alphabet("-_="))),
		coder("b32encode", encode(base32.StdEncoding.EncodeToString)), coder("b32decode", decode(base32.StdEncoding.DecodeString, same)),
		coder("b16encode", encode(func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) })),
		coder("b16decode", decode(hex.DecodeString, same)),
	)
}
