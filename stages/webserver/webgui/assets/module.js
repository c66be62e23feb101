import { h, fill, setText, short, whole, list, spark, state, meter, clock, toast, sure } from "./dom.js";
import { base, me, get, send, onNews } from "./net.js";
import { louder } from "./logs.js";
import { optionTable } from "./docs.js";
import { markdown } from "./markdown.js";

const commands = {
  pause: ["Pause", "The input sends nothing until it is resumed; it may hold up those that send to it."],
  resume: ["Resume", ""],
  flush: ["Flush", ""],
  restart: ["Restart", "The module is built anew when it has done with the events it has. Nothing that waits is lost."],
};

async function ask(id, command) {
  const [verb, question] = commands[command];
  if (question && !await sure(`${verb} ${id}? ${question}`, verb)) return;
  try { await send("POST", `/api/v1/modules/${encodeURIComponent(id)}/${command}`); toast(`${id}: ${verb.toLowerCase()} was asked for`); } catch (e) { toast(e.message, true); }
}

// detail shows a module and keeps what it shows alive. In a side panel it is brief.
export function detail(box, id, brief) {
  const into = spark("in"), out = spark("out"), numbers = h("div"), options = h("div"), errors = h("div"), look = h("span"), waits = h("dd"), now = h("dd"), done = h("dd");
  const actions = h("div", { class: "actions" });
  const head = brief && h("div", { class: "head" }, h("h2", {}, id), h("span", { class: "right" }, h("a", { href: base + "/modules/" + encodeURIComponent(id) }, "All")));
  const summary = h("p", { class: "muted" });
  const rates = h("dl", {}, h("dt", {}, "In"), now, h("dt", {}, "Out"), done, h("dt", {}, "Inbox"), waits);
  const lively = [h("h3", {}, "Last five minutes"), h("div", { class: "small muted" }, "in"), into, h("div", { class: "small muted" }, "out"), out];
  if (brief) fill(box, h("section", { class: "card" }, head, summary, look, h("h3", {}, ""), rates, lively, actions, errors, h("h3", {}, "Counters"), numbers, h("h3", {}, "Options"), options));
  else fill(box, summary, h("div", { class: "stack" }, actions, h("div", { class: "grid two" }, h("section", { class: "card" }, h("h2", {}, "Now"), look, h("h3", {}, ""), rates, lively), h("section", { class: "card" }, h("h2", {}, "Counters"), numbers)),
    errors, h("section", { class: "card" }, h("h2", {}, "Options"), options)));

  const past = { in: [], out: [] };
  get(`/api/v1/modules/${encodeURIComponent(id)}/history`).then((p) => { past.in = p.in; past.out = p.out; }).catch(() => {});
  let role = "", was = "";
  function buttons(m) {
    const shown = [];
    if (me.tap && role !== "stand_alone") shown.push(h("a", { class: "button", href: base + "/tap?module=" + encodeURIComponent(id) }, "Tap"));
    if (me.actions && role !== "stand_alone") {
      if (role === "input") shown.push(h("button", { onclick: () => ask(id, m && m.state === "paused" ? "resume" : "pause") }, m && m.state === "paused" ? "Resume" : "Pause"));
      if (role === "output") shown.push(h("button", { onclick: () => ask(id, "flush") }, "Flush"));
      shown.push(h("button", { onclick: () => ask(id, "restart") }, "Restart"));
    }
    if (me.actions) shown.push(h("button", { onclick: () => louder(id) }, "Log level…"));
    fill(actions, shown);
  }
  const off = onNews((s) => {
    const m = s.modules.find((o) => o.id === id);
    if (!m) return;
    past.in.push(m.in); past.out.push(m.out);
    for (const k of ["in", "out"]) if (past[k].length > 300) past[k].shift();
    into.show(past.in); out.show(past.out);
    setText(now, short(m.in) + " per s"); setText(done, short(m.out) + " per s");
    fill(waits, role === "input" ? "–" : [meter(m.inbox_length, m.inbox_capacity), ` ${whole(m.inbox_length)} of ${whole(m.inbox_capacity)}`]);
    if (m.state !== was) { fill(look, state(m.state)); was = m.state; if (role) buttons(m); }
  });
  async function refresh() {
    const m = await get("/api/v1/modules/" + encodeURIComponent(id));
    setText(summary, `${m.class}, ${m.role.replace("_", "-")}${m.workers > 1 ? `, ${m.workers} workers` : ", one worker"}. ${m.summary}`);
    if (!role) { role = m.role; buttons(was ? { state: was } : null); fill(options, Object.keys(m.options || {}).length ? list(m.options) : h("p", { class: "muted" }, "None.")); }
    fill(numbers, list({ ...m.counters, busy_seconds: m.busy_seconds.toFixed(2), blocked_seconds: m.blocked_seconds.toFixed(2) }));
    const lines = (await get(`/api/v1/logs?level=warn&limit=5&module=${encodeURIComponent(id)}`)).reverse();
    fill(errors, lines.length > 0 && h(brief ? "div" : "section", { class: brief ? "" : "card" }, h(brief ? "h3" : "h2", {}, "Last warnings and errors"), lines.map((l) => h("p", { class: "small" }, h("span", { class: "muted num" }, clock(l.timestamp).slice(0, 8)), " ", h("b", { class: l.level === "WARNING" ? "" : "bad-text" }, l.level.toLowerCase()), " ", l.log_message.slice(0, 400)))));
  }
  refresh().catch((e) => fill(box, h("p", { class: "note bad" }, e.message)));
  const timer = setInterval(() => refresh().catch(() => {}), 3000);
  return () => { off(); clearInterval(timer); };
}

export function modulePage(page, id) {
  const box = h("div"), about = h("section", { class: "card doc" });
  fill(page, h("div", { class: "head" }, h("h1", {}, id), h("span", { class: "right" }, h("a", { href: base + "/topology" }, "Topology"))), box, h("h3", {}, ""), about);
  const end = detail(box, id, false);
  (async () => {
    const m = await get("/api/v1/modules/" + encodeURIComponent(id));
    fill(about, h("h2", {}, "Where its events go"), m.receivers.length ? h("ul", {}, m.receivers.map((r) => h("li", {}, h("a", { href: base + "/modules/" + encodeURIComponent(r.to) }, r.to), r.filter ? [" where ", h("code", {}, r.filter)] : "", h("span", { class: "muted" }, `, ${whole(r.events)} events so far`)))) : h("p", { class: "muted" }, "Nowhere, they end here."),
      m.failed && h("p", { class: "note bad" }, "It has failed for good: " + m.failed));
    const c = await get("/api/v1/classes/" + encodeURIComponent(m.class));
    about.append(h("h2", {}, h("a", { href: base + "/docs/" + encodeURIComponent(c.name) }, "What " + c.name + " is")), h("p", {}, c.summary), markdown(c.doc.trim()),
      h("h2", {}, "Options of " + c.name), c.options.length ? optionTable(c.options) : h("p", {}, "None of its own."));
  })().catch(() => about.remove());
  return end;
}
