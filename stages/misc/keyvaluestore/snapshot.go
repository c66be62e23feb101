package keyvaluestore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// A snapshot begins with the line below. Every entry is the time at which it is over in
// nanoseconds since 1970 or 0, the encoding of the value, and the lengths of key and value
// before each of them. The entry that was used last comes last, so that it is the one that
// stays longest after it was read.
const magic = "gambolputty snapshot 1\n"

const (
	asJSON    = 'j'
	asMsgpack = 'm' // for text that JSON cannot hold
	// maxPart bounds keys and values that are read.
	maxPart = 256 << 20
)

var codecs = map[byte]*store.Codec{asJSON: store.NewCodec(store.JSON), asMsgpack: store.NewCodec(store.Msgpack)}

// save writes all entries to a new file that takes the place of the old one.
func save(ctx context.Context, path string, m *store.Memory) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write snapshot_file: %w", err)
	}
	defer os.Remove(f.Name()) // after a rename there is none
	w := bufio.NewWriter(f)
	err = write(ctx, w, m)
	err = errors.Join(err, w.Flush(), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write snapshot_file: %w", err)
	}
	return nil
}

func write(ctx context.Context, w *bufio.Writer, m *store.Memory) error {
	if _, err := w.WriteString(magic); err != nil {
		return err
	}
	now := time.Now()
	var buf, data []byte
	for e, err := range m.Iterate(ctx, "") {
		if err != nil {
			return err
		}
		expires := int64(0)
		if e.TTL > 0 {
			expires = now.Add(e.TTL).UnixNano()
		}
		kind := byte(asJSON)
		if !plain(e.Value) {
			kind = asMsgpack
		}
		data = codecs[kind].Append(data[:0], e.Value)
		buf = append(binary.AppendVarint(buf[:0], expires), kind)
		buf = append(binary.AppendUvarint(buf, uint64(len(e.Key))), e.Key...)
		buf = append(binary.AppendUvarint(buf, uint64(len(data))), data...)
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// plain reports whether all text in a value is UTF-8.
func plain(v event.Value) bool {
	switch v.Kind() {
	case event.KindString:
		return utf8.ValidString(v.Str())
	case event.KindList:
		for i := range v.List().Len() {
			if !plain(v.List().At(i)) {
				return false
			}
		}
	case event.KindMap:
		for i := range v.Map().Len() {
			if f := v.Map().At(i); !utf8.ValidString(f.Key.Name) || !plain(f.Value) {
				return false
			}
		}
	}
	return true
}

// load reads the entries of a file that are not over yet, and returns how many there were.
func load(path string, m *store.Memory) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("read snapshot_file: %w", err)
	}
	defer f.Close() // it was only read
	n, err = read(bufio.NewReader(f), m)
	if err != nil {
		return n, fmt.Errorf("read snapshot_file: %w", err)
	}
	return n, nil
}

var errNoSnapshot = errors.New("the file is no snapshot")

func read(r *bufio.Reader, m *store.Memory) (n int, err error) {
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != magic {
		return 0, errNoSnapshot
	}
	now := time.Now()
	for {
		expires, err := binary.ReadVarint(r)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return n, nil
		}
		e, err := readEntry(r, err)
		if err != nil {
			return n, err
		}
		if expires != 0 {
			if e.TTL = time.Unix(0, expires).Sub(now); e.TTL <= 0 {
				continue
			}
		}
		if err := m.Set(context.Background(), e); err != nil {
			return n, err
		}
		n++
	}
}

// readEntry reads what follows the time, of which err is the error.
func readEntry(r *bufio.Reader, err error) (store.Entry, error) {
	kind, err2 := r.ReadByte()
	key, err3 := readPart(r)
	data, err4 := readPart(r)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return store.Entry{}, err
	}
	codec := codecs[kind]
	if codec == nil {
		return store.Entry{}, errNoSnapshot
	}
	v, err := codec.Decode(data)
	return store.Entry{Key: string(key), Value: v}, err
}

// readPart reads a length and so many bytes, in whose number it does not believe before
// they are there.
func readPart(r *bufio.Reader) ([]byte, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if size > maxPart {
		return nil, errNoSnapshot
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(size)); err != nil {
		return nil, err
	}
	return slices.Clip(b.Bytes()), nil
}
