package sqssink_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/optional"
	"gambolputty/stages/internal/sqsconn"
	"gambolputty/stages/outputs/sqssink"
)

// OUT-22
func TestWrongOptionsAreToldOf(t *testing.T) {
	actortest.Wrong(t, sqssink.Spec, map[string]string{
		"queue: q":  "region",
		"region: r": "queue",
		"region: r\nqueue: q\naws_access_key_id: a":                                "aws_secret_access_key: required option is missing",
		"region: r\nqueue: q\nbatch_size: 0":                                       "batch_size",
		"region: r\nqueue: q\nbacklog_size: -1":                                    "backlog_size",
		"region: r\nqueue: q\nformat: $(":                                          "format",
		"region: r\nqueue: q\nmax_request_size: 10":                                "max_request_size",
		"region: r\nqueue: q.fifo":                                                 "message_group_id: required option is missing",
		"region: r\nqueue: q\nmessage_attributes: [a,b,c,d,e,f,g,h,i,j,k]":         "at most 10 fields, got 11",
		"region: r\nqueue: q\nmessage_attributes: ['a b']":                         `the field "a b"`,
		"region: r\nqueue: q\nmessage_attributes: [AWS.x]":                         `the field "AWS.x"`,
		"region: r\nqueue: q\nreject_action: file":                                 "reject_file",
		"region: r\nqueue: q\nendpoint_url: ftp://x":                               "endpoint_url",
		"region: r\nqueue: '" + strings.Repeat("q", 81) + "'\nmessage_group_id: x": "up to 80 letters",
		"region: r\nqueue: q.fifo.x\nmessage_group_id: x":                          `got "q.fifo.x"`,
		"region: r\nqueue: q\nmessage_attributes: [a.b]\nmessage_group: x":         "unknown option",
	})
	got := actortest.Warnings(t, sqssink.Spec, "region: r\nqueue: q\nmessage_deduplication_id: $(x)")
	if len(got) != 1 || !strings.Contains(got[0], "W105") {
		t.Error(got)
	}
}

func TestABuildWithoutTheClientSaysSo(t *testing.T) {
	err := actortest.Options(t, sqssink.Spec, "region: r\nqueue: q.fifo\nmessage_group_id: $(host)")
	if sqsconn.Built {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), string(optional.Absent)) || !strings.Contains(err.Error(), "client of SQSSink") || !strings.Contains(err.Error(), "go build -tags aws ./cmd/gambolputty") {
		t.Error(err)
	}
}
