import { h, fill } from "./dom.js";
import { base, get } from "./net.js";
import { markdown, table, inline } from "./markdown.js";

const groups = [["input", "Inputs"], ["parser", "Parsers"], ["modifier", "Modifiers"], ["misc", "Miscellaneous"], ["output", "Outputs"], ["stand_alone", "Stand-alone modules"]];

export function docs(page) {
  const search = h("input", { type: "search", placeholder: "Search modules", "aria-label": "Search modules" }), body = h("div", { class: "stack" });
  fill(page, h("div", { class: "head" }, h("h1", {}, "Modules")), h("div", { class: "stack" }, search, body));
  let all = [];
  const draw = () => fill(body, groups.map(([role, title]) => {
    const word = search.value.toLowerCase();
    const found = all.filter((c) => c.role === role && (c.name + " " + (c.aliases || []).join(" ") + " " + c.summary).toLowerCase().includes(word)).sort((a, b) => a.name < b.name ? -1 : 1);
    return found.length > 0 && h("section", { class: "card" }, h("h2", {}, title), h("div", { class: "classes" }, found.map((c) => h("a", { href: base + "/docs/" + encodeURIComponent(c.name) }, h("b", {}, c.name), h("span", {}, c.summary)))));
  }));
  search.addEventListener("input", draw);
  get("/api/v1/classes").then((list) => { all = list; draw(); });
}

// optionTable is a table of options.
export const optionTable = (list) => table(["Option", "Type", "Default", "Meaning"], list.map((o) => [h("code", {}, o.name), o.type, o.default && h("code", {}, o.default), inline(o.meaning)]));

export function docPage(page, name) {
  get("/api/v1/classes/" + encodeURIComponent(name)).then((c) => {
    fill(page, h("div", { class: "head" }, h("h1", {}, c.name), h("span", { class: "tag" }, c.role.replace("_", "-")), c.aliases && h("span", { class: "muted" }, "also " + c.aliases.join(", ")), h("span", { class: "right" }, h("a", { href: base + "/docs" }, "All modules"))),
      h("article", { class: "doc" }, h("p", {}, c.summary, " ", h("span", { class: "muted" }, c.parallel ? "May run with several workers." : "Runs with one worker.")), markdown(c.doc.trim()),
        h("h2", {}, "Example"), markdown("```yaml\n" + c.example.trim() + "\n```"), h("h2", {}, "Options"), c.options.length ? optionTable(c.options) : h("p", {}, "None of its own."),
        h("h2", {}, "Options of every module"), optionTable(c.common_options)));
  }).catch((e) => fill(page, h("h1", {}, name), h("p", { class: "note bad" }, e.message)));
}
