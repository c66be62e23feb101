package library

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

// id is a UUID as in RFC 9562.
type id [16]byte

var (
	_ starlark.HasAttrs   = id{}
	_ starlark.Comparable = id{}
)

// uuidModule makes and reads UUIDs.
func uuidModule() *starlarkstruct.Module {
	m := starlark.StringDict{"UUID": &class{name: "UUID", types: []string{"UUID"}, make: parseID}}
	for name, text := range map[string]string{
		"NAMESPACE_DNS": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "NAMESPACE_URL": "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
		"NAMESPACE_OID": "6ba7b812-9dad-11d1-80b4-00c04fd430c8", "NAMESPACE_X500": "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
	} {
		m[name], _ = readID(text) // they are right
	}
	return module("uuid", m,
		simple("uuid1", 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) { return timeID(time.Now()), nil }),
		simple("uuid4", 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
			var u id
			rand.Read(u[:])
			return u.marked(4), nil
		}),
		simple("uuid3", 2, 2, namedID(3, func(b []byte) []byte { s := md5.Sum(b); return s[:] })),
		simple("uuid5", 2, 2, namedID(5, func(b []byte) []byte { s := sha1.Sum(b); return s[:] })),
	)
}

// marked sets the version and the variant.
func (u id) marked(version byte) id {
	u[6] = u[6]&0x0f | version<<4
	u[8] = u[8]&0x3f | 0x80
	return u
}

// timeID has the time in it, and a random node instead of an address of this host.
func timeID(now time.Time) id {
	const sinceGregorian = 0x01b21dd213814000 // 100 ns units from 1582 to 1970
	var u id
	rand.Read(u[8:])
	u[10] |= 1 // no address of a network card
	ticks := uint64(now.UnixNano()/100) + sinceGregorian
	binary.BigEndian.PutUint32(u[0:], uint32(ticks))
	binary.BigEndian.PutUint16(u[4:], uint16(ticks>>32))
	binary.BigEndian.PutUint16(u[6:], uint16(ticks>>48))
	return u.marked(1)
}

func namedID(version byte, sum func([]byte) []byte) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	return func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		space, ok := a[0].(id)
		if !ok {
			return nil, errors.New("the name space must be a UUID")
		}
		name, err := argument(a, 1)
		if err != nil {
			return nil, err
		}
		work(t, len(name)/4)
		var u id
		copy(u[:], sum(append(space[:], name...)))
		return u.marked(version), nil
	}
}

func parseID(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var s string
	if err := starlark.UnpackArgs("UUID", a, named, "hex", &s); err != nil {
		return nil, err
	}
	return readID(s)
}

func readID(s string) (id, error) {
	var u id
	digits := strings.NewReplacer("urn:", "", "uuid:", "", "{", "", "}", "", "-", "").Replace(s)
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(u) {
		return u, fmt.Errorf("%s is no UUID", quote(s))
	}
	copy(u[:], raw)
	return u, nil
}

func (u id) text() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// String is what Python shows.
func (u id) String() string { return "UUID('" + u.text() + "')" }

// Type is the name of the type.
func (u id) Type() string { return "UUID" }

// Freeze does nothing: ids do not change.
func (u id) Freeze() {}

// Truth is true.
func (u id) Truth() starlark.Bool { return true }

// Hash makes ids keys of dicts.
func (u id) Hash() (uint32, error) { return binary.BigEndian.Uint32(u[:]), nil }

// CompareSameType orders ids as numbers.
func (u id) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return ordered(op, strings.Compare(string(u[:]), func(o id) string { return string(o[:]) }(y.(id)))), nil
}

// ordered tells whether a comparison holds, by the order of its sides.
func ordered(op syntax.Token, c int) bool {
	switch op {
	case syntax.EQL:
		return c == 0
	case syntax.NEQ:
		return c != 0
	case syntax.LT:
		return c < 0
	case syntax.LE:
		return c <= 0
	case syntax.GT:
		return c > 0
	}
	return c >= 0
}

// Attr returns a member.
func (u id) Attr(name string) (starlark.Value, error) {
	switch name {
	case "hex":
		return starlark.String(hex.EncodeToString(u[:])), nil
	case "int":
		return starlark.MakeBigInt(new(big.Int).SetBytes(u[:])), nil
	case "bytes":
		return starlark.String(u[:]), nil
	case "urn":
		return starlark.String("urn:uuid:" + u.text()), nil
	case "version":
		return starlark.MakeInt(int(u[6] >> 4)), nil
	}
	return nil, nil
}

// AttrNames lists the members.
func (u id) AttrNames() []string { return []string{"bytes", "hex", "int", "urn", "version"} }
