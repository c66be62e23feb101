package onmemcache

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// The text protocol of memcached, as far as a store needs it. See
// https://github.com/memcached/memcached/blob/master/doc/protocol.txt.

// maxItem bounds the size of a value that is read, in bytes.
const maxItem = 256 << 20

// found is what a server answered to gets.
type found struct {
	data  []byte
	flags uint32
	cas   uint64
	ok    bool
}

// serverError is an answer that says no.
type serverError string

// Error is the answer.
func (s serverError) Error() string { return "memcached answered " + strconv.Quote(string(s)) }

var errProtocol = errors.New("memcached does not keep to its protocol")

// readLine reads one line without its end, from which the carriage return is missing in
// lists of keys.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))), nil
}

// readWord reads an answer of one line. An error that concerns the command alone, and not
// the connection, is a serverError.
func readWord(r *bufio.Reader) (string, error) {
	line, err := readLine(r)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(line, "ERROR") || strings.HasPrefix(line, "CLIENT_ERROR") || strings.HasPrefix(line, "SERVER_ERROR") {
		return "", serverError(line)
	}
	return line, nil
}

// readFound reads the answer to gets for one key.
func readFound(r *bufio.Reader) (f found, err error) {
	line, err := readWord(r)
	if err != nil || line == "END" {
		return f, err
	}
	fields := strings.Fields(line)
	if len(fields) != 5 || fields[0] != "VALUE" {
		return f, errProtocol
	}
	flags, err1 := strconv.ParseUint(fields[2], 10, 32)
	size, err2 := strconv.ParseUint(fields[3], 10, 31)
	cas, err3 := strconv.ParseUint(fields[4], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || size > maxItem {
		return f, errProtocol
	}
	f = found{flags: uint32(flags), cas: cas, ok: true}
	if f.data, err = readBody(r, int(size)); err != nil {
		return f, err
	}
	if end, err := readLine(r); err != nil || end != "END" {
		return f, errors.Join(errProtocol, err)
	}
	return f, nil
}

// readBody reads so many bytes and the line end behind them. It does not believe in the
// size before the bytes are there.
func readBody(r *bufio.Reader, size int) ([]byte, error) {
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, int64(size)); err != nil {
		return nil, err
	}
	if end, err := readLine(r); err != nil || end != "" {
		return nil, errors.Join(errProtocol, err)
	}
	return body.Bytes(), nil
}

// readKeys reads the answer to lru_crawler metadump. busy says that it has to be asked
// again, because somebody else has asked for it too.
func readKeys(r *bufio.Reader, each func(key string)) (busy bool, err error) {
	for {
		line, err := readWord(r)
		switch {
		case err != nil:
			return false, err
		case line == "END":
			return false, nil
		case strings.HasPrefix(line, "BUSY"):
			return true, nil
		}
		name, ok := strings.CutPrefix(line, "key=")
		if !ok {
			return false, fmt.Errorf("list of keys: %w", errProtocol)
		}
		name, _, _ = strings.Cut(name, " ")
		if key, err := url.PathUnescape(name); err == nil {
			each(key)
		}
	}
}
