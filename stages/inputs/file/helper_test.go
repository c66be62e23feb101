package file_test

import (
	"os"
	"regexp"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/file"
)

// change changes the sincedb.
func (p *place) change(pattern, to string) {
	p.t.Helper()
	text, err := os.ReadFile(p.db)
	if err != nil {
		p.t.Fatal(err)
	}
	changed := regexp.MustCompile(pattern).ReplaceAllString(string(text), to)
	if changed == string(text) {
		p.t.Fatalf("nothing to change with %s in\n%s", pattern, text)
	}
	write(p.t, p.db, changed)
}

// other lets another module use the sincedb.
func (p *place) other() {
	p.t.Helper()
	p.write("other/b.log", "other\n")
	r := actortest.Start(p.t, "- File: {id: second, mode: tail, start_position: beginning, paths: "+p.path("other/b.log")+", sincedb_path: "+p.db+"}\n- TestCatch\n", file.Spec)
	expect(p.t, r, "other")
	r.Stop()
}
