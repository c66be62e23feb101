import { h, fill, list, sure, toast } from "./dom.js";
import { base, get, me, send } from "./net.js";
import { source, difference, editor, what } from "./yaml.js";

export function tabs(choices) {
  const body = h("div"), buttons = choices.map(([name, draw]) => {
    const b = h("button", { type: "button", role: "tab", "aria-selected": "false", onclick: () => choose(b, draw) }, name);
    return b;
  });
  function choose(b, draw) {
    for (const o of buttons) o.setAttribute("aria-selected", String(o === b));
    fill(body);
    draw(body);
  }
  const bar = h("div", { class: "tabs", role: "tablist" }, buttons);
  bar.addEventListener("keydown", (e) => {
    const at = buttons.indexOf(document.activeElement), step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (step && at >= 0) buttons[(at + step + buttons.length) % buttons.length].focus();
  });
  choose(buttons[0], choices[0][1]);
  return [bar, body];
}

export const validate = (text) => send("POST", "/api/v1/config/validate", text, "application/yaml");

export function configuration(page) {
  fill(page, h("div", { class: "head" }, h("h1", {}, "Configuration"), h("span", { class: "muted mono", id: "hash" })));
  get("/api/v1/config").then((c) => {
    document.getElementById("hash").textContent = c.hash.slice(0, 16);
    page.append(...tabs([["Source", (b) => showSource(b, c)], ["Effective", effective], ["Editor", (b) => edit(b, c)]]));
  }).catch((e) => page.append(h("p", { class: "note bad" }, e.message), ...tabs([["Effective", effective]])));
}

async function showSource(box, c) {
  if (c.files.length === 0) fill(box, h("p", { class: "empty" }, "The text was not read from a file."));
  for (const f of c.files) {
    const place = h("div"), parts = [h("h3", { class: "mono" }, f.name)];
    if (f.gone) parts.push(h("p", { class: "note warn" }, "The file is not there any more. What runs is what it held."));
    if (f.on_disk !== undefined) parts.push(h("p", { class: "note warn" }, "The file has changed since it was read. These lines are different, what is on the disk in green:"), difference(f.text, f.on_disk), h("h3", {}, "What runs"));
    fill(place, source(f.text));
    box.append(...parts, place);
    // The text of one file may be checked on its own; what is spread over several cannot.
    if (c.files.length === 1) validate(f.text).then((problems) => fill(place, source(f.text, problems))).catch(() => {});
  }
}

async function effective(box) {
  const all = await get("/rest/server/configuration");
  fill(box, h("p", { class: "muted" }, "Every module with all of its options, the defaults filled in. Secrets and what comes from the environment are shown as ***."),
    h("div", { class: "grid two" }, Object.values(all).map((m) => h("section", { class: "card" }, h("div", { class: "head" }, h("h2", {}, h("a", { href: base + "/modules/" + encodeURIComponent(m.id) }, m.id)),
      h("span", { class: "tag" }, m.type.replace("_", "-")), m.class !== m.id && h("span", { class: "muted" }, m.class)), Object.keys(m.configuration).length ? list(m.configuration) : h("p", { class: "muted" }, "No options.")))));
}

function edit(box, c) {
  const verdict = h("div", { "aria-live": "polite" });
  async function check() {
    let problems;
    try { problems = await validate(e.area.value); } catch (err) { fill(verdict, h("p", { class: "note bad" }, err.message)); return; }
    show(problems);
  }
  function show(problems) {
    e.mark(problems);
    const errors = problems.filter((p) => p.severity === "error").length;
    fill(verdict, h("p", { class: "note " + (errors ? "bad" : problems.length ? "warn" : "good"), id: "verdict" }, errors ? `${errors} ${errors === 1 ? "error" : "errors"}: this would not run.` : problems.length ? "It is valid, with warnings." : "It is valid."),
      h("ul", { class: "problems" }, problems.map((p) => h("li", { class: p.severity }, h("button", { type: "button", onclick: () => e.jump(p.line) }, h("b", {}, "line " + p.line), h("span", {}, what(p)))))));
  }
  async function apply() {
    if (!await sure("The file is written, what was in it stays beside it with the ending .bak, and the program goes on with the new configuration.", "Apply")) return;
    try {
      const change = await send("PUT", "/api/v1/config", e.area.value, "application/yaml", { "If-Match": `"${c.hash}"` });
      toast(change.text ? "Applied: " + change.text : "The change is under way");
      c = await get("/api/v1/config");
      document.getElementById("hash").textContent = c.hash.slice(0, 16);
      fill(verdict, h("p", { class: "note good", id: "verdict" }, "This runs now."));
    } catch (err) {
      if (err.problems) show(err.problems);
      else fill(verdict, h("p", { class: "note bad", id: "verdict" }, err.message));
    }
  }
  const e = editor(c.text, check);
  const writes = me.actions && me.login !== "open" && c.files.length === 1;
  fill(box, h("p", { class: "muted" }, (writes ? "" : "Changes here are checked, not written. ") + "Secrets stand as *** in the text; lines that are left as they are keep theirs."), e.box,
    h("div", { class: "actions" }, h("button", { class: writes ? "" : "main", id: "validate", onclick: check }, "Validate"),
      writes && h("button", { class: "main", id: "apply", onclick: apply }, "Apply"), h("span", { class: "muted small" }, "Ctrl+Enter validates")), verdict);
  box.querySelector(".actions").classList.add("spaced");
}
