import { h, fill, setText, short, whole, stateClass } from "./dom.js";
import { base, get, onNews, stream } from "./net.js";
import { layout, size } from "./layout.js";
import { detail } from "./module.js";

const roles = { input: "Inputs", parser: "Parsers", modifier: "Modifiers", misc: "Miscellaneous", output: "Outputs" };
const cut = (s, n) => s.length > n ? s.slice(0, n - 1) + "…" : s;

// rightwards and downwards are the line from one module to another, and the place of its label,
// near the receiver, where the lines of one sender have parted.
function rightwards(a, b, early) {
  const x1 = a.x + size.width, y1 = a.y + size.height / 2, x2 = b.x, y2 = b.y + size.height / 2;
  if (x2 <= x1) return [`M${x1},${y1}C${x1 + 90},${y1 - 70} ${x2 - 90},${y2 - 70} ${x2},${y2}`, (x1 + x2) / 2, Math.min(y1, y2) - 56];
  const bend = Math.min(110, Math.max(34, (x2 - x1) / 2)), [lx, ly] = early ? [x1 + 30, y1 + (y2 - y1) * 0.12 - 5] : [x2 - 30, y2 + (y1 - y2) * 0.12 - 5];
  return [`M${x1},${y1}C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`, lx, ly];
}

function downwards(a, b, early) {
  const x1 = a.x + size.width / 2, y1 = a.y + size.height, x2 = b.x + size.width / 2, y2 = b.y;
  if (y2 <= y1) return [`M${x1},${y1}C${x1 + 120},${y1 + 40} ${x2 + 120},${y2 - 40} ${x2},${y2}`, Math.max(x1, x2) + 60, (y1 + y2) / 2];
  const bend = Math.min(70, Math.max(24, (y2 - y1) / 2));
  return [`M${x1},${y1}C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`, ...(early ? [x1 + (x2 - x1) * 0.1, y1 + 16] : [x2 + (x1 - x2) * 0.1, y2 - 12])];
}

