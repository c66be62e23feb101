package httpsink

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gambolputty/actor/event"
)

// shape is the form of a body. Events of one group stand together in it:
//
//	head open GROUP begin EVENT between EVENT close comma open GROUP ... close tail
type shape struct {
	path        string // of the receiver, where the address has none
	contentType string

	head, open, begin, between, close, comma, tail string

	// group appends what the events of a group have in common; nil is that all are one group.
	group func(r *renderer, dst []byte, e *event.Event) []byte
	// item appends what stands for an event.
	item func(r *renderer, dst []byte, e *event.Event) []byte
	// judge reads the answer to a request that succeeded and says what became of the events;
	// nil is that all have arrived.
	judge func(answer []byte, events int) ([]verdict, error)
}

// verdict is what became of an event. No error is that it has arrived.
type verdict struct {
	err   error
	final bool // it is of no use to try again
}

const (
	ndjson = "application/x-ndjson"
	asJSON = "application/json"
	text   = "text/plain; charset=utf-8"
)

func shapeOf(o *Options) shape {
	switch o.Preset {
	case "loki": // https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
		return shape{
			path: "/loki/api/v1/push", contentType: asJSON, head: `{"streams":[`, open: `{"stream":`, begin: `,"values":[`, between: ",", close: `]}`, comma: ",", tail: `]}`,
			group: labelObject, item: lokiItem,
		}
	case "splunk_hec": // https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector
		return shape{path: "/services/collector/event", contentType: asJSON, item: splunkItem}
	case "datadog": // https://docs.datadoghq.com/api/latest/logs/#send-logs
		return shape{path: "/api/v2/logs", contentType: asJSON, head: "[", between: ",", tail: "]", item: datadogItem}
	case "elasticsearch_bulk":
		return shape{path: "/_bulk", contentType: ndjson, item: bulkItem, judge: judgeBulk}
	case "otlp": // https://opentelemetry.io/docs/specs/otlp/#otlphttp
		return shape{
			path: "/v1/logs", contentType: asJSON, head: `{"resourceLogs":[`, open: `{"resource":{"attributes":`,
			begin: `},"scopeLogs":[{"scope":{"name":"gambolputty"},"logRecords":[`, between: ",", close: `]}]}`, comma: ",", tail: `]}`,
			group: resourceAttributes, item: otlpItem, judge: judgeOTLP,
		}
	}
	switch o.Body {
	case "json_array":
		return shape{contentType: asJSON, head: "[", between: ",", tail: "]", item: whole}
	case "lines":
		return shape{contentType: text, item: line}
	case "format":
		return shape{contentType: text, item: formatted}
	}
	return shape{contentType: ndjson, item: wholeLine}
}

// address is where a request goes: the path of the receiver is added to an address without
// one, and that of the bulk interface to any, as the name of an index stands before it.
func (s shape) address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errNoURL // the error would repeat it, and it may hold secrets
	}
	if s.path == "" {
		return u, nil
	}
	if bare := strings.Trim(u.Path, "/") == ""; bare || s.path == "/_bulk" && !strings.HasSuffix(u.Path, s.path) {
		u = u.JoinPath(s.path)
	}
	return u, nil
}

var errNoURL = errors.New("the url is none, or a field in it is missing")

func whole(r *renderer, dst []byte, e *event.Event) []byte { return r.enc.AppendEvent(dst, e) }

func wholeLine(r *renderer, dst []byte, e *event.Event) []byte { return append(whole(r, dst, e), '\n') }

func formatted(r *renderer, dst []byte, e *event.Event) []byte { return r.text(dst, e) }

// line keeps an event on one line.
func line(r *renderer, dst []byte, e *event.Event) []byte {
	from := len(dst)
	dst = r.text(dst, e)
	for len(dst) > from && (dst[len(dst)-1] == '\n' || dst[len(dst)-1] == '\r') {
		dst = dst[:len(dst)-1]
	}
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return append(dst, '\n')
}

// labelObject appends the labels as a JSON object.
func labelObject(r *renderer, dst []byte, e *event.Event) []byte {
	dst = append(dst, '{')
	for i, name := range r.labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendJSONString(dst, name), ':')
		dst = event.AppendJSONString(dst, r.label(name))
	}
	return append(dst, '}')
}

// lokiItem is [TIME, LINE] with the time in nanoseconds as text.
func lokiItem(r *renderer, dst []byte, e *event.Event) []byte {
	dst = append(dst, `["`...)
	dst = strconv.AppendInt(dst, r.time().UnixNano(), 10)
	dst = append(dst, `",`...)
	return append(r.quoted(dst, e), ']')
}

// splunkItem is an object with the event and what is known about it.
func splunkItem(r *renderer, dst []byte, e *event.Event) []byte {
	dst = append(dst, `{"time":`...)
	dst = strconv.AppendFloat(dst, float64(r.time().UnixMilli())/1000, 'f', 3, 64)
	for _, name := range r.labels {
		dst = event.AppendJSONString(append(dst, ','), name)
		dst = event.AppendJSONString(append(dst, ':'), r.label(name))
	}
	dst = append(dst, `,"event":`...)
	if r.format.IsZero() {
		dst = r.enc.AppendEvent(dst, e)
	} else {
		dst = r.quoted(dst, e)
	}
	return append(dst, "}\n"...)
}

// ownNames are the labels that are members of their own for Datadog; others are tags.
var ownNames = map[string]bool{"ddsource": true, "service": true, "hostname": true}

