import { h, fill, setText, short, whole, bytes, span, spark, state, meter, sure, toast } from "./dom.js";
import { base, me, get, send, onNews } from "./net.js";

const figure = (name, unit, kind) => {
  const value = h("span", {}, "–"), line = kind && spark(kind);
  return { value, line, card: h("section", { class: "card figure" }, h("span", { class: "name" }, name), h("span", { class: "value" }, value, unit && h("small", {}, unit)), line) };
};

export function overview(page) {
  const into = figure("Events in", "per s", "in"), out = figure("To outputs", "per s", "out"), bad = figure("Errors", "per s", "errors"), waiting = figure("Unfinished", "events", "in");
  const trouble = h("div"), types = h("div"), machine = h("div"), proc = h("div"), herd = h("div"), table = h("tbody");
  const past = { in: [], out: [], errors: [], waiting: [] };
  fill(page, h("div", { class: "head" }, h("h1", {}, "Overview"), h("span", { class: "muted", id: "host" }),
    h("span", { class: "right" }, me.actions && [h("button", { id: "reload", onclick: reload }, "Reload"), " ", h("button", { class: "danger", onclick: stop }, "Stop the program")])),
  h("div", { class: "stack" }, h("div", { class: "grid four" }, into.card, out.card, bad.card, waiting.card), trouble,
    h("div", { class: "grid two" }, h("section", { class: "card" }, h("h2", {}, "Process"), proc), h("section", { class: "card" }, h("h2", {}, "Machine"), machine)), herd,
    h("section", { class: "card" }, h("h2", {}, "Modules"), h("div", { class: "wide" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, "Module"), h("th", {}, "State"), h("th", { class: "n" }, "In/s"), h("th", { class: "n" }, "Out/s"), h("th", {}, "Inbox"), h("th", { class: "n" }, "Errors"), h("th", { class: "n" }, "Restarts"))), table))),
    types));

  const rows = new Map();
  function row(m) {
    let r = rows.get(m.id);
    if (!r) {
      r = { st: h("td"), in: h("td", { class: "n" }), out: h("td", { class: "n" }), box: h("td"), err: h("td", { class: "n" }), re: h("td", { class: "n" }) };
      r.tr = h("tr", {}, h("td", {}, h("a", { href: base + "/modules/" + encodeURIComponent(m.id) }, m.id)), r.st, r.in, r.out, r.box, r.err, r.re);
      rows.set(m.id, r);
      table.append(r.tr);
    }
    if (r.was !== m.state) { fill(r.st, state(m.state)); r.was = m.state; }
    setText(r.in, short(m.in)); setText(r.out, short(m.out)); setText(r.err, whole(m.failed)); setText(r.re, whole(m.restarts));
    r.err.className = "n" + (m.failed ? " bad-text" : "");
    if (r.len !== m.inbox_length) { fill(r.box, m.inbox_capacity ? meter(m.inbox_length, m.inbox_capacity) : ""); r.len = m.inbox_length; }
  }

  function push(key, v) { past[key].push(v); if (past[key].length > 300) past[key].shift(); }
  const off = onNews((s) => {
    push("in", s.eps); push("out", s.out); push("errors", s.errors); push("waiting", s.unfinished);
    setText(into.value, short(s.eps)); setText(out.value, short(s.out)); setText(bad.value, short(s.errors)); setText(waiting.value, short(s.unfinished));
    into.line.show(past.in); out.line.show(past.out); bad.line.show(past.errors); waiting.line.show(past.waiting);
    for (const m of s.modules) row(m);
    const wrong = s.modules.filter((m) => m.state === "errors" || m.state === "failed" || m.state === "blocked" || m.state === "paused");
    const ails = s.ailments || [];
    fill(trouble, wrong.length + ails.length > 0 && h("section", { class: "card" }, h("h2", {}, "Needs a look"), h("div", { class: "stack" }, ails.map((a) => h("div", {}, state("blocked"), "  ", a)), wrong.map((m) =>
      h("div", {}, state(m.state), "  ", h("a", { href: base + "/modules/" + encodeURIComponent(m.id) }, m.id),
        h("span", { class: "muted" }, m.state === "failed" ? "  has failed for good" : m.state === "errors" ? `  ${whole(m.failed)} errors, ${whole(m.restarts)} restarts since the start` : m.state === "blocked" ? `  ${whole(m.inbox_length)} of ${whole(m.inbox_capacity)} events wait` : "  sends nothing until it is resumed"))))));
    const kinds = Object.entries(s.event_types || {}).sort((a, b) => b[1] - a[1]).slice(0, 12);
    fill(types, kinds.length > 0 && h("section", { class: "card" }, h("h2", {}, "Event types at the outputs"), h("dl", {}, kinds.map(([k, n]) => [h("dt", {}, k), h("dd", {}, whole(n))]))));
  });
  get("/api/v1/history").then((p) => { past.in = p.in.slice(-299); past.out = p.out.slice(-299); past.errors = p.errors.slice(-299); past.waiting = p.unfinished.slice(-299); }).catch(() => {});

  let cpu = null;
  async function look() {
    const m = await get("/rest/server/info");
    const p = m.process || {}, now = Date.now() / 1000;
    const share = cpu ? 100 * (p.cpu_seconds - cpu.used) / (now - cpu.at) : null;
    cpu = { used: p.cpu_seconds, at: now };
    const host = document.getElementById("host");
    if (host) setText(host, m.hostname);
    fill(proc, h("dl", {}, pair("Version", (p.version || "unknown") + (p.commit ? " " + p.commit.slice(0, 9) : "")), pair("Process", p.pid), pair("Uptime", span(p.uptime)),
      pair("CPU", share === null ? "…" : Math.max(0, share).toFixed(1) + " %"), pair("Memory", bytes(p.memory)), pair("Goroutines", whole(p.goroutines)),
      p.config_hash && pair("Configuration", h("a", { href: base + "/configuration" }, p.config_hash.slice(0, 12))),
      p.last_reload && pair("Last reload", h("span", { class: p.last_reload.ok ? "" : "bad-text" }, new Date(p.last_reload.time * 1000).toLocaleTimeString() + ": " + p.last_reload.text))));
    fill(machine, h("dl", {}, pair("Host", m.hostname), pair("CPUs", m.cpu_count), m.load && pair("Load", m.load.map((l) => l.toFixed(2)).join("  ")),
      m.memory && pair("Memory", [meter(m.memory.used, m.memory.total), ` ${bytes(m.memory.used)} of ${bytes(m.memory.total)}`]),
      Object.entries(m.disk_usage).slice(0, 6).map(([path, d]) => pair(path, [meter(d.used, d.total), ` ${bytes(d.free)} free`]))));
  }
  const colours = { alive: "s-ok", suspect: "s-blocked", dead: "s-errors" };
  async function nodes() {
    const v = await get("/api/v1/pack");
    fill(herd, v.pack && h("section", { class: "card" }, h("h2", {}, h("a", { href: base + "/pack" }, "Pack " + v.pack.pack)), h("dl", {}, v.pack.members.map((m) =>
      [h("dt", {}, m.name, " ", m.leader && h("span", { class: "tag" }, "leads")), h("dd", {}, h("span", { class: "state " + (colours[m.state] || "s-ended") }, m.state))]))));
  }
  if (me.pack) nodes();
  look();
  const timer = setInterval(() => { look().catch(() => {}); if (me.pack) nodes().catch(() => {}); }, 5000);
  return () => { off(); clearInterval(timer); };
}

const pair = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

async function reload() {
  try {
    const change = await send("POST", "/api/v1/reload");
    toast(change.text ? "Reloaded: " + change.text : "The reload is under way");
  } catch (e) { toast(e.problems ? `${e.message}. The first: line ${e.problems[0].line}: ${e.problems[0].message}` : e.message, true); }
}

async function stop() {
  if (!await sure("The inputs stop, what is under way is delivered, and the program ends. Nothing here can start it again.", "Stop", "stop")) return;
  try { await send("POST", "/api/v1/stop"); toast("The program stops"); } catch (e) { toast(e.message, true); }
}
