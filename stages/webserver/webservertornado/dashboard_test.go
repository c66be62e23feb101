package webservertornado_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The dashboard of the examples asks for series and labels that there are.
func TestTheDashboardAsksForMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../../examples/grafana/gambolputty.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Fatal("the dashboard is no JSON")
	}
	f := serveFull(t, "")
	f.send("yes", "no")
	f.Wait(1)
	_, metrics, _ := f.get("/metrics")
	names := regexp.MustCompile(`\b(?:gambolputty|process|go)_[a-z_]+\b`).FindAllString(string(text), -1)
	if len(names) < 20 {
		t.Errorf("only %d names", len(names))
	}
	for _, name := range names {
		if !strings.Contains(metrics, "\n"+name+"{") && !strings.Contains(metrics, "\n"+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
	for _, label := range regexp.MustCompile(`by \(([a-z, ]+)\)|\{\{(\w+)\}\}`).FindAllStringSubmatch(string(text), -1) {
		for one := range strings.SplitSeq(label[1]+label[2], ", ") {
			if one != "instance" && !strings.Contains(metrics, one+"=") { // which Prometheus adds
				t.Errorf("no series has a label %s", one)
			}
		}
	}
	f.Stop()
}
