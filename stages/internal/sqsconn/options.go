// Package sqsconn speaks to Amazon SQS, or to what has its interface. The client is only in
// builds with the tag aws.
package sqsconn

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"gambolputty/actor/option"
	"gambolputty/stages/internal/optional"
)

// Tag is the tag of builds that have the client.
const Tag = "aws"

// Options are embedded in the options of modules that speak to a queue.
type Options struct {
	AccessKeyID     string `opt:"aws_access_key_id" null:"true" doc:"Id of an access key. Without it credentials are looked for as all programs for AWS do: in the environment, in the shared files, in the metadata of the container or the machine."`
	SecretAccessKey string `opt:"aws_secret_access_key" secret:"true" null:"true" doc:"The secret of the access key."`
	SessionToken    string `opt:"aws_session_token" secret:"true" null:"true" doc:"Token of temporary credentials. Needs the two others."`
	RoleARN         string `opt:"role_arn" null:"true" doc:"Role to take on with these credentials, as in arn:aws:iam::123456789012:role/name."`
	Region          string `opt:"region" required:"true" doc:"Region of the queue, as in eu-west-1."`
	Queue           string `opt:"queue" required:"true" doc:"Name or URL of the queue."`
	Endpoint        string `opt:"endpoint_url" null:"true" doc:"URL of a service with the interface of SQS, instead of that of the region. The default with a URL as queue is its host."`
}

// CheckQueue tells what is missing or does not go together. module is what the message calls
// the module in a build that has no client for it.
func (o *Options) CheckQueue(module string) error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if (o.AccessKeyID == "") != (o.SecretAccessKey == "") {
		missing, other := "aws_access_key_id", "aws_secret_access_key"
		if o.AccessKeyID != "" {
			missing, other = other, missing
		}
		fault(missing, option.Required, "required option is missing: %s is set", other)
	}
	if o.SessionToken != "" && o.AccessKeyID == "" && o.SecretAccessKey == "" {
		fault("aws_access_key_id", option.Required, "required option is missing: aws_session_token is set")
	}
	if o.RoleARN != "" && (!strings.HasPrefix(o.RoleARN, "arn:") || !strings.Contains(o.RoleARN, ":role/")) {
		fault("role_arn", option.NotAllowed, "must look like arn:aws:iam::123456789012:role/name, got %q", o.RoleARN)
	}
	if strings.ContainsAny(o.Region, " /:.") {
		fault("region", option.NotAllowed, "must be the name of a region, as in eu-west-1, got %q", o.Region)
	}
	if o.Endpoint != "" && !isURL(o.Endpoint) {
		fault("endpoint_url", option.NotAllowed, "must be a URL that begins with http:// or https://, got %q", o.Endpoint)
	}
	if o.Queue != "" && !o.queueIsURL() && !validName(o.Queue) {
		fault("queue", option.NotAllowed, "must be a URL, or a name of up to 80 letters, digits, dashes and underscores, got %q", o.Queue)
	}
	if !Built {
		errs = append(errs, optional.Fault(module, Tag))
	}
	return errors.Join(errs...)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (o *Options) queueIsURL() bool {
	u, err := url.Parse(o.Queue)
	return err == nil && isURL(o.Queue) && strings.Trim(u.Path, "/") != ""
}

// fifo ends the names of queues that keep the order.
const fifo = ".fifo"

func validName(s string) bool {
	if len(s) > 80 {
		return false
	}
	for _, c := range strings.TrimSuffix(s, fifo) {
		if !strings.ContainsRune("-_", c) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// QueueName is the name of the queue, also if its URL was given.
func (o *Options) QueueName() string { return path.Base(o.Queue) }

// FIFO reports whether the queue keeps the order. Its name says so.
func (o *Options) FIFO() bool { return strings.HasSuffix(o.Queue, fifo) }

// Target is what log lines call the queue.
func (o *Options) Target() string { return "sqs://" + o.QueueName() }
