//go:build !aws

package sqsconn

// Built says whether this build has the client.
const Built = false
