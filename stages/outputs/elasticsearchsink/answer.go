package elasticsearchsink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/esclient"
)

// divisible reports whether a part of the request may be taken.
func divisible(r *esclient.Refusal) bool {
	return r.Status == http.StatusRequestEntityTooLarge || r.Status == http.StatusBadRequest
}

// outcome is what became of one item.
type outcome struct {
	Status int             `json:"status"`
	Error  json.RawMessage `json:"error"`
}

// failure is the error of an item. Old servers send a text only.
type failure struct {
	Type     string   `json:"type"`
	Reason   string   `json:"reason"`
	CausedBy *failure `json:"caused_by"`
}

// readAnswer reports what became of the items of a request. The error says that some of
// them must be sent again because the server has too much to do, or that the answer is
// garbage, in which case nothing is known and nothing reported.
func readAnswer(answer []byte, action string, list []item, r *delivery.Report) error {
	if allWell(answer, len(list)) {
		return nil
	}
	var all struct {
		Items []map[string]outcome `json:"items"`
	}
	if err := json.Unmarshal(answer, &all); err != nil {
		return fmt.Errorf("%w: %w", esclient.ErrGarbage, err)
	}
	if len(all.Items) != len(list) {
		return fmt.Errorf("%w: it is about %d documents, not %d", esclient.ErrGarbage, len(all.Items), len(list))
	}
	outcomes := make([]outcome, len(list))
	for i, one := range all.Items {
		for _, o := range one {
			outcomes[i] = o
		}
		if outcomes[i].Status == 0 {
			return fmt.Errorf("%w: document %d has no status", esclient.ErrGarbage, i)
		}
	}
	var busy error
	for i, o := range outcomes {
		if err := o.report(action, list[i], r); err != nil {
			busy = err
		}
	}
	return busy
}

// allWell recognises an answer without errors by what is in it, which is much faster than
// to parse it. In texts the quotes would be escaped.
func allWell(answer []byte, n int) bool {
	answer = bytes.TrimSpace(answer)
	return bytes.HasPrefix(answer, []byte("{")) && bytes.HasSuffix(answer, []byte("}")) && bytes.Contains(answer, []byte(`"errors":false`)) &&
		bytes.Count(answer, []byte(`"status":20`)) == n && bytes.Count(answer, []byte(`"status":`)) == n
}

// report tells what to do with an event. The error says that it must be sent again.
func (o outcome) report(action string, i item, r *delivery.Report) error {
	switch {
	case o.Status < http.StatusMultipleChoices && o.Status >= http.StatusOK:
		return nil
	case o.Status == http.StatusConflict && action == actionCreate: // it is there already
		return nil
	}
	var f failure
	if json.Unmarshal(o.Error, &f) != nil {
		_ = json.Unmarshal(o.Error, &f.Reason) // without a reason there is still the status
	}
	err := fmt.Errorf("%d %s", o.Status, f.text())
	if o.passes(f) {
		r.Later(i.Event, err)
		return err
	}
	r.Never(i.Event, err)
	return nil
}

// passes reports whether the document may be taken later.
func (o outcome) passes(f failure) bool {
	switch {
	case o.Status == http.StatusTooManyRequests, o.Status == http.StatusRequestTimeout, o.Status >= http.StatusInternalServerError:
		return true
	}
	// An index that may only be read for lack of space is one again when there is some.
	return f.Type == "es_rejected_execution_exception" || f.Type == "cluster_block_exception" || strings.HasPrefix(f.Reason, "EsRejectedExecutionException")
}

func (f *failure) text() string {
	text := f.Reason
	if f.Type != "" {
		text = f.Type + ": " + f.Reason
	}
	if f.CausedBy != nil && f.CausedBy.Reason != "" {
		text += " (" + f.CausedBy.Reason + ")"
	}
	return text
}
