package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/config"
	"gambolputty/stages"
)

// loader knows all modules, and one that takes those of others.
func sharing(list ...config.Shared) config.Loader {
	return config.Loader{Specs: stages.All(), Env: func(string) (string, bool) { return "geheim", true }, Shared: list, SharedBy: "WebserverTornado"}
}

func share(t *testing.T, text string, skip ...string) []config.Shared {
	t.Helper()
	plan, report := sharing().LoadText("leader.yml", []byte(text))
	if !report.OK(false) {
		t.Fatal(report.Text())
	}
	list, err := plan.Share(func(id, class string) bool {
		return strings.Contains(strings.Join(skip, " "), id) || class == "WebserverTornado"
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func ids(plan *config.Plan) string {
	var list []string
	for _, m := range plan.Modules {
		id := m.ID
		for _, e := range m.Edges {
			id += ">" + e.To.ID
		}
		list = append(list, id)
	}
	return strings.Join(list, " ")
}

func TestModulesAreSharedAsTheyStandInTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "more.yml"), []byte("- StdOutSink: {format: '${SECRET}$(data)'} # a comment\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "leader.yml")
	if err := os.WriteFile(path, []byte("- Global: {workers: 2}\n- TcpServer: &x {port: 5151, receivers: [StdOutSink, other]}\n- Include: more.yml\n- DevNullSink: {id: other, enabled: false}\n- WebserverTornado\n- UdpServer: {<<: *x, port: 5152}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, report := sharing().Load(path)
	if !report.OK(false) {
		t.Fatal(report.Text())
	}
	list, err := plan.Share(func(_, class string) bool { return class == "WebserverTornado" })
	if err != nil {
		t.Fatal(err)
	}
	var all string
	for _, s := range list {
		all += s.ID + " " + s.Class + " " + s.Text
	}
	if strings.Contains(all, "geheim") || !strings.Contains(all, "${SECRET}") || strings.Contains(all, "comment") || strings.Contains(all, "Global") || len(list) != 4 {
		t.Error(all)
	}
	plan, report = sharing(list...).LoadText("follower.yml", []byte("- WebserverTornado\n"))
	if !report.OK(false) || ids(plan) != "WebserverTornado TcpServer>StdOutSink StdOutSink UdpServer>StdOutSink" {
		t.Errorf("%s\n%s", ids(plan), report.Text())
	}
	again, err := plan.Share(func(_, class string) bool { return class == "WebserverTornado" })
	if err != nil || config.HashShared(again) != config.HashShared(list) {
		t.Errorf("%v\n%v\n%v", err, again, list)
	}
}

func TestOwnModulesAndSharedOnes(t *testing.T) {
	list := share(t, "- TcpServer: {port: 5151}\n- JsonParser\n- StdOutSink\n- StdOutSink: {receivers: []}\n")
	for name, c := range map[string]struct{ own, want, skipped string }{
		"nothing of its own":           {"- WebserverTornado\n", "WebserverTornado TcpServer>JsonParser JsonParser>StdOutSink StdOutSink StdOutSink_1", ""},
		"an own one wins":              {"- WebserverTornado\n- JsonParser: {receivers: []}\n", "WebserverTornado JsonParser TcpServer>StdOutSink StdOutSink StdOutSink_1", "JsonParser"},
		"the flows stay apart":         {"- WebserverTornado\n- UdpServer: {port: 5, receivers: [Noop]}\n- Noop\n", "WebserverTornado UdpServer>Noop Noop TcpServer>JsonParser JsonParser>StdOutSink StdOutSink StdOutSink_1", ""},
		"names reach across":           {"- WebserverTornado\n- UdpServer: {port: 5, receivers: [JsonParser]}\n", "WebserverTornado UdpServer>JsonParser TcpServer>JsonParser JsonParser>StdOutSink StdOutSink StdOutSink_1", ""},
		"nobody who takes them":        {"- Spam\n- DevNullSink\n", "Spam>DevNullSink DevNullSink", ""},
		"the one who does is switched": {"- WebserverTornado: {enabled: false}\n- Spam\n- DevNullSink\n", "Spam>DevNullSink DevNullSink", ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan, report := sharing(list...).LoadText("follower.yml", []byte(c.own))
			if !report.OK(false) || ids(plan) != c.want || strings.Join(plan.Skipped, " ") != c.skipped {
				t.Errorf("got %s, skipped %v\n%s", ids(plan), plan.Skipped, report.Text())
			}
		})
	}
}

func TestSharedModulesAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		shared config.Shared
		want   string
	}{
		"a wrong option":    {config.Shared{ID: "x", Class: "TcpServer", Text: "- TcpServer: {prot: 1, receivers: [y]}\n"}, `pack:x:1:15: error[E013]`},
		"an unknown module": {config.Shared{ID: "x", Class: "Later", Text: "- Later\n"}, `pack:x:1:3: error[E011]`},
		"a lie":             {config.Shared{ID: "x", Class: "StdOutSink", Text: "- ExecPython: {source: 'x = 1'}\n"}, "E011"},
		"two modules":       {config.Shared{ID: "x", Class: "StdOutSink", Text: "- StdOutSink\n- StdOutSink\n"}, "E003"},
		"no YAML":           {config.Shared{ID: "x", Class: "StdOutSink", Text: "- [\n"}, "E002"},
		"another file":      {config.Shared{ID: "x", Class: "Include", Text: "- Include: /etc/passwd\n"}, "E001"},
		"the section":       {config.Shared{ID: "x", Class: "Global", Text: "- Global: {workers: 1}\n"}, "not one module"},
		"a taken port":      {config.Shared{ID: "x", Class: "TcpServer", Text: "- TcpServer: {interface: 127.0.0.1, port: 5100, receivers: []}\n"}, "E037"},
	} {
		t.Run(name, func(t *testing.T) {
			_, report := sharing(c.shared).LoadText("follower.yml", []byte("- WebserverTornado\n"))
			if report.OK(false) || !strings.Contains(report.Text(), c.want) {
				t.Errorf("got %s", report.Text())
			}
		})
	}
}
