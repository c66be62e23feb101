package config_test

import (
	"strings"
	"testing"

	"gambolputty/config"
	"gambolputty/stages"
)

// inPack reads a file of a node with the options of its PackConfiguration.
func inPack(options, own string, instead *config.Instead, shared ...config.Shared) (*config.Plan, *config.Report) {
	l := config.Loader{Specs: stages.All(), Env: func(string) (string, bool) { return "", false }, Shared: shared, SharedBy: "PackConfiguration", Instead: instead}
	return l.LoadText("node.yml", []byte("- Pack: {name: x, secret: 0123456789abcdef, join: [x]}\n- PackConfiguration"+options+"\n"+own))
}

func notShared(_, class string) bool { return strings.HasPrefix(class, "Pack") }

const forGroups = "- TcpServer: {port: 5151, receivers: [edge, main]}\n" +
	"- FileSink: {id: edge, only_groups: [edge, lab], file_name: x}\n" +
	"- FileSink: {id: main, file_name: y}\n"

func TestAModuleForAGroupRunsOnItsNodesOnly(t *testing.T) {
	leader, report := inPack("", forGroups, nil)
	if !report.OK(false) || ids(leader) != "Pack PackConfiguration TcpServer>main main" {
		t.Fatalf("%s\n%s", ids(leader), report.Text())
	}
	list, err := leader.Share(notShared)
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	for options, want := range map[string]string{
		"":                         "Pack PackConfiguration TcpServer>main main",
		": {groups: [core]}":       "Pack PackConfiguration TcpServer>main main",
		": {groups: [core, lab]}":  "Pack PackConfiguration TcpServer>edge>main edge main",
		": {groups: [edge]}":       "Pack PackConfiguration TcpServer>edge>main edge main",
		": {groups: [edge, core]}": "Pack PackConfiguration TcpServer>edge>main edge main",
	} {
		plan, report := inPack(options, "", nil, list...)
		if !report.OK(false) || ids(plan) != want {
			t.Errorf("%s: %s\n%s", options, ids(plan), report.Text())
		}
		again, err := plan.Share(notShared)
		if err != nil || config.HashShared(again) != config.HashShared(list) {
			t.Errorf("%s: it would be given on as %v %v", options, again, err)
		}
	}
}

func TestAModuleForOtherNodesNeedNotFitHere(t *testing.T) {
	for name, s := range map[string]config.Shared{
		"a variable that is not set": {ID: "x", Class: "StdOutSink", Groups: []string{"edge"}, Text: "- StdOutSink: {format: '${NOWHERE}'}\n"},
		"a class of another version": {ID: "x", Class: "Later", Groups: []string{"edge"}, Text: "- Later: {spam: 1}\n"},
	} {
		if plan, report := inPack("", "- DevNullSink\n- UdpServer: {port: 5, receivers: [x, DevNullSink]}\n", nil, s); !report.OK(false) || ids(plan) != "Pack PackConfiguration DevNullSink UdpServer>DevNullSink" {
			t.Errorf("%s: %s\n%s", name, ids(plan), report.Text())
		}
		if _, report := inPack(": {groups: [edge]}", "- DevNullSink\n- UdpServer: {port: 5, receivers: [x, DevNullSink]}\n", nil, s); report.OK(false) {
			t.Errorf("%s: it is not looked at", name)
		}
	}
}

func TestGroupsWithoutAPackAreAWarning(t *testing.T) {
	l := config.Loader{Specs: stages.All(), SharedBy: "PackConfiguration"}
	plan, report := l.LoadText("x.yml", []byte("- UdpServer: {port: 5}\n- DevNullSink: {only_groups: [edge]}\n"))
	if !report.OK(false) || ids(plan) != "UdpServer>DevNullSink DevNullSink" || !strings.Contains(report.Text(), "x.yml:2:17: warning[W105]") {
		t.Errorf("%s\n%s", ids(plan), report.Text())
	}
}

func TestOtherModulesStandInThePlaceOfTheOwnOnes(t *testing.T) {
	now := "- Noop: {id: mine}\n- UdpServer: {port: 6}\n- DevNullSink\n"
	plan, _ := inPack("", now, nil)
	skip := func(id, class string) bool { return notShared(id, class) || id == "mine" }
	own, err := plan.Own(skip)
	if err != nil || len(own) != 2 {
		t.Fatal(own, err)
	}
	before, _ := inPack("", "- UdpServer: {port: 5}\n- StdOutSink\n", nil)
	list, err := before.Share(notShared)
	if err != nil {
		t.Fatal(err)
	}
	instead := &config.Instead{Own: config.HashShared(own), Skip: skip, Modules: list}
	plan, report := inPack("", now, instead)
	if !report.OK(false) || !plan.Replaced || ids(plan) != "Pack PackConfiguration mine UdpServer>StdOutSink StdOutSink" {
		t.Errorf("%s\n%s", ids(plan), report.Text())
	}
	if again, err := plan.Own(skip); err != nil || config.HashShared(again) != instead.Own {
		t.Errorf("%v %v", again, err)
	}
	for name, changed := range map[string]string{"an option": strings.Replace(now, "6", "7", 1), "one more": now + "- StdOutSink: {receivers: []}\n"} {
		if plan, report := inPack("", changed, instead); plan.Replaced || !strings.Contains(ids(plan), "UdpServer>DevNullSink") {
			t.Errorf("%s: %s\n%s", name, ids(plan), report.Text())
		}
	}
	if plan, _ := inPack("", "# a comment\n"+strings.Replace(now, "6}", "6} # another", 1), instead); !plan.Replaced {
		t.Error("a comment is no change")
	}
}
