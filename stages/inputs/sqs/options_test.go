package sqs_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/sqs"
	"gambolputty/stages/internal/optional"
	"gambolputty/stages/internal/sqsconn"
)

// IN-13
func TestWrongOptionsAreToldOf(t *testing.T) {
	actortest.Wrong(t, sqs.Spec, map[string]string{
		"queue: q":  "region",
		"region: r": "queue",
		"region: r\nqueue: q\naws_access_key_id: a":            "aws_secret_access_key: required option is missing: aws_access_key_id is set",
		"region: r\nqueue: q\naws_secret_access_key: a":        "aws_access_key_id: required option is missing: aws_secret_access_key is set",
		"region: r\nqueue: q\naws_session_token: a":            "aws_access_key_id: required option is missing: aws_session_token is set",
		"region: r\nqueue: q\nrole_arn: admin":                 `arn:aws:iam::123456789012:role/name, got "admin"`,
		"region: r\nqueue: q\nendpoint_url: localhost:9324":    "must be a URL",
		"region: r\nqueue: a b":                                `got "a b"`,
		"region: https://x\nqueue: q":                          "must be the name of a region",
		"region: r\nqueue: q\nbatch_size: 11":                  "batch_size",
		"region: r\nqueue: q\nbatch_size: 0":                   "batch_size",
		"region: r\nqueue: q\nwait_time_in_secs: 21":           "wait_time_in_secs",
		"region: r\nqueue: q\nvisibility_timeout_in_secs: 0":   "visibility_timeout_in_secs",
		"region: r\nqueue: q\npoll_interval_in_secs: -1":       "poll_interval_in_secs",
		"region: r\nqueue: q\nqueue_url: http://localhost/1/q": "unknown option",
		"region: r\nqueue: http://localhost:9324/":             `got "http://localhost:9324/"`,
	})
}

// A build without the client knows all about the module but how to do it, and says where that
// is to be had.
func TestABuildWithoutTheClientSaysSo(t *testing.T) {
	err := actortest.Options(t, sqs.Spec, "region: any-region-9\nqueue: q\npoll_interval_in_secs: 1\nattribute_names: All")
	if sqsconn.Built {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), string(optional.Absent)) || !strings.Contains(err.Error(), "client of SQS") || !strings.Contains(err.Error(), "go build -tags aws ./cmd/gambolputty") {
		t.Error(err)
	}
}
