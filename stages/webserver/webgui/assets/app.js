"use strict";
// All texts come from the program and are set as text, never as HTML.
const $ = (id) => document.getElementById(id);
const every = 1000; // milliseconds between two looks
let before = null;  // the last look, for the rates
let chosen = "";    // the module that is shown in detail

function make(kind, attributes, ...children) {
  const svg = ["g", "rect", "path", "text", "title"].includes(kind);
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", kind) : document.createElement(kind);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function short(n) {
  if (n >= 1e6) return (n / 1e6).toFixed(1) + "M";
  if (n >= 1e4) return (n / 1e3).toFixed(1) + "k";
  return n >= 10 || n === 0 ? String(Math.round(n)) : n.toFixed(1);
}

async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(path + ": " + answer.status);
  return answer.json();
}

// rates adds what happened per second since the last look.
function rates(now) {
  const seconds = before ? Math.max(now.timestamp - before.timestamp, 0.001) : 0;
  const old = new Map(before ? before.nodes.map((n) => [n.id, n]) : []);
  const oldEdges = new Map(before ? before.edges.map((e) => [e.from + "\n" + e.to, e]) : []);
  for (const n of now.nodes) {
    const o = old.get(n.id);
    n.in = o ? (n.counters.received - o.counters.received) / seconds : 0;
    n.out = o ? (n.counters.emitted - o.counters.emitted) / seconds : 0;
    n.failing = o ? n.counters.errors > o.counters.errors || n.counters.restarts > o.counters.restarts : false;
    n.full = n.inbox_capacity > 0 ? n.inbox_length / n.inbox_capacity : 0;
    n.look = n.failing ? "bad" : n.full >= 0.9 ? "busy" : "ok";
  }
  for (const e of now.edges) {
    const o = oldEdges.get(e.from + "\n" + e.to);
    e.rate = o ? (e.events - o.events) / seconds : 0;
  }
  before = now;
}

// columns puts modules behind all of those that send to them; loops do not count.
function columns(nodes, edges) {
  const column = new Map(nodes.map((n) => [n.id, 0]));
  for (let round = 0; round < nodes.length; round++) {
    let moved = false;
    for (const e of edges) {
      const to = column.get(e.from) + 1;
      if (column.has(e.to) && column.get(e.to) < to && to < nodes.length) { column.set(e.to, to); moved = true; }
    }
    if (!moved) break;
  }
  return column;
}

const size = { width: 170, height: 54, across: 70, down: 26, margin: 16 };

function draw(now) {
  const nodes = now.nodes.filter((n) => n.role !== "stand_alone");
  const column = columns(nodes, now.edges);
  const place = new Map(), used = [];
  for (const n of nodes) {
    const c = column.get(n.id), row = used[c] || 0;
    used[c] = row + 1;
    place.set(n.id, { x: size.margin + c * (size.width + size.across), y: size.margin + row * (size.height + size.down) });
  }
  const svg = $("picture"), focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.id : "";
  svg.replaceChildren();
  svg.setAttribute("width", 2 * size.margin + used.length * (size.width + size.across) - size.across);
  svg.setAttribute("height", 2 * size.margin + Math.max(...used.map((u) => u || 0), 1) * (size.height + size.down));
  for (const e of now.edges) {
    const a = place.get(e.from), b = place.get(e.to);
    if (!a || !b) continue;
    const x1 = a.x + size.width, y1 = a.y + size.height / 2, x2 = b.x, y2 = b.y + size.height / 2, bend = Math.max(30, Math.abs(x2 - x1) / 2);
    const line = make("path", { class: "edge" + (e.filter ? " filtered" : ""), d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` });
    line.append(make("title", {}, e.from + " to " + e.to + (e.filter ? ", " + e.filter : "") + ", " + short(e.events) + " events"));
    svg.append(line, make("text", { class: "small", x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 4, "text-anchor": "middle" }, short(e.rate) + "/s"));
  }
  for (const n of nodes) {
    const p = place.get(n.id);
    const g = make("g", { class: "node " + n.look + (n.id === chosen ? " chosen" : ""), transform: `translate(${p.x},${p.y})`, tabindex: "0", role: "button", "data-id": n.id, "aria-label": n.id });
    g.append(make("rect", { class: "box", width: size.width, height: size.height, rx: 6 }),
      make("rect", { class: "fill", width: Math.round(size.width * Math.min(1, n.full)), height: 5, y: size.height - 5, rx: 2 }),
      make("text", { x: 10, y: 21 }, n.id.length > 22 ? n.id.slice(0, 21) + "…" : n.id),
      make("text", { class: "small", x: 10, y: 39 }, short(n.in) + "/s" + (n.counters.errors ? ", " + short(n.counters.errors) + " errors" : "")));
    g.addEventListener("click", () => show(n.id));
    g.addEventListener("keydown", (k) => { if (k.key === "Enter" || k.key === " ") { k.preventDefault(); show(n.id); } });
    svg.append(g);
    if (n.id === focused) g.focus();
  }
}

function table(now) {
  $("modules").replaceChildren(...now.nodes.map((n) => {
    const button = make("button", { type: "button" }, n.id);
    button.addEventListener("click", () => show(n.id));
    const bad = (v) => make("td", v ? { class: "bad-text" } : {}, short(v));
    return make("tr", {}, make("td", {}, button), make("td", {}, n.class), make("td", {}, short(n.in)), make("td", {}, short(n.out)),
      make("td", {}, n.inbox_capacity ? n.inbox_length + " of " + n.inbox_capacity : ""), bad(n.counters.errors), bad(n.counters.restarts));
  }));
}

function list(id, values) {
  $(id).replaceChildren(...Object.keys(values || {}).sort().flatMap((k) => {
    const v = values[k];
    return [make("dt", {}, k), make("dd", {}, typeof v === "object" && v !== null ? JSON.stringify(v) : String(v))];
  }));
}

async function show(id) {
  chosen = id;
  await detail();
  $("one").scrollIntoView({ block: "nearest" });
}

async function detail() {
  if (!chosen) return;
  const m = await ask("api/v1/modules/" + encodeURIComponent(chosen));
  $("one").hidden = false;
  $("one-title").textContent = m.id;
  $("one-summary").textContent = m.class + ", " + m.role + ": " + m.summary;
  list("one-counters", m.counters);
  list("one-options", m.options);
}

function totals(now) {
  let into = 0, out = 0, errors = 0;
  for (const n of now.nodes) {
    if (n.role === "input") into += n.in;
    if (n.role === "output") out += n.in;
    errors += n.counters.errors;
  }
  $("totals").textContent = short(into) + " events/s in, " + short(out) + " to outputs, " + short(errors) + " errors since the start";
}

async function look() {
  try {
    const now = await ask("api/v1/topology");
    rates(now);
    draw(now);
    table(now);
    totals(now);
    await detail();
    $("lost").hidden = true;
  } catch (e) {
    $("lost").hidden = false;
  }
  setTimeout(look, document.hidden ? 5 * every : every);
}

async function machine() {
  try {
    const m = await ask("rest/server/info");
    const gib = (n) => (n / 2 ** 30).toFixed(1) + " GiB";
    const parts = [m.hostname, m.cpu_count + " CPUs"];
    if (m.load) parts.push("load " + m.load.join(" "));
    if (m.memory) parts.push(gib(m.memory.used) + " of " + gib(m.memory.total) + " memory");
    for (const [path, d] of Object.entries(m.disk_usage)) parts.push(path + " " + d.percent + " % full");
    $("machine").textContent = parts.join(", ");
  } catch (e) { /* the next look tells */ }
  setTimeout(machine, 10 * every);
}

look();
machine();
