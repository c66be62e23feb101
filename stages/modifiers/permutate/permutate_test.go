package permutate_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/permutate"
)

func TestSelections(t *testing.T) {
	const two = "source_field: facets\ntarget_fields: [field1, field2]"
	actortest.Cases(t, permutate.Spec, map[string]actortest.Case{
		"two of three": {Options: two + "\ndelete_fields: [facets]", In: `{"facets": ["a", "b", "c"]}`,
			Want: "{\"field1\":\"a\",\"field2\":\"b\"}\n{\"field1\":\"a\",\"field2\":\"c\"}\n{\"field1\":\"b\",\"field2\":\"a\"}\n{\"field1\":\"b\",\"field2\":\"c\"}\n{\"field1\":\"c\",\"field2\":\"a\"}\n{\"field1\":\"c\",\"field2\":\"b\"}"},
		"with context": {Options: two + "\ncontext_data_field: context\ncontext_target_mapping: {ctx: [ctx_field1, ctx_field2], ctx2: [ctx2_field1, ctx2_field2]}\ndelete_fields: [facets, context]",
			In:   `{"facets": [1, 2], "context": {"1": {"ctx": "a", "ctx2": "aa"}, "2": {"ctx": "b", "ctx2": "bb"}}}`,
			Want: "{\"ctx2_field1\":\"aa\",\"ctx2_field2\":\"bb\",\"ctx_field1\":\"a\",\"ctx_field2\":\"b\",\"field1\":1,\"field2\":2}\n{\"ctx2_field1\":\"bb\",\"ctx2_field2\":\"aa\",\"ctx_field1\":\"b\",\"ctx_field2\":\"a\",\"field1\":2,\"field2\":1}"},
		"equal elements": {Options: "source_field: l\ntarget_fields: [x]\ndelete_fields: [l]", In: `{"l": [1, 1]}`, Want: "{\"x\":1}\n{\"x\":1}"},
		"too short":      {Options: two, In: `{"facets": [1]}`, Want: `{"facets":[1]}`, Tags: "permutate_failure"},
		"no list":        {Options: two, In: `{"facets": "x"}`, Want: `{"facets":"x"}`, Tags: "permutate_failure"},
		"too many":       {Options: two + "\nmax_permutations: 5", In: `{"facets": [1, 2, 3]}`, Want: `{"facets":[1,2,3]}`, Tags: "permutate_failure"},
		"missing":        {Options: two, In: `{"x": 1}`, Want: `{"x":1}`},
	})
	actortest.Wrong(t, permutate.Spec, map[string]string{
		"source_field: a": "target_fields", "source_field: a\ntarget_fields: []": "at least one", two + "\ncontext_data_field: c": "context_target_mapping",
		two + "\ncontext_data_field: c\ncontext_target_mapping: {k: [x]}": "each of the 2",
	})
}
