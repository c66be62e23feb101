package kafkasink_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/kafkasink"
)

// OUT-22.
func TestFaultsOfOptions(t *testing.T) {
	for options, want := range map[string]string{
		"key: x":                                                   "topic",
		"topic: a b":                                               "topic",
		"topic: a\nacks: 2":                                        "acks",
		"topic: a\ncompression: lzma":                              "compression",
		"topic: a\nbatch_size: 0":                                  "batch_size",
		"topic: a\ntimezone: Nowhere":                              "timezone",
		"topic: a\ncert: x":                                        "tls_key",
		"topic: a\nheaders: {'': x}":                               "headers",
		"topic: a\nreject_action: file":                            "reject_file",
		"topic: a\nformat: $(data":                                 "format",
		"topic: a\nmax_message_bytes: -1":                          "max_message_bytes",
		"topic: a\nacks: 1\nenable_idempotence: True":              "enable_idempotence",
		"topic: a\nacks: 0\ntransactional_id: x":                   "transactional_id",
		"topic: a\nenable_idempotence: False\ntransactional_id: x": "transactional_id",
	} {
		if err := actortest.Options(t, kafkasink.Spec, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", options, err)
		}
	}
	for _, options := range []string{"topic: a", "topic: a\nacks: -1", "topic: a-%Y.%m\nacks: 1", "topic: a\nacks: all\ntransactional_id: x", "topic: a\nkey: null\nformat: null"} {
		if err := actortest.Options(t, kafkasink.Spec, options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
}
