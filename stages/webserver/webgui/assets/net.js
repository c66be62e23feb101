// What the pages ask the program, and what it tells them by itself.
export const base = document.documentElement.dataset.base || "";
export const me = { role: "viewer", actions: false, tap: false, csrf: "" };

async function answer(response) {
  if (response.status === 401) { location.assign(base + "/login?next=" + encodeURIComponent(location.pathname.slice(base.length) + location.search)); return new Promise(() => {}); }
  const json = (response.headers.get("Content-Type") || "").includes("json");
  const value = json ? await response.json() : await response.text();
  if (!response.ok) throw Object.assign(new Error(json && value.error ? value.error : `${response.status} ${response.statusText}`), { problems: json && value.problems });
  return value;
}

export const get = async (path) => answer(await fetch(base + path, { headers: { Accept: "application/json" } }));

export async function send(method, path, body, type, more) {
  const headers = { Accept: "application/json", "Content-Type": type || "application/json", ...more };
  if (me.csrf) headers["X-CSRF-Token"] = me.csrf;
  return answer(await fetch(base + path, { method, headers, body: type ? body : body === undefined ? undefined : JSON.stringify(body) }));
}

export function socket(path) { return new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + base + path); }

// The statistics stream is shared by all pages. After five seconds without news the bar says that
// what is shown is old.
const listeners = new Set();
export const stream = { latest: null };
let heard = Date.now(), pause = 1000, polling = false;

function news(message) {
  heard = Date.now();
  pause = 1000;
  stream.latest = message;
  document.getElementById("lost").hidden = true;
  for (const f of [...listeners]) f(message);
}

export function onNews(f) {
  listeners.add(f);
  if (stream.latest) f(stream.latest);
  return () => listeners.delete(f);
}

export function connect() {
  if (!("WebSocket" in window)) { poll(); return; }
  const s = socket("/websockets/statistics");
  s.onmessage = (m) => news(JSON.parse(m.data));
  s.onclose = () => { setTimeout(connect, pause); pause = Math.min(pause * 1.6, 10000); };
}

async function poll() {
  if (polling) return;
  polling = true;
  for (;;) {
    try { news(await get("/api/v1/statistics")); } catch (e) { /* the bar tells */ }
    await new Promise((r) => setTimeout(r, 5000));
  }
}

setInterval(() => { if (Date.now() - heard > 5000) document.getElementById("lost").hidden = false; }, 500);
