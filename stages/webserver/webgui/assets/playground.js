import { h, fill } from "./dom.js";
import { me, send } from "./net.js";
import { tabs } from "./configuration.js";
import { editor, what } from "./yaml.js";

export function playground(page) {
  const choices = [["Filter", filter], ["Regular expression", regex]];
  if (me.role === "admin") choices.push(["Configuration", config]);
  fill(page, h("div", { class: "head" }, h("h1", {}, "Playground"), h("span", { class: "muted" }, "Try things out. Nothing is sent, opened or changed.")), tabs(choices));
}

const code = (label, value, rows) => { const e = h("textarea", { rows, spellcheck: "false", autocapitalize: "none", class: "code" }); e.value = value; return [h("label", {}, label, e), e]; };

// later calls f when somebody has stopped typing.
function later(f, ...fields) {
  let timer = 0;
  for (const e of fields) e.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(f, 250); });
  f();
}

function filter(box) {
  const [one, text] = code("Filter", "$(http_status) in ['404', '500'] and $(bytes) > 1000", 2), [two, event] = code("Event", JSON.stringify({ http_status: "404", bytes: 3395, gambolputty: { event_type: "access" } }, null, 2), 9), result = h("div", { "aria-live": "polite" });
  fill(box, h("div", { class: "grid two" }, h("div", { class: "stack" }, one, two), result));
  later(async () => {
    let value;
    try { value = JSON.parse(event.value); } catch (e) { fill(result, h("p", { class: "note bad" }, "The event is no JSON: " + e.message)); return; }
    try {
      const r = await send("POST", "/api/v1/filter/test", { filter: text.value, event: value });
      fill(result, h("p", { class: "note " + (r.result === null ? "bad" : r.result ? "good" : "") , id: "filter-result" }, r.result === null ? r.error : r.result ? "It matches." : "It does not match."), r.result !== null && r.error && h("p", { class: "note warn" }, r.error), r.parsed && [h("h3", {}, "Understood as"), h("pre", {}, r.parsed)]);
    } catch (e) { fill(result, h("p", { class: "note bad" }, e.message)); }
  }, text, event);
}

function regex(box) {
  const [one, pattern] = code("Pattern", "(?P<remote_ip>\\d+\\.\\d+\\.\\d+\\.\\d+)\\s+\\S+\\s+(?P<user>\\S+)\\s+\\[(?P<time>[^\\]]+)\\]", 3), [two, text] = code("Text", "192.168.2.20 - brian [28/Jul/2006:10:27:10 -0300] \"GET /cgi-bin/try/ HTTP/1.0\" 200 3395", 5), result = h("div", { "aria-live": "polite" });
  fill(box, h("div", { class: "grid two" }, h("div", { class: "stack" }, one, two), result));
  later(async () => {
    try {
      const r = await send("POST", "/api/v1/regex/test", { pattern: pattern.value, text: text.value });
      fill(result, h("p", { class: "note " + (r.error ? "bad" : r.match ? "good" : "") }, r.error || (r.match ? "It matches." : "It does not match.")),
        r.groups && h("dl", {}, r.groups.map((g) => [h("dt", {}, g.name || (g.number === 0 ? "all of it" : "group " + g.number)), h("dd", { class: "mono" }, g.text === null ? h("span", { class: "muted" }, "took no part") : g.text)])));
    } catch (e) { fill(result, h("p", { class: "note bad" }, e.message)); }
  }, pattern, text);
}

function config(box) {
  const [lines, input] = code("Lines that come in", "192.168.2.20 - - GET /index.html 200", 3), result = h("div", { "aria-live": "polite" });
  async function run() {
    try {
      const r = await send("POST", "/api/v1/config/test", { config: e.area.value, lines: input.value.split("\n").filter((l) => l !== "") });
      e.mark(r.problems);
      fill(result, r.error && h("p", { class: "note bad" }, r.error), r.problems.map((p) => h("p", { class: "note " + (p.severity === "error" ? "bad" : "warn") }, `line ${p.line}: ${what(p)}`)),
        h("div", { class: "events" }, r.steps.map((s) => h("details", { class: "event", open: !s.receiver }, h("summary", {}, h("b", {}, s.module), s.receiver && h("span", { class: "muted" }, "to " + s.receiver), h("span", { class: "mono muted small" }, JSON.stringify(s.event))), h("pre", {}, JSON.stringify(s.event, null, 2))))));
    } catch (err) { fill(result, h("p", { class: "note bad" }, err.message)); }
  }
  const e = editor("- StdIn\n- RegexParser:\n    field_extraction_patterns:\n      - access: '(?P<ip>\\S+) - - (?P<method>\\w+) (?P<path>\\S+) (?P<status>\\d+)'\n- AddDateTime\n- StdOutSink\n", run);
  fill(box, h("div", { class: "grid two" }, h("div", { class: "stack" }, e.box, lines, h("div", { class: "actions" }, h("button", { class: "main", onclick: run }, "Run"))), result));
}
