import { h, fill, setText, sure, toast } from "./dom.js";
import { me, get, send } from "./net.js";

const colours = { alive: "s-ok", suspect: "s-blocked", dead: "s-errors", left: "s-ended", in_sync: "s-ok", leader: "s-ok", pending: "s-blocked", waiting_for_configuration: "s-blocked", rejected: "s-errors", rolled_back: "s-errors", unreachable: "s-ended" };
const badge = (s) => h("span", { class: "state " + (colours[s] || "s-ok") }, String(s).replaceAll("_", " "));
const when = (t) => new Date(t).toLocaleString();

// The page of the pack: who is there, who leads, and which revision of the configuration runs where.
export function pack(page) {
  const about = h("span", { class: "muted" }), body = h("div", { class: "stack" });
  fill(page, h("div", { class: "head" }, h("h1", {}, "Pack"), about), body);
  async function look() {
    let v;
    try { v = await get("/api/v1/pack"); } catch (e) { fill(body, h("p", {}, e.message)); return; }
    if (!v.pack) { fill(body, h("p", {}, "There is no Pack in the configuration.")); return; }
    const p = v.pack, c = v.configuration, revisions = new Map();
    if (c) {
      revisions.set(p.node, c);
      for (const n of c.nodes) revisions.set(n.node, n);
    }
    setText(about, `${p.pack}, seen from ${p.node}: ` + ({ leading: "this node leads", following: `${p.leader} leads`, no_leader: "nobody leads", conflicted: `another node leads: ${p.leader}` }[p.state] || p.state));
    fill(body, table("Nodes", ["Node", "State", "Role", "Address", "Version", "Revision", "Configuration"], p.members.map((m) => {
      const r = revisions.get(m.name);
      return [[m.name, m.leader && h("span", { class: "tag" }, "leads"), m.self && h("span", { class: "tag" }, "this one"), m.conflicted && h("span", { class: "tag" }, "conflict")],
        badge(m.state), m.role, m.address, m.version, r && r.n ? h("span", { title: `term ${r.term}, ${r.hash}` }, `${r.n} · ${r.hash.slice(0, 8)}`) : "", r ? [badge(r.state), r.error && h("div", { class: "bad-text small" }, r.error)] : ""];
    })),
    c && c.waiting && h("section", { class: "card" }, h("h2", {}, "A revision waits for approval"),
      h("p", {}, `Revision ${c.waiting.n} of ${c.waiting.node}, ${c.waiting.hash.slice(0, 12)}. The log says what is different.`),
      me.actions && h("button", { class: "main", onclick: () => approve(c.waiting) }, "Use it")),
    table("What happened", ["Time", "Event", "Node"], p.events.slice().reverse().map((e) => [when(e.time), e.event.replaceAll("_", " "), e.node])));
  }
  async function approve(r) {
    if (!await sure(`The modules of revision ${r.n} are put into effect on this node.`, "Use it")) return;
    try { await send("POST", "/api/v1/pack/approve", { hash: r.hash }); toast("The revision is used"); look(); } catch (e) { toast(e.message, true); }
  }
  look();
  const timer = setInterval(look, 2000);
  return () => clearInterval(timer);
}

const table = (title, names, rows) => h("section", { class: "card" }, h("h2", {}, title), h("div", { class: "wide" }, h("table", {},
  h("thead", {}, h("tr", {}, names.map((n) => h("th", {}, n)))), h("tbody", {}, rows.map((r) => h("tr", {}, r.map((v) => h("td", {}, v))))))));