// datadogItem is an object with the text as message.
func datadogItem(r *renderer, dst []byte, e *event.Event) []byte {
	dst = r.quoted(append(dst, `{"message":`...), e)
	var tags []string
	for _, name := range r.labels {
		value := r.label(name)
		if !ownNames[name] {
			tags = append(tags, name+":"+value)
			continue
		}
		dst = event.AppendJSONString(append(dst, ','), name)
		dst = event.AppendJSONString(append(dst, ':'), value)
	}
	if len(tags) > 0 {
		dst = event.AppendJSONString(append(dst, `,"ddtags":`...), strings.Join(tags, ","))
	}
	return append(dst, '}')
}

// bulkItem creates a document with the id of the event, so that it exists once however often
// it is sent.
func bulkItem(r *renderer, dst []byte, e *event.Event) []byte {
	dst = append(dst, `{"create":{"_id":`...)
	dst = event.AppendJSONString(dst, r.event.ID())
	dst = append(dst, "}}\n"...)
	return append(r.enc.AppendEvent(dst, e), '\n')
}

// judgeBulk reads the items of a bulk answer.
func judgeBulk(answer []byte, events int) ([]verdict, error) {
	var read struct {
		Errors bool
		Items  []map[string]struct {
			Status int
			Error  json.RawMessage
		}
	}
	if err := json.Unmarshal(answer, &read); err != nil || len(read.Items) != events {
		return nil, fmt.Errorf("the answer is no list of %d results", events)
	}
	verdicts := make([]verdict, events)
	for i, item := range read.Items {
		for _, one := range item {
			switch {
			case one.Status < 300, one.Status == http.StatusConflict: // it is there already
			default:
				verdicts[i] = verdict{fmt.Errorf("status %d: %s", one.Status, clip(one.Error)), !passes(one.Status)}
			}
		}
	}
	return verdicts, nil
}

// resourceAttributes are the labels as OTLP writes them.
func resourceAttributes(r *renderer, dst []byte, e *event.Event) []byte {
	dst = append(dst, '[')
	for i, name := range r.labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = otlpAttribute(dst, name, event.String(r.label(name)))
	}
	return append(dst, ']')
}

// otlpItem is a log record: the text is its body, and the fields of the event are attributes.
func otlpItem(r *renderer, dst []byte, e *event.Event) []byte {
	dst = append(dst, `{"timeUnixNano":"`...)
	dst = strconv.AppendInt(dst, r.time().UnixNano(), 10)
	dst = append(dst, `","body":{"stringValue":`...)
	if r.format.IsZero() {
		data, _ := e.Field(event.Data)
		dst = event.AppendJSONString(dst, data.Text())
	} else {
		dst = r.quoted(dst, e)
	}
	dst = append(dst, `},"attributes":[`...)
	fields, first := e.Whole().Map(), true
	for i := range fields.Len() {
		f := fields.At(i)
		if f.Key == event.Data && r.format.IsZero() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = otlpAttribute(dst, f.Key.Name, f.Value)
	}
	return append(dst, "]}"...)
}

func otlpAttribute(dst []byte, name string, v event.Value) []byte {
	dst = event.AppendJSONString(append(dst, `{"key":`...), name)
	return append(otlpValue(append(dst, `,"value":`...), v), '}')
}

// otlpValue appends a value as the JSON form of an AnyValue; integers are text there, because
// JSON numbers are not exact.
func otlpValue(dst []byte, v event.Value) []byte {
	switch v.Kind() {
	case event.KindBool:
		return append(strconv.AppendBool(append(dst, `{"boolValue":`...), v.Bool()), '}')
	case event.KindInt:
		return append(append(append(dst, `{"intValue":"`...), v.Text()...), `"}`...)
	case event.KindFloat, event.KindDecimal:
		f, _ := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(event.AppendJSONString(append(dst, `{"doubleValue":`...), v.Text()), '}')
		}
		return append(event.AppendFloat(append(dst, `{"doubleValue":`...), f), '}')
	case event.KindList:
		dst = append(dst, `{"arrayValue":{"values":[`...)
		for i := range v.List().Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = otlpValue(dst, v.List().At(i))
		}
		return append(dst, "]}}"...)
	case event.KindMap:
		dst = append(dst, `{"kvlistValue":{"values":[`...)
		for i := range v.Map().Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = otlpAttribute(dst, v.Map().At(i).Key.Name, v.Map().At(i).Value)
		}
		return append(dst, "]}}"...)
	case event.KindNull:
		return append(dst, "{}"...)
	}
	return append(event.AppendJSONString(append(dst, `{"stringValue":`...), v.Text()), '}')
}

// judgeOTLP looks for a partial success. Which records were refused is not said, and sending
// all again is not allowed, so that the number is all that can be told.
func judgeOTLP(answer []byte, events int) ([]verdict, error) {
	var read struct {
		PartialSuccess struct {
			RejectedLogRecords json.Number `json:"rejectedLogRecords"`
			ErrorMessage       string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if len(answer) == 0 || json.Unmarshal(answer, &read) != nil {
		return nil, nil // an answer may be empty, and 200 says that all is well
	}
	n, _ := read.PartialSuccess.RejectedLogRecords.Int64()
	if n <= 0 {
		return nil, nil
	}
	return nil, &partial{int(min(n, int64(events))), read.PartialSuccess.ErrorMessage}
}

// partial says that a receiver has refused some events of a request without saying which.
type partial struct {
	refused int
	reason  string
}

func (p *partial) Error() string {
	return fmt.Sprintf("%d events of a request were refused: %s", p.refused, clip([]byte(p.reason)))
}

// names returns the names of labels in order.
func names[V any](labels map[string]V) []string { return slices.Sorted(maps.Keys(labels)) }

// clip bounds what is told of an answer.
func clip(b []byte) string {
	const most = 1024
	return strings.ToValidUTF8(strings.TrimSpace(string(b[:min(len(b), most)])), "\ufffd")
}

// passes reports whether a status may be another one the next time.
func passes(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}
