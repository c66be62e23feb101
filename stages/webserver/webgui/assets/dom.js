// Pages are built of elements, and all that comes from the program is set as text, never as HTML.
const SVG = new Set(["svg", "g", "rect", "path", "text", "title", "circle", "line"]);

export function h(kind, attributes, ...children) {
  const e = SVG.has(kind) ? document.createElementNS("http://www.w3.org/2000/svg", kind) : document.createElement(kind);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (v === undefined || v === null || v === false) continue;
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else e.setAttribute(k, v === true ? "" : v);
  }
  add(e, children);
  return e;
}

export function add(e, children) {
  for (const c of children.flat(Infinity)) if (c !== null && c !== undefined && c !== false) e.append(c);
  return e;
}

export const fill = (e, ...children) => { e.replaceChildren(); return add(e, children); };
export const setText = (e, t) => { t = String(t); if (e.textContent !== t) e.textContent = t; };

export function short(n) {
  if (n === null || n === undefined || Number.isNaN(n)) return "";
  const a = Math.abs(n);
  if (a >= 1e9) return (n / 1e9).toFixed(2) + "G";
  if (a >= 1e6) return (n / 1e6).toFixed(a >= 1e7 ? 1 : 2) + "M";
  if (a >= 1e4) return (n / 1e3).toFixed(1) + "k";
  if (a >= 10 || Number.isInteger(n)) return String(Math.round(n));
  return n.toFixed(1);
}
export const whole = (n) => Number(n || 0).toLocaleString("en-US").replaceAll(",", "\u2009");
export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (n >= 100 || i === 0 ? Math.round(n) : n.toFixed(1)) + " " + units[i];
}
export function span(seconds) {
  const d = Math.floor(seconds / 86400), hh = Math.floor(seconds / 3600) % 24, m = Math.floor(seconds / 60) % 60, s = Math.floor(seconds % 60);
  if (d) return `${d} d ${hh} h`;
  if (hh) return `${hh} h ${m} min`;
  return m ? `${m} min ${s} s` : `${s} s`;
}
export const clock = (t) => { const d = new Date(t * 1000); return d.toTimeString().slice(0, 8) + "." + String(d.getMilliseconds()).padStart(3, "0"); };

const names = { ok: "ok", blocked: "blocked", errors: "errors", failed: "failed", paused: "paused", ended: "ended", standby: "waiting for leadership" };
export const stateClass = (s) => "s-" + (s === "standby" ? "paused" : names[s] || "ok");
export const state = (s) => h("span", { class: "state " + stateClass(s) }, names[s] || s);

export function meter(part, capacity) {
  const share = capacity > 0 ? Math.min(1, part / capacity) : 0;
  const i = h("i");
  i.style.width = (100 * share).toFixed(1) + "%";
  return h("span", { class: "meter" + (share >= 0.9 ? " full" : ""), role: "img", "aria-label": `${part} of ${capacity}`, title: `${whole(part)} of ${whole(capacity)}` }, i);
}

// spark draws the values of the last minutes as a line.
export function spark(kind) {
  const area = h("path", { class: "area" }), line = h("path", { class: "line" });
  const svg = h("svg", { class: "spark " + kind, viewBox: "0 0 300 38", preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  svg.show = (values) => {
    const list = values.slice(-300), most = Math.max(...list, 0.001), seconds = Math.max(60, list.length), from = seconds - list.length;
    const x = (i) => ((from + i) * 300 / (seconds - 1)).toFixed(1);
    const points = list.map((v, i) => `${x(i)},${(36 - 33 * v / most).toFixed(1)}`);
    line.setAttribute("d", points.length > 1 ? "M" + points.join("L") : "");
    area.setAttribute("d", points.length > 1 ? `M${x(0)},38L${points.join("L")}L300,38Z` : "");
  };
  return svg;
}

export function toast(text, bad) {
  const e = h("div", { class: "toast" + (bad ? " bad" : "") }, text);
  document.getElementById("toasts").append(e);
  setTimeout(() => e.remove(), bad ? 8000 : 4000);
}

// sure asks before something is done; with a word, that word must be typed.
export function sure(question, verb, word) {
  return new Promise((answer) => {
    const typed = word && h("input", { autocomplete: "off", "aria-label": `type ${word}` });
    const yes = h("button", { class: "main", value: "yes", disabled: Boolean(word) }, verb);
    if (typed) typed.addEventListener("input", () => { yes.disabled = typed.value !== word; });
    const d = h("dialog", {}, h("form", { method: "dialog" }, h("p", {}, question), word && h("label", {}, `Type ${word} to confirm`, typed),
      h("div", { class: "actions" }, h("button", { value: "no", formnovalidate: true }, "Cancel"), yes)));
    d.addEventListener("close", () => { d.remove(); answer(d.returnValue === "yes" && (!word || typed.value === word)); });
    document.body.append(d);
    d.showModal();
  });
}

// form asks for the values of some fields, which are read afterwards.
export function form(question, verb, ...fields) {
  return new Promise((answer) => {
    const d = h("dialog", {}, h("form", { method: "dialog" }, h("p", {}, question), fields,
      h("div", { class: "actions" }, h("button", { value: "no", formnovalidate: true }, "Cancel"), h("button", { class: "main", value: "yes" }, verb))));
    d.addEventListener("close", () => { d.remove(); answer(d.returnValue === "yes"); });
    document.body.append(d);
    d.showModal();
  });
}

const order = ["received", "handled", "filtered", "emitted", "unrouted", "dropped", "dead_lettered", "lost", "errors", "restarts", "busy_seconds", "blocked_seconds"];
const place = (k) => order.includes(k) ? order.indexOf(k) : order.length;

export const list = (values, cls) => h("dl", { class: cls || "tight" }, Object.keys(values || {}).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1)).map((k) => {
  const v = values[k];
  return [h("dt", {}, k), h("dd", {}, typeof v === "object" && v !== null ? h("code", {}, JSON.stringify(v)) : typeof v === "number" ? whole(v) : String(v))];
}));
