import { h, fill, toast } from "./dom.js";
import { base, me, get, connect } from "./net.js";
import { overview } from "./overview.js";
import { topology } from "./topology.js";
import { modulePage } from "./module.js";
import { configuration } from "./configuration.js";
import { logs } from "./logs.js";
import { tap } from "./tap.js";
import { docs, docPage } from "./docs.js";
import { playground } from "./playground.js";
import { pack } from "./pack.js";

// A page gets an element to fill, and returns a function that is called when it is left.
const pages = [
  ["/", "Overview", overview, "M3 12h4l3-8 4 16 3-8h4"],
  ["/topology", "Topology", topology, "M5 6m-2 0a2 2 0 104 0 2 2 0 10-4 0M5 18m-2 0a2 2 0 104 0 2 2 0 10-4 0M19 12m-2 0a2 2 0 104 0 2 2 0 10-4 0M7 6c5 0 5 6 10 6M7 18c5 0 5-6 10-6"],
  ["/configuration", "Configuration", configuration, "M4 6h10M4 12h6M4 18h12M18 6h2M14 12h6M20 18h0"],
  ["/logs", "Logs", logs, "M4 5h16M4 10h16M4 15h10M4 20h13"],
  ["/tap", "Tap", tap, "M12 3v6M8 9h8v3a4 4 0 01-8 0zM12 16v5"],
  ["/docs", "Modules", docs, "M5 4h11a3 3 0 013 3v13H8a3 3 0 01-3-3zM5 17a3 3 0 013-3h11"],
  ["/test", "Playground", playground, "M9 3h6M10 3v6l-5 9a2 2 0 002 3h10a2 2 0 002-3l-5-9V3"],
  ["/pack", "Pack", pack, "M12 5m-2.5 0a2.5 2.5 0 105 0 2.5 2.5 0 10-5 0M5 18m-2.5 0a2.5 2.5 0 105 0 2.5 2.5 0 10-5 0M19 18m-2.5 0a2.5 2.5 0 105 0 2.5 2.5 0 10-5 0M11 7.5l-4.5 8M13 7.5l4.5 8M8 18h8"],
];

const brief = { Configuration: "Config", Playground: "Try", Topology: "Flow" }; // on a phone
let leave = null;

export function go(path) { history.pushState(null, "", base + path); show(); }

function show() {
  if (leave) leave();
  leave = null;
  const path = decodeURI(location.pathname.slice(base.length)) || "/";
  const page = document.getElementById("page");
  fill(page);
  let found = pages.find((p) => p[0] === path);
  let draw = found && found[2], title = found && found[1];
  const parts = path.split("/");
  if (parts[1] === "modules" && parts[2]) [draw, title, found] = [(e) => modulePage(e, decodeURIComponent(parts[2])), parts[2], pages[1]];
  if (parts[1] === "docs" && parts[2]) [draw, title, found] = [(e) => docPage(e, decodeURIComponent(parts[2])), parts[2], pages[5]];
  if (path === "/server_configuration") [draw, title, found] = [configuration, "Configuration", pages[2]];
  if (path === "/index.html") [draw, title, found] = [overview, "Overview", pages[0]];
  for (const a of document.querySelectorAll("#menu a")) {
    if (found && a.dataset.path === found[0]) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  if (!draw || found[0] === "/tap" && !me.tap) { fill(page, h("h1", {}, "There is nothing here"), h("p", {}, h("a", { href: base + "/" }, "Overview"))); return; }
  document.title = title + " · " + me.title;
  window.scrollTo(0, 0);
  leave = draw(page) || null;
}

// Links within the pages do not load anything anew.
document.addEventListener("click", (e) => {
  const a = e.target.closest && e.target.closest("a[href]");
  if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || a.target || a.hasAttribute("download")) return;
  const url = new URL(a.href);
  if (url.origin !== location.origin || !url.pathname.startsWith(base + "/") || url.hash) return;
  e.preventDefault();
  go(url.pathname.slice(base.length) + url.search);
  document.getElementById("page").focus({ preventScroll: true });
});
window.addEventListener("popstate", show);
window.addEventListener("unhandledrejection", (e) => toast(e.reason && e.reason.message || "Something went wrong", true));

Object.assign(me, await get("/api/v1/me"));
document.body.dataset.role = me.role;
fill(document.getElementById("menu"), pages.filter((p) => (p[0] !== "/tap" || me.tap) && (p[0] !== "/pack" || me.pack)).map(([path, name, , icon]) =>
  h("a", { href: base + path, "data-path": path }, h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, h("path", { d: icon })), h("span", { class: "full" }, name), h("span", { class: "brief" }, brief[name] || name))));
if (me.user) fill(document.getElementById("who"), h("span", {}, me.user, " ", h("span", { class: "tag" }, me.role)),
  me.login === "session" && h("form", { method: "post", action: base + "/logout" }, h("button", { class: "quiet", type: "submit" }, "Log out")));
connect();
show();
