package mongodbsink_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/optional"
	"gambolputty/stages/outputs/mongodbsink"
)

// OUT-22
func TestWrongOptionsAreToldOf(t *testing.T) {
	actortest.Wrong(t, mongodbsink.Spec, map[string]string{
		"host: 'a b'":                    `got the host "a b"`,
		"host: 'h:99999'":                `got the host "h:99999"`,
		"host: mongodb://":               `got the host ""`,
		"host: mongodb+srv://a,b":        `got the host "a"`,
		"host: mongodb+srv://a:1":        `got the host "a:1"`,
		"host: mongodb://a:b:c@h":        "special characters",
		"host: 'mongodb://h/?a=%zz'":     "special characters",
		"host: 1":                        "must be string",
		"host: mongodb://u:p@h\nuser: v": "user: cannot be set together with a user in host",
		"password: x":                    "user: required option is missing",
		"user: x":                        "password: required option is missing",
		"database: a b":                  `got "a b"`,
		"database: ''":                   "database",
		"collection: ''":                 "collection",
		"collection: system.users":       "begin with system.",
		"collection: 'a$b'":              "contain $",
		"write_concern: 0":               "without a confirmation nobody knows",
		"write_concern: -1":              "without a confirmation nobody knows",
		"timezone: Mars":                 "timezone",
		"format: $(":                     "format",
		"cert: x":                        "key",
		"batch_size: 0":                  "batch_size",
		"reject_action: file":            "reject_file",
		"optional_connection_params: {a: 1}\noptinonal_connection_params: {a: 1}": "optional_connection_params",
	})
}

// A secret in the text of the address is warned about and not shown.
func TestAPasswordInTheAddress(t *testing.T) {
	got := strings.Join(actortest.Warnings(t, mongodbsink.Spec, "host: mongodb://brian:nobodyexpects@h:27017/admin"), "\n")
	if !strings.Contains(got, "W114") || strings.Contains(got, "nobodyexpects") {
		t.Error(got)
	}
}

func TestABuildWithoutTheClientSaysSo(t *testing.T) {
	for _, options := range []string{
		"", "host: h1", "host: 'h1:1,h2:2'", "host: 'mongodb://h1:1,h2/?replicaSet=rs0'", "host: mongodb://%2Ftmp%2Fmongodb-27017.sock/", "host: '[::1]:27017'", "host: '::1'",
		"optinonal_connection_params: {serverSelectionTimeoutMS: 5}", "write_concern: 2\nupsert: True", "write_concern: everywhere", "user: CN=x\noptional_connection_params: {authMechanism: MONGODB-X509}\ntls: True",
		"host: mongodb+srv://cluster0.example.net/", "user: a@b:/\npassword: 'c@d:/?#%'",
	} {
		err := actortest.Options(t, mongodbsink.Spec, options)
		if mongodbsink.Built {
			if err != nil {
				t.Errorf("%s: %v", options, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), string(optional.Absent)) || !strings.Contains(err.Error(), "client of MongoDbSink") || !strings.Contains(err.Error(), "go build -tags mongodb ./cmd/gambolputty") {
			t.Error(err)
		}
	}
}
