package inflateparser

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/crc64"
	"strings"

	"github.com/ulikunitz/xz/lzma"
)

// The container of xz is read here and not by the library, which reserves memory for the
// dictionary that a header asks for, up to 4 GiB. What the data really needs can be seen
// before it is decompressed: its chunks tell their lengths. See
// https://tukaani.org/xz/xz-file-format.txt.

var (
	errXz         = errors.New("the xz data is broken")
	errXzCut      = errors.New("the xz data is cut off")
	errXzChecksum = errors.New("the checksum of the xz data is wrong")
	errXzFilter   = errors.New("the xz data uses a filter other than LZMA2")
)

const (
	xzHeaderSize = 12
	xzLZMA2      = 0x21
)

// unxz reads streams with zeros between and behind them.
func (f *inflater) unxz(text string) error {
	data := []byte(text)
	for first := true; len(data) > 0; first = false {
		if rest := bytes.TrimLeft(data, "\x00"); !first && (len(data)-len(rest))%4 == 0 {
			data = rest
			if len(data) == 0 {
				break
			}
		}
		var err error
		if data, err = f.xzStream(data); err != nil {
			return err
		}
	}
	return nil
}

// xzRecord is what the index says about a block.
type xzRecord struct{ size, content uint64 }

func (f *inflater) xzStream(data []byte) (rest []byte, err error) {
	if len(data) < xzHeaderSize {
		return nil, errXzCut
	}
	if !strings.HasPrefix(string(data[:len(xzMark)]), xzMark) {
		return nil, errTrailing
	}
	flags := data[6:8]
	if flags[0] != 0 || crc32.ChecksumIEEE(flags) != binary.LittleEndian.Uint32(data[8:]) {
		return nil, errXz
	}
	data = data[xzHeaderSize:]
	var blocks []xzRecord
	for len(data) > 0 && data[0] != 0 {
		before, out := len(data), len(f.out)
		padding := 0
		if data, padding, err = f.xzBlock(data, flags[1]); err != nil {
			return nil, err
		}
		blocks = append(blocks, xzRecord{uint64(before - len(data) - padding), uint64(len(f.out) - out)})
	}
	return xzEnd(data, blocks, flags)
}

// xzBlock reads a block and returns what stands behind it.
func (f *inflater) xzBlock(data []byte, check byte) (rest []byte, padding int, err error) {
	header := (int(data[0]) + 1) * 4
	if len(data) < header {
		return nil, 0, errXzCut
	}
	dictionary, err := xzFilter(data[:header])
	if err != nil {
		return nil, 0, err
	}
	data = data[header:]
	size, content, err := lzma2Extent(data)
	if err != nil {
		return nil, 0, err
	}
	if content > f.limit-len(f.out) {
		return nil, 0, tooLargeError(f.limit)
	}
	begin := len(f.out)
	r, err := lzma.Reader2Config{DictCap: max(min(dictionary, content), lzma.MinDictCap)}.NewReader2(bytes.NewReader(data[:size]))
	if err != nil {
		return nil, 0, err
	}
	if err := f.fill(r); err != nil {
		return nil, 0, err
	}
	padding = -(header + size) & 3
	sum := xzSum(check, f.out[begin:])
	end := size + padding + len(sum)
	switch {
	case check != 0 && sum == nil:
		return nil, 0, errXz
	case len(data) < end:
		return nil, 0, errXzCut
	case !bytes.Equal(data[size+padding:end], sum):
		return nil, 0, errXzChecksum
	}
	return data[end:], padding, nil
}

// xzFilter reads the header of a block and returns the size of its dictionary.
func xzFilter(header []byte) (dictionary int, err error) {
	body := header[:len(header)-4]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(header[len(body):]) {
		return 0, errXzChecksum
	}
	const hasSize, hasContent, known = 0x40, 0x80, 0xc0
	flags := body[1]
	if flags&^known != 0 {
		return 0, errXzFilter
	}
	body = body[2:]
	for _, has := range [...]byte{hasSize, hasContent} {
		if flags&has == 0 {
			continue
		}
		_, n := binary.Uvarint(body)
		if n <= 0 {
			return 0, errXz
		}
		body = body[n:]
	}
	if len(body) < 3 || body[0] != xzLZMA2 || body[1] != 1 {
		return 0, errXzFilter
	}
	size, err := lzma.DecodeDictCap(body[2])
	return int(size), err
}

// lzma2Extent walks the chunks of LZMA2 data: how long the data is, and what becomes of it.
func lzma2Extent(data []byte) (size, content int, err error) {
	const plain, lzmaChunk, newProperties = 3, 0x80, 0xc0
	for at := 0; at < len(data); {
		control := data[at]
		if control == 0 {
			return at + 1, content, nil
		}
		head := data[at:min(at+5, len(data))]
		switch {
		case control < plain && len(head) >= 3:
			n := int(binary.BigEndian.Uint16(head[1:])) + 1
			content += n
			at += 3 + n
		case control >= lzmaChunk && len(head) == 5:
			content += int(control&0x1f)<<16 + int(binary.BigEndian.Uint16(head[1:])) + 1
			at += 5 + int(binary.BigEndian.Uint16(head[3:])) + 1
			if control >= newProperties {
				at++
			}
		case control >= plain && control < lzmaChunk:
			return 0, 0, errXz
		default:
			return 0, 0, errXzCut
		}
	}
	return 0, 0, errXzCut
}

var crc64ECMA = crc64.MakeTable(crc64.ECMA)

// xzSum computes a checksum; it is nil for a kind that is not known.
func xzSum(kind byte, content []byte) []byte {
	switch kind {
	case 1:
		return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(content))
	case 4:
		return binary.LittleEndian.AppendUint64(nil, crc64.Checksum(content, crc64ECMA))
	case 10:
		sum := sha256.Sum256(content)
		return sum[:]
	}
	return nil
}

// xzEnd reads index and footer, which must agree with what was read before.
func xzEnd(data []byte, blocks []xzRecord, flags []byte) (rest []byte, err error) {
	want := binary.AppendUvarint([]byte{0}, uint64(len(blocks)))
	for _, b := range blocks {
		want = binary.AppendUvarint(binary.AppendUvarint(want, b.size), b.content)
	}
	want = append(want, 0, 0, 0)
	want = want[:len(want)&^3]
	want = binary.LittleEndian.AppendUint32(want, crc32.ChecksumIEEE(want))
	foot := binary.LittleEndian.AppendUint32(nil, uint32(len(want)/4-1))
	foot = append(foot, flags...)
	want = binary.LittleEndian.AppendUint32(want, crc32.ChecksumIEEE(foot))
	want = append(append(want, foot...), "YZ"...)
	if len(data) < len(want) {
		return nil, errXzCut
	}
	if !bytes.Equal(data[:len(want)], want) {
		return nil, errXz
	}
	return data[len(want):], nil
}
