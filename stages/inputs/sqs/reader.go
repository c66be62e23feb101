//go:build aws

package sqs

import (
	"crypto/md5" // the protocol says so
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// reader makes events of messages. Their fields are those of the first version of this
// module, which took them as the library for Python named them.
type reader struct {
	env  actor.Env
	keys struct{ sqs, attributes, id, md5Body, md5Attributes, messageAttributes, dataType, text, binary *event.Key }
}

func newReader(env actor.Env) reader {
	r := reader{env: env}
	for k, name := range map[**event.Key]string{
		&r.keys.sqs: "sqs", &r.keys.attributes: "attributes", &r.keys.id: "id", &r.keys.md5Body: "md5_of_body", &r.keys.md5Attributes: "md5_of_message_attributes",
		&r.keys.messageAttributes: "message_attributes", &r.keys.dataType: "DataType", &r.keys.text: "StringValue", &r.keys.binary: "BinaryValue",
	} {
		*k = event.Intern(name)
	}
	return r
}

// fill puts a message into an event.
func (r *reader) fill(e *event.Event, m types.Message) {
	body := aws.ToString(m.Body)
	e.SetField(event.Data, event.String(body))
	if sum := md5.Sum([]byte(body)); m.MD5OfBody != nil && hex.EncodeToString(sum[:]) != *m.MD5OfBody {
		r.env.Count("md5_mismatches", 1)
		r.env.Warn("the body of a message is not what its sender has sent, its MD5 differs", "message_id", aws.ToString(m.MessageId))
	}
	given := event.NewMap(len(m.Attributes))
	for name, v := range m.Attributes {
		given.Set(event.Intern(name), event.String(v))
	}
	info := event.NewMap(5)
	info.Set(r.keys.attributes, event.MapOf(given))
	info.Set(r.keys.id, text(m.MessageId))
	info.Set(r.keys.md5Body, text(m.MD5OfBody))
	info.Set(r.keys.md5Attributes, text(m.MD5OfMessageAttributes))
	info.Set(r.keys.messageAttributes, r.attributes(m.MessageAttributes))
	e.SetField(r.keys.sqs, event.MapOf(info))
}

// attributes are those of the sender.
func (r *reader) attributes(all map[string]types.MessageAttributeValue) event.Value {
	m := event.NewMap(len(all))
	for name, a := range all {
		v := event.NewMap(2)
		v.Set(r.keys.dataType, text(a.DataType))
		if a.StringValue != nil {
			v.Set(r.keys.text, text(a.StringValue))
		}
		if a.BinaryValue != nil {
			v.Set(r.keys.binary, event.String(string(a.BinaryValue)))
		}
		m.Set(event.Intern(name), event.MapOf(v))
	}
	return event.MapOf(m)
}

func text(s *string) event.Value {
	if s == nil {
		return event.Null
	}
	return event.String(*s)
}
