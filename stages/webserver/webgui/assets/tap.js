import { h, fill, setText, clock, toast, whole } from "./dom.js";
import { get, socket } from "./net.js";

export function tap(page) {
  const given = new URLSearchParams(location.search);
  const module = h("select", { required: true }), where = h("select", {}, h("option", { value: "in" }, "what comes in"), h("option", { value: "out" }, "what goes out"));
  const edge = h("select", {}), filter = h("input", { placeholder: "$(http_status) == '500'", spellcheck: "false", autocapitalize: "none", class: "mono" });
  const rate = h("input", { type: "number", min: 1, max: 1000, value: 10 }), count = h("input", { type: "number", min: 1, placeholder: "no limit" });
  const start = h("button", { class: "main", type: "submit", id: "start" }, "Start"), status = h("span", { class: "muted small", id: "tap-status" }), note = h("div"), events = h("div", { class: "events", id: "events" });
  const form = h("form", { class: "card" }, h("div", { class: "form" }, h("label", {}, "Module", module), h("label", {}, "Show", where), h("label", {}, "Edge", edge), h("label", { class: "broad" }, "Filter", filter), h("label", {}, "Events per second", rate), h("label", {}, "End after", count)),
    h("p", {}, ""), h("div", { class: "actions" }, start, h("button", { type: "button", onclick: () => { fill(events); shown = 0; } }, "Clear"), h("button", { type: "button", onclick: () => unfold(true) }, "Unfold all"), h("button", { type: "button", onclick: () => unfold(false) }, "Fold all"), status));
  fill(page, h("div", { class: "head" }, h("h1", {}, "Tap"), h("span", { class: "muted" }, "Events as they pass. Looking changes and delays nothing.")), h("div", { class: "stack" }, form, note, events));

  let ws = null, shown = 0, dropped = 0, edges = [];
  const tell = () => setText(status, `${whole(shown)} shown${dropped ? `, ${whole(dropped)} more passed too fast to be shown` : ""}`);
  const unfold = (open) => { for (const d of events.children) d.open = open; };
  function others() {
    const list = edges.filter((e) => where.value === "out" ? e.from === module.value : e.to === module.value).map((e) => where.value === "out" ? e.to : e.from);
    fill(edge, h("option", { value: "" }, "all"), [...new Set(list)].map((id) => h("option", { value: id }, id)));
  }
  function show(m) {
    const text = JSON.stringify(m.event), body = h("pre");
    const d = h("details", { class: "event" }, h("summary", {}, h("span", { class: "muted num small" }, clock(m.timestamp)), m.edge && h("span", { class: "tag" }, "to " + m.edge), m.lossy && h("span", { class: "tag", title: "Some text was no UTF-8; the bytes that were not are shown as \ufffd." }, "lossy"),
      h("span", { class: "mono" }, text), h("button", { type: "button", class: "quiet", onclick: (e) => { e.preventDefault(); copy(JSON.stringify(m.event, null, 2)); } }, "Copy")), body);
    d.addEventListener("toggle", () => { if (d.open && !body.textContent) body.textContent = JSON.stringify(m.event, null, 2); });
    events.prepend(d);
    while (events.childElementCount > 500) events.lastElementChild.remove();
    shown++;
  }
  function end(text, bad) { ws = null; start.textContent = "Start"; if (text) fill(note, h("p", { class: "note" + (bad ? " bad" : ""), id: "tap-note" }, text)); }
  function begin() {
    if (!("WebSocket" in window)) { fill(note, h("p", { class: "note bad", id: "tap-note" }, "The tap needs WebSockets, which this browser does not have.")); return; }
    const q = new URLSearchParams({ module: module.value, where: where.value, rate: rate.value || "10" });
    if (edge.value) q.set("edge", edge.value);
    if (filter.value.trim()) q.set("filter", filter.value.trim());
    if (count.value) q.set("count", count.value);
    fill(note);
    shown = dropped = 0;
    tell();
    start.textContent = "Stop";
    const mine = ws = socket("/websockets/tap?" + q);
    mine.onopen = () => { status.dataset.open = "yes"; };
    mine.onmessage = (e) => {
      const m = JSON.parse(e.data);
      if (m.event === undefined) dropped += (m.dropped || 0) + (m.not_looked_at || 0);
      else show(m);
      tell();
    };
    mine.onclose = (e) => {
      delete status.dataset.open;
      if (ws === mine) end(e.code === 1000 ? e.reason : e.reason || "The tap was closed.", e.code !== 1000 && e.code !== 1001);
    };
  }
  form.addEventListener("submit", (e) => { e.preventDefault(); if (ws) { const old = ws; end(); old.close(); } else begin(); });
  for (const s of [module, where]) s.addEventListener("change", others);
  get("/api/v1/topology").then((t) => {
    edges = t.edges;
    fill(module, t.nodes.filter((n) => n.role !== "stand_alone").map((n) => h("option", { value: n.id, selected: n.id === given.get("module") }, n.id)));
    others();
  });
  return () => { if (ws) { const old = ws; ws = null; old.close(); } };
}

async function copy(text) {
  try { await navigator.clipboard.writeText(text); toast("Copied"); } catch (e) { toast("The browser does not allow it; pages over HTTPS may.", true); }
}
