package config

// absent are the names of modules that users of the former program know and that this
// build does not have yet, so that a message can tell them from a typing mistake.
var absent = func() map[string]struct{} {
	set := map[string]struct{}{}
	for _, n := range []string{
		"SQS", "input.SQS", "SQSSink", "output.SQS", "MongoDbSink", "output.MongoDb",
	} {
		set[n] = struct{}{}
	}
	return set
}()
