//go:build aws

package sqsconn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Built says whether this build has the client.
const Built = true

// Client speaks to one queue.
type Client struct {
	*sqs.Client
	name string
	url  atomic.Pointer[string] // nil before it is known
}

// New makes a client, which does not connect yet. It does nothing twice by itself: whoever
// uses it knows what is worth another attempt, and when.
func New(ctx context.Context, o *Options) (*Client, error) {
	load := []func(*config.LoadOptions) error{config.WithRegion(o.Region), config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} })}
	if o.AccessKeyID != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken)))
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("read the configuration of AWS: %w", err)
	}
	if o.RoleARN != "" {
		c.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), o.RoleARN, func(p *stscreds.AssumeRoleOptions) {
			p.RoleSessionName = "gambolputty"
		}))
	}
	client := &Client{name: o.QueueName(), Client: sqs.NewFromConfig(c, func(s *sqs.Options) {
		s.DisableMessageChecksumValidation = true // one bad message is no reason to refuse all of an answer
		if at := o.address(); at != "" {
			s.BaseEndpoint = &at
		}
	})}
	if o.queueIsURL() {
		client.url.Store(&o.Queue)
	}
	return client, nil
}

// address is where to connect to; "" leaves it to the region. Hosts of the form
// region.queue.amazonaws.com are those of an interface that is no more spoken.
func (o *Options) address() string {
	if o.Endpoint != "" || !o.queueIsURL() {
		return o.Endpoint
	}
	u, _ := url.Parse(o.Queue) // it was checked
	if strings.HasSuffix(u.Host, "queue.amazonaws.com") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// URL finds the queue by its name.
func (c *Client) URL(ctx context.Context) (*string, error) {
	if u := c.url.Load(); u != nil {
		return u, nil
	}
	a, err := c.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &c.name})
	if err != nil {
		return nil, fmt.Errorf("find queue %s: %w", c.name, err)
	}
	if a.QueueUrl == nil {
		return nil, fmt.Errorf("find queue %s: %w", c.name, ErrGarbage)
	}
	c.url.Store(a.QueueUrl)
	return a.QueueUrl, nil
}

// Ping asks whether the queue is there and lets us in.
func (c *Client) Ping(ctx context.Context) error {
	u, err := c.URL(ctx)
	if err != nil {
		return err
	}
	_, err = c.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: u, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if code := Code(err); code == "AccessDenied" || code == "AccessDeniedException" {
		return nil // there are users who may do nothing but what they are there for
	}
	return err
}

// ErrGarbage is about answers that are not those of SQS.
var ErrGarbage = errors.New("the answer is not that of SQS")

// Code is the code by which the service tells what is wrong, "" if it was not asked.
func Code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// Hopeless reports whether only people can do something about an error: the service does not
// know us, does not let us do something, or there is no such queue.
func Hopeless(err error) bool {
	return slices.Contains([]string{
		"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException",
		"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "MissingAuthenticationToken", "OptInRequired", "InvalidSecurity", "InvalidAddress",
		"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "KmsAccessDenied", "KmsDisabled", "KmsNotFound",
	}, Code(err))
}
