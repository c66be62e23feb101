//go:build mongodb

package mongodbsink

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
)

// duplicateKey is the code of a document whose _id, or what else must be unique, is there.
const duplicateKey = 11000

// passing are codes of errors about a document that a later attempt may not have
// (https://www.mongodb.com/docs/manual/reference/error-codes/).
var passing = map[int]bool{
	6: true, 7: true, 89: true, 91: true, 189: true, 262: true, 9001: true, 10107: true, 11600: true, 11602: true, 13435: true, 13436: true, // away or no primary
	24: true, 46: true, 50: true, 112: true, 202: true, 246: true, 251: true, // locks, limits of time, conflicts
	14031: true, 39: true, 133: true, // disk, shards
	13: true, 18: true, // whoever may change rights may give them back
}

// hopeless reports whether only people can do something about an error: the server does not
// know us or does not let us write.
func hopeless(err error) bool {
	if c, ok := errors.AsType[mongo.CommandError](err); ok && (c.Code == 13 || c.Code == 18) {
		return true
	}
	_, refused := errors.AsType[*auth.Error](err)
	return refused
}

// divisible reports whether the server or the client has refused a request for what is in
// it, so that a part of it may be taken.
func divisible(err error) bool {
	if errors.Is(err, driver.ErrDocumentTooLarge) {
		return true
	}
	c, ok := errors.AsType[mongo.CommandError](err)
	if !ok {
		return false
	}
	switch c.Code {
	case 15, 22, 52, 73, 10334, 17280, 17419, 17420: // nesting, BSON, names, sizes
		return true
	}
	return false
}
