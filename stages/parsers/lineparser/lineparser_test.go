package lineparser_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/parsers/lineparser"
)

func TestPartsBecomeEvents(t *testing.T) {
	actortest.Cases(t, lineparser.Spec, map[string]actortest.Case{
		"a separator":      {Options: "seperator: '|'", In: `{"data": "message-a|message-b|message-c", "x": 1}`, Want: "{\"data\":\"message-a\",\"x\":1}\n{\"data\":\"message-b\",\"x\":1}\n{\"data\":\"message-c\",\"x\":1}"},
		"lines":            {In: `{"data": "a\nb\n"}`, Want: "{\"data\":\"a\"}\n{\"data\":\"b\"}"},
		"empty lines":      {Options: "keep_empty: True", In: `{"data": "a\n\n"}`, Want: "{\"data\":\"a\"}\n{\"data\":\"\"}\n{\"data\":\"\"}"},
		"nothing":          {In: `{"data": "\n\n"}`, Want: `{"data":""}`},
		"a list":           {In: `{"data": ["a", 1]}`, Want: "{\"data\":\"a\"}\n{\"data\":\"1\"}"},
		"as a list":        {Options: "separator: ' '\nsource_fields: splitme\ntarget_field: splitted\nemit: list", In: `{"splitme": "Venezuelan beaver cheese?"}`, Want: `{"splitted":["Venezuelan","beaver","cheese?"]}`},
		"another target":   {Options: "target_field: part\nkeep_original: True", In: `{"data": "a\nb"}`, Want: "{\"data\":\"a\\nb\",\"part\":\"a\"}\n{\"data\":\"a\\nb\",\"part\":\"b\"}"},
		"a pattern":        {Options: "regex: '[,;] *'", In: `{"data": "a, b;c"}`, Want: "{\"data\":\"a\"}\n{\"data\":\"b\"}\n{\"data\":\"c\"}"},
		"numbered":         {Options: "add_index_field: n", In: `{"data": "a\nb"}`, Want: "{\"data\":\"a\",\"n\":0}\n{\"data\":\"b\",\"n\":1}"},
		"carriage returns": {Options: "strip_cr: True", In: `{"data": "a\r\n b"}`, Want: "{\"data\":\"a\"}\n{\"data\":\" b\"}"},
		"stripped":         {Options: "strip: True", In: `{"data": " a \r\n b"}`, Want: "{\"data\":\"a\"}\n{\"data\":\"b\"}"},
		"too many":         {Options: "max_events: 1", In: `{"data": "a\nb"}`, Want: `{"data":"a\nb"}`, Tags: "line_parser_failure"},
		"a number":         {In: `{"data": 5}`, Want: `{"data":5}`, Tags: "line_parser_failure"},
		"no field":         {In: `{"x": 5}`, Want: `{"x":5}`},
		"an option of all": {Options: "add_fields: {y: '$(data)!'}", In: `{"data": "a\nb"}`, Want: "{\"data\":\"a\",\"y\":\"a!\"}\n{\"data\":\"b\",\"y\":\"b!\"}"},
		"filtered by rule": {Options: "filter: $(x)", In: `{"data": "a\nb"}`, Want: `{"data":"a\nb"}`},
	})
}

func TestAnEmptySeparatorIsRefused(t *testing.T) {
	actortest.Wrong(t, lineparser.Spec, map[string]string{"seperator: ''": "must not be empty", "regex: '('": "regex"})
}
