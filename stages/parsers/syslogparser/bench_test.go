package syslogparser_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/modifiers/adddatetime"
	"gambolputty/stages/parsers/regexparser"
	"gambolputty/stages/parsers/syslogparser"
	"gambolputty/stages/parsers/syslogprivalparser"
)

// lines are as servers send them: some within a second, and from several programs.
func lines() []string {
	var list []string
	for i := range 200 {
		switch at := fmt.Sprintf("Oct 11 22:%02d:15", i/4); i % 2 {
		case 0:
			list = append(list, fmt.Sprintf("<13>%s web%02d nginx[%d]: upstream timed out (110: Connection timed out) while reading response header", at, i%7, 800+i%5))
		default:
			list = append(list, fmt.Sprintf("<38>%s mail postfix/smtpd[%d]: connect from unknown[192.0.2.%d]", at, 1200+i, i))
		}
	}
	return list
}

func BenchmarkRFC3164(b *testing.B) {
	actortest.Bench(b, syslogparser.Spec, "timezone: UTC", lines()...)
}

func BenchmarkRFC5424(b *testing.B) {
	var list []string
	for i := range 200 {
		list = append(list, fmt.Sprintf(`<165>1 2003-10-11T22:%02d:%02d.003Z host%d evntslog %d ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="%d"] An application event log entry`, i/60, i%60, i%9, i, i))
	}
	actortest.Bench(b, syslogparser.Spec, "timezone: UTC", list...)
}

// pattern takes lines of RFC 3164 apart.
const pattern = `field_extraction_patterns: [{syslog: '^<(?P<syslog_prival>\d+)>(?P<timestamp>\w{3}\s+\d+ [\d:]+) (?P<host>\S+) (?P<program>[^\[: ]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)$'}]`

// BenchmarkPatternAlone is what can be had with a pattern: there are no names, and no time.
func BenchmarkPatternAlone(b *testing.B) { actortest.Bench(b, regexparser.Spec, pattern, lines()...) }

// BenchmarkSameWork does with three modules what the SyslogParser does for RFC 3164.
func BenchmarkSameWork(b *testing.B) {
	text := "- Global: {workers: 1}\n- Feed\n- RegexParser:\n    " + pattern + `
- SyslogPrivalParser
- AddDateTime:
    source_fields: [timestamp]
    source_formats: ['%b %d %H:%M:%S']
    target_field: timestamp
    format: '%Y-%m-%dT%H:%M:%S.%fZ'
- Drain
`
	feed := actor.DefineSource(actor.Info{Name: "Feed", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return source{b.N, lines()}, nil })
	drain := actor.DefineSink(actor.Info{Name: "Drain", Role: actor.Output}, none{}, func(actor.Env, none) (actor.Sink, error) { return sink{}, nil })
	specs := []actor.Spec{feed, regexparser.Spec, syslogprivalparser.Spec, adddatetime.Spec, drain}
	plan, report := config.Loader{Specs: specs}.LoadText("test", []byte(text))
	if !report.OK(false) {
		b.Fatal(report.Text())
	}
	settings := plan.Settings()
	settings.Log = slog.New(slog.DiscardHandler)
	graph, err := actor.New(settings, plan.Nodes(func(string, *slog.Level) *slog.Logger { return settings.Log })...)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := graph.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}

type none struct{}

type source struct {
	count int
	data  []string
}

// Run sends the lines round and round.
func (s source) Run(_ context.Context, out *actor.Outlet) error {
	for i := 0; i < s.count; {
		b := out.Batch("")
		for range min(out.Size(), s.count-i) {
			b.New().SetField(event.Data, event.String(s.data[i%len(s.data)]))
			i++
		}
		if err := out.Emit(b, nil); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

type sink struct{}

// Write throws the batch away.
func (sink) Write(context.Context, *actor.Batch) error { return nil }
