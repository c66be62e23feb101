//go:build mongodb

package mongodbsink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"gambolputty/actor/event"
)

// Limits of the server (https://www.mongodb.com/docs/manual/reference/limits/).
const (
	longestDocument = 16 << 20
	deepest         = 100
)

var errDeep = errors.New("the document is nested deeper than 100 levels, which the server does not take")

// appendDocument appends a document as BSON (https://bsonspec.org/spec.html), with the given
// _id in front. On an error nothing is appended.
func appendDocument(dst []byte, id []byte, fields *event.Map) ([]byte, error) {
	from := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(bson.TypeString), '_', 'i', 'd', 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(id)+1))
	dst = append(append(dst, id...), 0)
	var err error
	for i := range fields.Len() {
		if f := fields.At(i); f.Key.Name != "_id" {
			if dst, err = appendElement(dst, f.Key.Name, f.Value, 2); err != nil {
				return dst[:from], err
			}
		}
	}
	dst = finish(dst, from)
	if n := len(dst) - from; n > longestDocument {
		return dst[:from], fmt.Errorf("the document has %d bytes, more than the %d that the server takes", n, longestDocument)
	}
	return dst, nil
}

// finish ends a document whose length is at the given place.
func finish(dst []byte, from int) []byte {
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[from:], uint32(len(dst)-from))
	return dst
}

// appendElement appends a field. Its kind is not known before the value is looked at, so it
// is set afterwards.
func appendElement(dst []byte, key string, v event.Value, depth int) ([]byte, error) {
	at := len(dst)
	dst = append(append(append(dst, 0), clean(key)...), 0)
	dst, kind, err := appendValue(dst, v, depth)
	dst[at] = byte(kind)
	return dst, err
}

// clean makes a name of a field that the server takes.
func clean(key string) string {
	if !strings.HasPrefix(key, "$") && strings.IndexByte(key, 0) < 0 && utf8.ValidString(key) {
		return key
	}
	if strings.HasPrefix(key, "$") {
		key = "_" + key[1:]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(key, "\x00", "_"), string(utf8.RuneError))
}

func appendValue(dst []byte, v event.Value, depth int) ([]byte, bson.Type, error) {
	switch v.Kind() {
	case event.KindString:
		dst, kind := appendText(dst, v.Str())
		return dst, kind, nil
	case event.KindBool:
		if v.Bool() {
			return append(dst, 1), bson.TypeBoolean, nil
		}
		return append(dst, 0), bson.TypeBoolean, nil
	case event.KindMap, event.KindList:
		return appendNested(dst, v, depth)
	case event.KindNull:
		return dst, bson.TypeNull, nil
	}
	if i, ok := v.Int(); ok {
		if i >= math.MinInt32 && i <= math.MaxInt32 {
			return binary.LittleEndian.AppendUint32(dst, uint32(i)), bson.TypeInt32, nil
		}
		return binary.LittleEndian.AppendUint64(dst, uint64(i)), bson.TypeInt64, nil
	}
	if big, ok := v.Big(); ok { // too large for 64 bits
		if d, ok := bson.ParseDecimal128FromBigInt(big, 0); ok {
			high, low := d.GetBytes()
			dst = binary.LittleEndian.AppendUint64(dst, low)
			return binary.LittleEndian.AppendUint64(dst, high), bson.TypeDecimal128, nil
		}
		dst, kind := appendText(dst, big.String())
		return dst, kind, nil
	}
	f, _ := v.Float()
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), bson.TypeDouble, nil
}

// appendText appends a text, and as binary data what is none.
func appendText(dst []byte, s string) ([]byte, bson.Type) {
	if !utf8.ValidString(s) {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		return append(append(dst, bson.TypeBinaryGeneric), s...), bson.TypeBinary
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)+1))
	return append(append(dst, s...), 0), bson.TypeString
}

func appendNested(dst []byte, v event.Value, depth int) ([]byte, bson.Type, error) {
	kind := bson.TypeEmbeddedDocument
	if v.Kind() == event.KindList {
		kind = bson.TypeArray
	}
	if depth > deepest {
		return dst, kind, errDeep
	}
	from := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var err error
	if kind == bson.TypeArray {
		var digits [20]byte
		for i := range v.List().Len() {
			at := len(dst)
			dst = append(append(append(dst, 0), strconv.AppendInt(digits[:0], int64(i), 10)...), 0)
			var item bson.Type
			if dst, item, err = appendValue(dst, v.List().At(i), depth+1); err != nil {
				return dst, kind, err
			}
			dst[at] = byte(item)
		}
		return finish(dst, from), kind, nil
	}
	for i := range v.Map().Len() {
		f := v.Map().At(i)
		if dst, err = appendElement(dst, f.Key.Name, f.Value, depth+1); err != nil {
			return dst, kind, err
		}
	}
	return finish(dst, from), kind, nil
}
