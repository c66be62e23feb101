//go:build !mongodb

package stages_test

func partiesOfMongoDB() map[string]party { return nil }
