import { h, fill, setText, sure, toast } from "./dom.js";
import { me, get, send } from "./net.js";
import { difference } from "./yaml.js";

const colours = { alive: "s-ok", suspect: "s-blocked", dead: "s-errors", left: "s-ended", in_sync: "s-ok", leader: "s-ok", canary: "s-ok", pending: "s-blocked", waiting_for_configuration: "s-blocked", rejected: "s-errors", rolled_back: "s-errors", unreachable: "s-ended", given: "s-ok", waiting: "s-blocked", stopped: "s-errors", superseded: "s-ended" };
const badge = (s) => h("span", { class: "state " + (colours[s] || "s-ok") }, String(s).replaceAll("_", " "));
const when = (t) => new Date(t).toLocaleString();
const short = (hash) => hash.slice(0, 8);

// The page of the pack: who is there, who leads, which revision of the configuration runs where, and what waits.
export function pack(page) {
  const about = h("span", { class: "muted" }), down = h("button", { hidden: true, id: "step-down", onclick: stepDown }, "Step down"), nodes = h("div"), next = h("div"), history = h("div", { class: "stack" }), events = h("div");
  fill(page, h("div", { class: "head" }, h("h1", {}, "Pack"), about, down), h("div", { class: "stack" }, nodes, next, history, events));
  let drawn = "", listed = "";
  async function look() {
    let v;
    try { v = await get("/api/v1/pack"); } catch (e) { fill(nodes, h("p", {}, e.message)); return; }
    if (!v.pack) { fill(nodes, h("p", {}, "There is no Pack in the configuration.")); return; }
    const p = v.pack, c = v.configuration, revisions = new Map();
    if (c) {
      revisions.set(p.node, c);
      for (const n of c.nodes) revisions.set(n.node, n);
    }
    setText(about, `${p.pack}, seen from ${p.node}: ` + ({ leading: "this node leads", following: `${p.leader} leads`, no_leader: "nobody leads", conflicted: `another node leads: ${p.leader}` }[p.state] || p.state));
    down.hidden = !(me.actions && p.state === "leading" && p.members.some((m) => m.self && m.role === "auto"));
    fill(nodes, table("Nodes", ["Node", "State", "Role", "Address", "Version", "Revision", "Configuration"], p.members.map((m) => {
      const r = revisions.get(m.name);
      return [[m.name, m.leader && h("span", { class: "tag" }, "leads"), m.self && h("span", { class: "tag" }, "this one"), m.conflicted && h("span", { class: "tag" }, "conflict")],
        badge(m.state), m.role, m.address, m.version, r && r.n ? h("span", { title: `term ${r.term}, ${r.hash}` }, `${r.n} · ${short(r.hash)}`) : "", r ? [badge(r.state), r.error && h("div", { class: "bad-text small" }, r.error), r.health && h("div", { class: "bad-text small" }, r.health)] : ""];
    })));
    fill(events, table("What happened", ["Time", "Event", "Node"], p.events.slice().reverse().map((e) => [when(e.time), e.event.replaceAll("_", " "), e.node])));
    if (c) await Promise.all([waiting(c, p.state === "leading"), former(p.state === "leading")]);
  }
  async function stepDown() {
    if (!await sure("This node hands the role of the leader to another one. Inputs with run_on: leader move there.", "Step down")) return;
    try { await send("POST", "/api/v1/pack/step-down"); toast("This node has stepped down"); look(); } catch (e) { toast(e.message, true); }
  }
  // The revision that waits is drawn once, so that nobody's place in a long difference is lost.
  async function waiting(c, leads) {
    const r = c.waiting || c.canary, state = JSON.stringify([c.waiting, c.canary, leads]);
    if (state === drawn) return;
    drawn = state;
    if (!r) { fill(next); return; }
    let d;
    try { d = await get("/api/v1/pack/diff"); } catch (e) { drawn = ""; return; }
    const what = c.canary ? "It runs on some nodes. The others get it when these have been well for long enough." : leads ? "No node gets it before it is approved." : "It is not used on this node before it is approved.";
    fill(next, h("section", { class: "card", id: "waiting" }, h("h2", {}, c.canary ? "A revision goes to some nodes first" : "A revision waits for approval"),
      h("p", {}, `Revision ${r.n} of ${r.node}, ${r.hash.slice(0, 12)}. ${what}`), compared(d),
      c.waiting && me.actions && h("div", { class: "actions spaced" }, h("button", { class: "main", onclick: () => approve(r, leads) }, "Approve"))));
  }
  async function former(leads) {
    let v;
    try { v = await get("/api/v1/pack/history"); } catch (e) { return; }
    const state = JSON.stringify([v, leads]);
    if (state === listed) return;
    listed = state;
    const now = v.revisions.find((r) => r.runs);
    fill(history, v.revisions.length > 0 && table("Revisions", ["Revision", "Time", "Modules", "State", "By", "Note", ""], v.revisions.map((r) => [
      h("span", { title: `term ${r.term}, ${r.hash}` }, `${r.n} · ${short(r.hash)}`, r.runs && h("span", { class: "tag" }, "runs")), when(r.time), r.modules, badge(r.stage), r.by || "", r.note || "",
      now && r.hash !== now.hash && [h("button", { onclick: () => compare(r, leads) }, "Compare")]]), "history"),
    v.actions.length > 0 && table("Who did what", ["Time", "Action", "Revision", "Who", "Note"], v.actions.map((a) => [when(a.time), a.action.replaceAll("_", " "), `${a.n} · ${short(a.hash)}`,
      [a.user, a.address && ` at ${a.address}`, a.via && ` (${a.via})`], a.note || ""]), "actions"));
  }
  async function approve(r, leads) {
    if (!await sure(leads ? `Revision ${r.n} is given to the other nodes.` : `The modules of revision ${r.n} are put into effect on this node.`, "Use it")) return;
    try { await send("POST", "/api/v1/pack/approve", { hash: r.hash }); toast("The revision is approved"); look(); } catch (e) { toast(e.message, true); }
  }
  // A former revision is shown with what going back to it would change.
  async function compare(r, leads) {
    let d;
    try { d = await get("/api/v1/pack/diff?revision=" + r.n); } catch (e) { toast(e.message, true); return; }
    const back = leads && me.actions && r.stage === "given";
    const box = h("dialog", { class: "broad", id: "compare" }, h("h2", {}, `From revision ${d.before.n}, which runs, to ${r.n}`), compared(d),
      back && h("p", { class: "muted" }, "The file of the leader is not written. What it holds counts again when it changes."),
      h("div", { class: "actions spaced" }, h("button", { onclick: () => box.close() }, "Close"), back && h("button", { class: "main", onclick: () => { box.close(); rollback(r); } }, "Roll back")));
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
  }
  async function rollback(r) {
    try { const said = await send("POST", "/api/v1/pack/rollback", { n: r.n }); toast(`Rolled back with revision ${said.revision}`); look(); } catch (e) { toast(e.message, true); }
  }
  look();
  const timer = setInterval(look, 2000);
  return () => clearInterval(timer);
}

const trim = (text) => text.replace(/\n$/, "");
const compared = (d) => d.only_hidden ? h("p", { class: "note" }, "Only secrets are different, which are not shown.") : d.unified ? difference(trim(d.before.text), trim(d.after.text)) : h("p", { class: "note" }, "There is no difference.");

const table = (title, names, rows, id) => h("section", { class: "card", id }, h("h2", {}, title), h("div", { class: "wide" }, h("table", {},
  h("thead", {}, h("tr", {}, names.map((n) => h("th", {}, n)))), h("tbody", {}, rows.map((r) => h("tr", {}, r.map((v) => h("td", {}, v))))))));
