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
// sockets says whether WebSockets exist, and whether the last one was opened: some proxies let none
// through.
export const stream = { latest: null, sockets: "WebSocket" in window };
let heard = Date.now(), pause = 1000;
export const pollTime = 5000; // between two looks where WebSockets do not get through

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
  let opened = false;
  s.onopen = () => { opened = stream.sockets = true; };
  s.onmessage = (m) => news(JSON.parse(m.data));
  s.onclose = () => {
    if (!opened) { stream.sockets = false; poll(); return; }
    setTimeout(connect, pause);
    pause = Math.min(pause * 1.6, 10000);
  };
}

// poll asks for what the stream would tell, and tries the stream again now and then.
async function poll() {
  try { news(await get("/api/v1/statistics")); } catch (e) { /* the bar tells */ }
  setTimeout(connect, pollTime);
}

setInterval(() => { if (Date.now() - heard > (stream.sockets ? 5000 : pollTime + 2000)) document.getElementById("lost").hidden = false; }, 500);