export function topology(page) {
  const flow = h("div", { class: "flow" }), side = h("div", { hidden: true }), apart = h("div"), sum = h("span", { class: "muted num" });
  const split = h("div", { class: "split" }, flow, side);
  fill(page, h("div", { class: "head" }, h("h1", {}, "Topology"), sum), split,
    h("div", { class: "legend small" }, ["ok", "blocked", "errors", "failed", "paused", "ended"].map((s) => h("span", { class: "state " + stateClass(s) }, s)), h("span", { class: "muted" }, "dashed: only events that match a filter")), apart);
  let drawn = null, close = null, chosen = "";

  function choose(id) {
    if (close) close();
    chosen = chosen === id ? "" : id;
    for (const [key, n] of drawn.nodes) n.g.classList.toggle("chosen", key === chosen);
    split.classList.toggle("open", Boolean(chosen));
    side.hidden = !chosen;
    close = chosen ? detail(side, chosen, true) : null;
    drawn.fit();
    if (chosen && window.innerWidth < 860) side.scrollIntoView({ block: "nearest" });
  }

  async function draw() {
    const t = await get("/api/v1/topology");
    const nodes = t.nodes.filter((n) => n.role !== "stand_alone");
    const narrow = window.innerWidth < 700, l = layout(nodes, t.edges, narrow);
    const svg = h("svg", { width: l.width, height: l.height, viewBox: `0 0 ${l.width} ${l.height}`, role: "group", "aria-label": "Modules and what flows between them" });
    const edges = new Map(), boxes = new Map(), labels = [];
    if (!narrow) l.columns.forEach((c, x) => {
      const kinds = [...new Set(c.map((id) => nodes.find((n) => n.id === id).role))];
      svg.append(h("text", { class: "role", x: l.at.get(c[0]).x, y: size.margin + 8 }, kinds.map((k) => roles[k]).join(", ")));
    });
    for (const e of t.edges) {
      const a = l.at.get(e.from), b = l.at.get(e.to);
      if (!a || !b) continue;
      // Of many lines that meet at a receiver, those are told apart at the sender.
      const early = t.edges.filter((o) => o.to === e.to).length > 2 && t.edges.filter((o) => o.from === e.from).length === 1;
      const [d, lx, ly] = narrow ? downwards(a, b, early) : rightwards(a, b, early);
      const path = h("path", { class: "edge" + (e.filter ? " filtered" : ""), d }), title = h("title", {}, "");
      path.append(title);
      const label = h("text", { class: "rate", x: lx, y: ly, "text-anchor": "middle" });
      svg.append(path);
      labels.push(label);
      edges.set(e.from + "\n" + e.to, { path, title, label, filter: e.filter });
    }
    for (const n of nodes) {
      const p = l.at.get(n.id);
      const speed = h("text", { class: "speed", x: size.width - 12, y: 40, "text-anchor": "end" });
      const level = h("rect", { class: "level", x: 12, y: size.height - 10, width: 0, height: 4, rx: 2 });
      const g = h("g", { class: "node s-ok", transform: `translate(${p.x},${p.y})`, tabindex: 0, role: "button", "data-id": n.id },
        h("title", {}, `${n.id}\n${n.class}\n${n.summary}`), h("rect", { class: "box", width: size.width, height: size.height, rx: 9 }), h("rect", { class: "bar", x: 0, y: 12, width: 3.5, height: size.height - 24, rx: 1.5 }),
        h("text", { x: 12, y: 22 }, cut(n.id, 21)), n.class !== n.id.replace(/_\d+$/, "") && h("text", { class: "kind", x: 12, y: 40 }, cut(n.class, 15)), speed,
        n.role !== "input" && n.inbox_capacity > 0 && h("rect", { class: "tube", x: 12, y: size.height - 10, width: size.width - 24, height: 4, rx: 2 }), n.role !== "input" && level);
      g.addEventListener("click", () => choose(n.id));
      g.addEventListener("keydown", (k) => { if (k.key === "Enter" || k.key === " ") { k.preventDefault(); choose(n.id); } });
      svg.append(g);
      boxes.set(n.id, { g, speed, level });
    }
    svg.append(...labels);
    fill(flow, svg);
    const alone = t.nodes.filter((n) => n.role === "stand_alone");
    fill(apart, alone.length > 0 && h("p", { class: "small muted", id: "alone" }, "Beside the flow: ", alone.map((n, i) => [i ? ", " : "", h("a", { href: base + "/modules/" + encodeURIComponent(n.id) }, n.id)])));
    drawn = { nodes: boxes, edges };
    drawn.fit = () => {
      const fit = Math.max(0.6, Math.min(1, flow.clientWidth / l.width));
      svg.setAttribute("width", l.width * fit);
      svg.setAttribute("height", l.height * fit);
    };
    drawn.narrow = narrow;
    drawn.fit();
  }

  function resized() {
    if (!drawn) return;
    if (drawn.narrow !== window.innerWidth < 700) draw().then(() => { if (stream.latest) update(stream.latest); });
    else drawn.fit();
  }

  function update(s) {
    if (!drawn) return;
    if (s.modules.some((m) => !drawn.nodes.has(m.id))) { draw().then(() => update(s)); return; }
    for (const m of s.modules) {
      const n = drawn.nodes.get(m.id);
      n.g.setAttribute("class", "node " + stateClass(m.state) + (m.id === chosen ? " chosen" : ""));
      const text = m.state === "paused" ? "paused" : m.state === "standby" ? "waits to lead" : short(m.in) + "/s";
      setText(n.speed, text);
      n.g.setAttribute("aria-label", `${m.id}, ${m.state}, ${short(m.in)} events a second`);
      n.level.setAttribute("width", m.inbox_capacity ? ((size.width - 24) * Math.min(1, m.inbox_length / m.inbox_capacity)).toFixed(1) : 0);
    }
    for (const e of s.edges) {
      const d = drawn.edges.get(e.from + "\n" + e.to);
      if (!d) continue;
      setText(d.label, e.rate ? short(e.rate) + "/s" : "");
      d.path.classList.toggle("busy", e.rate > 0);
      setText(d.title, `${e.from} to ${e.to}${d.filter ? "\n" + d.filter : ""}\n${short(e.rate)} events a second`);
    }
    setText(sum, `${short(s.eps)}/s in, ${short(s.out)}/s to outputs, ${whole(s.waiting)} waiting`);
  }

  let off = () => {};
  draw().then(() => { off = onNews(update); });
  const key = (e) => { if (e.key === "Escape" && chosen) choose(chosen); };
  document.addEventListener("keydown", key);
  window.addEventListener("resize", resized);
  return () => { off(); if (close) close(); document.removeEventListener("keydown", key); window.removeEventListener("resize", resized); };
}
