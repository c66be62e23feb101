import { h } from "./dom.js";
import { colour } from "./yaml.js";

// markdown makes elements of the Markdown that the module pages are written in: headings,
// paragraphs, lists, tables, code. Anything else stays as it is, as text.
export function markdown(text) {
  const lines = text.split("\n"), out = [];
  let i = 0;
  const is = (rule) => i < lines.length && rule.test(lines[i]);
  while (i < lines.length) {
    if (lines[i].startsWith("```")) {
      const language = lines[i].slice(3), code = [];
      for (i++; i < lines.length && !lines[i].startsWith("```"); i++) code.push(lines[i]);
      i++;
      out.push(h("pre", {}, h("code", {}, language === "yaml" ? code.map((l) => [colour(l), "\n"]) : code.join("\n"))));
    } else if (is(/^#{1,4} /)) {
      const [, marks, title] = /^(#+) (.*)/.exec(lines[i++]);
      out.push(h(marks.length > 2 ? "h3" : "h2", {}, inline(title)));
    } else if (is(/^\|/)) {
      const rows = [];
      for (; is(/^\|/); i++) rows.push(cells(lines[i]));
      out.push(table(rows[0].map(inline), rows.slice(2).map((r) => r.map(inline))));
    } else if (is(/^([-*]|\d+\.) /)) {
      const ordered = /^\d/.test(lines[i]), items = [];
      while (is(/^([-*]|\d+\.) /) || is(/^ {2,}\S/)) {
        if (/^ /.test(lines[i])) items[items.length - 1] += " " + lines[i].trim();
        else items.push(lines[i].replace(/^([-*]|\d+\.) /, ""));
        i++;
      }
      out.push(h(ordered ? "ol" : "ul", {}, items.map((t) => h("li", {}, inline(t)))));
    } else if (lines[i].trim() === "") {
      i++;
    } else {
      const words = [];
      while (i < lines.length && lines[i].trim() !== "" && !/^(```|#{1,4} |\||([-*]|\d+\.) )/.test(lines[i])) words.push(lines[i++]);
      if (words.length === 0) words.push(lines[i++]);
      out.push(h("p", {}, inline(words.join(" "))));
    }
  }
  return out;
}

export const table = (head, rows) => h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, head.map((c) => h("th", {}, c)))), h("tbody", {}, rows.map((r) => h("tr", {}, r.map((c) => h("td", {}, c)))))));

const cells = (line) => line.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((c) => c.trim().replaceAll("\\|", "|"));

export function inline(text) {
  const parts = [], rule = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)]+)\)/g;
  let at = 0;
  for (let m; (m = rule.exec(text));) {
    parts.push(text.slice(at, m.index));
    if (m[1]) parts.push(h("code", {}, m[1]));
    else if (m[2]) parts.push(h("b", {}, m[2]));
    else parts.push(/^https?:/.test(m[4]) ? h("a", { href: m[4], target: "_blank", rel: "noreferrer" }, m[3]) : m[3]);
    at = m.index + m[0].length;
  }
  return [...parts, text.slice(at)];
}
