import { h, fill, setText, clock, form, toast } from "./dom.js";
import { get, me, pollTime, send, socket, stream } from "./net.js";

const order = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

// louder sets the level of the log of a module, or of all for "", for some minutes.
export async function louder(id) {
  const level = h("select", { name: "level" }, ["debug", "info", "warning", "error"].map((l) => h("option", { value: l }, l))), minutes = h("input", { name: "minutes", type: "number", min: 1, max: 1440, value: 10, required: true });
  if (!await form(`The log level of ${id || "all modules"}, for a while:`, "Set", h("label", {}, "Level", level), h("label", {}, "Minutes", minutes))) return;
  try {
    await send("PUT", "/api/v1/loglevel", { module: id, level: level.value, seconds: 60 * Number(minutes.value) });
    toast(`${id || "Everything"} logs at level ${level.value} for ${minutes.value} min`);
  } catch (e) { toast(e.message, true); }
}

export function logs(page) {
  const box = h("div", { class: "lines", tabindex: 0, role: "log", "aria-label": "Log" });
  const level = h("select", {}, [["DEBUG", "all"], ["INFO", "info and above"], ["WARNING", "warnings and errors"], ["ERROR", "errors"]].map(([v, t]) => h("option", { value: v }, t)));
  const module = h("select", {}, h("option", { value: "" }, "all")), search = h("input", { type: "search", placeholder: "text" });
  const hold = h("button", { "aria-pressed": "false" }, "Pause"), status = h("span", { class: "muted small" });
  fill(page, h("div", { class: "head" }, h("h1", {}, "Logs"), status, h("span", { class: "right" }, hold, h("button", { onclick: download }, "Download"),
    me.actions && h("button", { id: "louder", onclick: () => louder(module.value) }, "Log level…"))),
  h("div", { class: "stack" }, h("div", { class: "form" }, h("label", {}, "Level", level), h("label", {}, "Module", module), h("label", { class: "broad" }, "Search", search)), box));

  let lines = [], paused = false, closed = false, ws = null, wait = 1000, waiting = 0;
  const wanted = (l) => order.indexOf(l.level) >= order.indexOf(level.value) && (!module.value || l.module === module.value) && (!search.value || (l.module + " " + l.log_message).toLowerCase().includes(search.value.toLowerCase()));
  const row = (l) => h("div", { class: "line " + l.level }, h("span", {}, clock(l.timestamp)), h("span", { class: "lv" }, l.level), h("span", { title: l.module }, l.module), h("span", {}, l.log_message));
  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  function draw() { fill(box, lines.filter(wanted).map(row)); box.scrollTop = box.scrollHeight; }
  function tell() { setText(status, paused && waiting ? `${waiting} new lines` : ""); }
  function take(l) {
    lines.push(l);
    if (lines.length > 1000) lines.shift();
    if (paused) { waiting++; tell(); return; }
    if (!wanted(l)) return;
    const follow = atEnd();
    box.append(row(l));
    while (box.childElementCount > 1000) box.firstElementChild.remove();
    if (follow) box.scrollTop = box.scrollHeight;
  }
  async function open() {
    try { lines = await get("/api/v1/logs"); } catch (e) { /* tried again below */ }
    if (closed) return;
    draw();
    if (!stream.sockets) { setTimeout(() => { if (!closed) open(); }, pollTime); return; }
    let first = true;
    ws = socket("/websockets/get_logs");
    ws.onopen = () => { wait = 1000; };
    ws.onmessage = (m) => {
      const l = JSON.parse(m.data);
      if (l.dropped) { toast(`${l.dropped} lines were too fast`); return; }
      if (first) { // the stream begins with lines that are here already
        first = false;
        const from = Math.max(0, lines.length - 100), at = lines.slice(from).findIndex((o) => o.timestamp === l.timestamp && o.log_message === l.log_message && o.module === l.module);
        if (at >= 0) { lines.length = from + at; draw(); }
      }
      take(l);
    };
    ws.onclose = () => { if (!closed) { setTimeout(open, wait); wait = Math.min(wait * 1.6, 10000); } };
  }
  function download() {
    const text = lines.filter(wanted).map((l) => `${new Date(l.timestamp * 1000).toISOString()} ${l.level} ${l.module} ${l.log_message}\n`).join("");
    const a = h("a", { href: URL.createObjectURL(new Blob([text], { type: "text/plain" })), download: "gambolputty.log" });
    document.body.append(a);
    a.click();
    a.remove();
    setTimeout(() => URL.revokeObjectURL(a.href), 1000);
  }
  hold.addEventListener("click", () => { paused = !paused; waiting = 0; hold.textContent = paused ? "Go on" : "Pause"; hold.setAttribute("aria-pressed", String(paused)); tell(); if (!paused) draw(); });
  for (const e of [level, module, search]) e.addEventListener("input", draw);
  get("/api/v1/modules").then((all) => module.append(...all.map((m) => h("option", { value: m.id }, m.id)))).catch(() => {});
  open();
  return () => { closed = true; if (ws) ws.close(); };
}
