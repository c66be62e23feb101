//go:build aws

package stages_test

import (
	"strings"
	"testing"

	"gambolputty/stages/internal/sqstest"
)

func partiesOfAWS() map[string]party {
	options := func(a string) string { return sqstest.OptionsFor("http://"+a, "q") }
	login := func(a string) string {
		return strings.NewReplacer(sqstest.KeyID, "AKIDNOBODY", sqstest.Secret, secret).Replace(options(a))
	}
	queue := func(t *testing.T) (*sqstest.Queue, string) {
		q := sqstest.New(t, "q")
		return q, strings.TrimPrefix(q.URL, "http://")
	}
	return map[string]party{
		"SQS": {
			module: "SQS", login: login, refusal: "InvalidClientTokenId",
			options: func(a string) string { return options(a) + "visibility_timeout_in_secs: 3\nwait_time_in_secs: 1" },
			counterpart: func(t *testing.T) (string, func() []string, func(...string)) {
				q, address := queue(t)
				return address, nil, func(texts ...string) {
					for _, s := range texts {
						q.Put(sqstest.Message{Body: s})
					}
				}
			},
		},
		"SQSSink": {
			module: "SQSSink", login: func(a string) string { return login(a) + quick }, refusal: "InvalidClientTokenId",
			options: func(a string) string { return options(a) + "format: $(data)\n" + quick },
			counterpart: func(t *testing.T) (string, func() []string, func(...string)) {
				q, address := queue(t)
				return address, q.Bodies, nil
			},
		},
	}
}
