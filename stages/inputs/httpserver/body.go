package httpserver

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// Decode says what a body is.
type Decode string

// The kinds of bodies.
const (
	Auto   Decode = "auto"
	Lines  Decode = "lines"
	NDJSON Decode = "ndjson"
	JSON   Decode = "json"
	Raw    Decode = "raw"
)

// slot is what a request needs while it is in flight. It belongs to one request at a time.
type slot struct {
	*server
	out     *actor.Outlet
	first   *actor.Outlet // to make out of, when it is needed
	decoder event.Decoder
	buf     bytes.Buffer
	gzip    *gzip.Reader
	zstd    *zstd.Decoder
}

func newSlot(s *server, out *actor.Outlet) *slot { return &slot{server: s, first: out} }

// kind is what the body of a request is.
func (s *slot) kind(r *http.Request) Decode {
	if s.opts.Decode != Auto {
		return s.opts.Decode
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return Lines
	case media == "application/json", strings.HasSuffix(media, "+json"):
		return JSON
	case strings.HasSuffix(media, "ndjson"), strings.HasSuffix(media, "jsonlines"), strings.HasSuffix(media, "json-lines"), strings.HasSuffix(media, "jsonl"):
		return NDJSON
	case strings.HasPrefix(media, "text/"), media == "application/x-www-form-urlencoded":
		return Lines
	}
	return Raw
}

var errLarge = errors.New("too large")

// keepBuffer is the memory that a slot keeps for the next body.
const keepBuffer = 1 << 20

// read reads and unpacks the body.
func (s *slot) read(w http.ResponseWriter, r *http.Request) (string, error) {
	in, err := s.unpacked(http.MaxBytesReader(w, r.Body, s.opts.MaxBody), r.Header)
	if err != nil {
		return "", err
	}
	s.buf.Reset()
	defer func() {
		if s.buf.Cap() > keepBuffer {
			s.buf = bytes.Buffer{}
		}
	}()
	n, err := s.buf.ReadFrom(io.LimitReader(in, s.opts.MaxBody+1))
	if err == nil && n > s.opts.MaxBody {
		err = errLarge
	}
	if err != nil {
		return "", s.wrong(err)
	}
	return s.buf.String(), nil
}

// unpacked undoes the encoding of a body.
func (s *slot) unpacked(body io.Reader, h http.Header) (io.Reader, error) {
	switch encoding := strings.ToLower(strings.Join(h.Values("Content-Encoding"), ", ")); encoding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		var err error
		if s.gzip == nil {
			s.gzip, err = gzip.NewReader(body)
		} else {
			err = s.gzip.Reset(body)
		}
		if err != nil {
			return nil, s.wrong(err)
		}
		return s.gzip, nil
	case "zstd":
		var err error
		if s.zstd == nil {
			// One worker, and no more memory for a window than the body may have.
			s.zstd, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(s.opts.MaxBody, 1<<20))))
		} else {
			err = s.zstd.Reset(body)
		}
		if err != nil {
			return nil, s.wrong(err)
		}
		return s.zstd, nil
	case "deflate": // RFC 9110, 8.4.1.2: in the zlib format
		z, err := zlib.NewReader(body)
		if err != nil {
			return nil, s.wrong(err)
		}
		return z, nil
	default:
		return nil, &badRequest{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding must be gzip, zstd or deflate, got %q", encoding)}
	}
}

// emitter makes the events of one body.
type emitter struct {
	*slot
	from, eventType string
	ticket          *ack.Ticket
	batch           *actor.Batch
	events          int
}

// emit hands the events of a body on, in batches that share a ticket.
func (s *slot) emit(body string, kind Decode, from, eventType string, ticket *ack.Ticket) (events int, err error) {
	if s.out == nil {
		s.out = s.first.Clone()
	}
	e := &emitter{slot: s, from: from, eventType: eventType, ticket: ticket}
	switch kind {
	case Raw:
		if body != "" {
			err = e.text(body)
		}
	case JSON:
		err = e.documents(body)
	default:
		err = e.lines(body, kind == NDJSON)
	}
	return e.events, errors.Join(err, e.flush())
}

// add makes an event, which fill completes.
func (e *emitter) add(fill func(*event.Event)) error {
	if e.batch == nil {
		e.batch = e.out.Batch(e.from)
	}
	one := e.batch.New()
	if e.eventType != "" {
		one.SetType(e.eventType)
	}
	fill(one)
	e.events++
	if e.batch.Full(e.out.Size()) {
		return e.flush()
	}
	return nil
}

func (e *emitter) flush() error {
	b := e.batch
	if b == nil {
		return nil
	}
	e.batch = nil
	e.ticket.Hold(1)
	return e.out.Emit(b, e.ticket)
}

func (e *emitter) text(s string) error {
	return e.add(func(one *event.Event) { one.SetField(event.Data, event.String(s)) })
}

// lines makes an event of every line that is not blank.
func (e *emitter) lines(body string, ndjson bool) error {
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		err := error(nil)
		if ndjson {
			err = e.documents(line)
		} else {
			err = e.text(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// documents makes an event of every JSON document, and of every item of a list. What is no
// JSON becomes an event as it is, so that it is not lost.
func (e *emitter) documents(text string) error {
	for rest := strings.TrimLeft(text, jsonBlanks); rest != ""; {
		doc, after, err := e.decoder.Decode(rest)
		if err != nil {
			return e.broken(rest, err)
		}
		if doc.Kind() != event.KindList {
			if err := e.document(doc, rest[:len(rest)-len(after)]); err != nil {
				return err
			}
		}
		for i := range doc.List().Len() {
			if err := e.document(doc.List().At(i), ""); err != nil {
				return err
			}
		}
		rest = strings.TrimLeft(after, jsonBlanks)
	}
	return nil
}

// jsonBlanks are the blanks between JSON documents.
const jsonBlanks = " \t\r\n"

func (e *emitter) broken(text string, err error) error {
	return e.add(func(one *event.Event) {
		one.SetField(event.Data, event.String(text))
		e.fault(one, err)
	})
}

// faultTag marks events that are not what they should be.
const faultTag = "http_server_failure"

func (e *emitter) fault(one *event.Event, err error) {
	one.Tag(faultTag)
	e.env.Fault(one, event.Data.Name, err)
}

var errNoObject = errors.New("the document is no JSON object")

// document makes an event of a document: the members of an object are its fields.
func (e *emitter) document(doc event.Value, text string) error {
	return e.add(func(one *event.Event) {
		if doc.Kind() == event.KindMap {
			e.opts.Merge(e.env, one, doc.Map())
			return
		}
		if text != "" {
			doc = event.String(text)
		}
		one.SetField(event.Data, doc)
		e.fault(one, errNoObject)
	})
}
