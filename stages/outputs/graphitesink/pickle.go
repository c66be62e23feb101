package graphitesink

import (
	"encoding/binary"
	"math"

	"gambolputty/actor/event"
)

// Opcodes of Python's pickle protocol 2, as far as a list of (path, (time, value)) needs them.
const (
	opProto      = 0x80
	opEmptyList  = ']'
	opMark       = '('
	opUnicode    = 'X'  // 32 bits of length, little endian, and UTF-8
	opLong       = 0x8a // one byte of length, and an integer, little endian
	opFloat      = 'G'  // big endian
	opPair       = 0x86
	opAppends    = 'e'
	opStop       = '.'
	protocol     = 2
	int64Bytes   = 8
	lengthBytes  = 4
	mostInPickle = 500
	// mostPickleBytes is half of what carbon takes.
	mostPickleBytes = 512 << 10
)

// appendPickle appends the metrics of the events as messages of carbon's pickle receiver: 32
// bits of length, big endian, and a list.
func (p *points) appendPickle(dst []byte, events []*event.Event) (out []byte, count int) {
	begin, inside := 0, 0
	end := func() {
		dst = append(dst, opAppends, opStop)
		binary.BigEndian.PutUint32(dst[begin:], uint32(len(dst)-begin-lengthBytes))
		inside = 0
	}
	for one := range p.of(events) {
		if inside == 0 {
			begin = len(dst)
			dst = append(dst, 0, 0, 0, 0, opProto, protocol, opEmptyList, opMark)
		}
		dst = appendPoint(dst, p.text[one.start:one.path], one)
		count++
		if inside++; inside == mostInPickle || len(dst)-begin > mostPickleBytes {
			end()
		}
	}
	if inside > 0 {
		end()
	}
	return dst, count
}

func appendPoint(dst, path []byte, one *point) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, opUnicode), uint32(len(path)))
	dst = append(dst, path...)
	dst = binary.LittleEndian.AppendUint64(append(dst, opLong, int64Bytes), uint64(one.at))
	dst = binary.BigEndian.AppendUint64(append(dst, opFloat), math.Float64bits(one.number))
	return append(dst, opPair, opPair)
}
