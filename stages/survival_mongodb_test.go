//go:build mongodb

package stages_test

import (
	"testing"

	"gambolputty/stages/internal/mongotest"
)

func partiesOfMongoDB() map[string]party {
	options := func(a string) string {
		return "host: " + a + "\ncollection: c\noptional_connection_params: {serverSelectionTimeoutMS: 500, timeoutMS: 3000}\n" + quick
	}
	return map[string]party{
		"MongoDbSink": {
			module: "MongoDbSink", options: options,
			login:   func(a string) string { return options(a) + "user: brian\npassword: " + secret },
			refusal: "Authentication failed",
			counterpart: func(t *testing.T) (string, func() []string, func(...string)) {
				s := mongotest.New(t)
				return s.Addr(), func() (list []string) {
					for _, d := range s.Documents("gambolputty.c") {
						list = append(list, d.Lookup("data").StringValue())
					}
					return list
				}, nil
			},
		},
	}
}
