import { h } from "./dom.js";

// colour shows a line of YAML with its comment, keys and quoted text told apart.
export function colour(line) {
  const parts = [], rule = /(^\s*(?:- )*)("[^"]*"|'[^']*'|[\w.$(){}-]+)(?=:(?:\s|$))|((?:^|\s)#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/g;
  let at = 0;
  for (let m; (m = rule.exec(line));) {
    parts.push(line.slice(at, m.index));
    if (m[2]) parts.push(m[1], h("span", { class: "k" }, m[2]));
    else if (m[3]) parts.push(h("span", { class: "c" }, m[3]));
    else parts.push(h("span", { class: "q" }, m[4]));
    at = m.index + m[0].length;
    if (m[0] === "") rule.lastIndex++;
  }
  return [...parts, line.slice(at)];
}

// source shows a text with line numbers, and problems below the lines that have them.
export function source(text, problems = []) {
  const lines = text.replace(/\n$/, "").split("\n");
  return h("div", { class: "source" }, lines.map((line, i) => {
    const here = problems.filter((p) => p.line === i + 1);
    const worst = here.some((p) => p.severity === "error") ? " error" : here.length ? " warning" : "";
    return [h("div", { class: "l" + worst }, h("span", {}, i + 1), h("span", {}, colour(line))), here.map((p) => h("div", { class: "why " + p.severity }, what(p)))];
  }));
}

export const what = (p) => `${p.code}: ${p.module ? p.module + ": " : ""}${p.option ? p.option + ": " : ""}${p.message}${p.hint ? "; " + p.hint : ""}`;

// difference shows what one text has that another one has not.
export function difference(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  let from = 0, tail = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) from++;
  while (tail < a.length - from && tail < b.length - from && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const x = a.slice(from, a.length - tail), y = b.slice(from, b.length - tail);
  const rows = [];
  const row = (kind, number, text) => rows.push(h("div", { class: "l" + kind }, h("span", {}, number), h("span", {}, (kind === " gone" ? "- " : kind === " new" ? "+ " : "  ") + text)));
  for (let i = Math.max(0, from - 3); i < from; i++) row("", i + 1, a[i]);
  if (x.length * y.length > 4e6) { x.forEach((l, i) => row(" gone", from + i + 1, l)); y.forEach((l, i) => row(" new", from + i + 1, l)); return h("div", { class: "source" }, rows); }
  const table = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) table[i][j] = x[i] === y[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
  let i = 0, j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) { row("", from + j + 1, y[j]); i++; j++; }
    else if (i < x.length && (j === y.length || table[i + 1][j] >= table[i][j + 1])) { row(" gone", from + i + 1, x[i]); i++; }
    else { row(" new", from + j + 1, y[j]); j++; }
  }
  for (let k = b.length - tail; k < Math.min(b.length, b.length - tail + 3); k++) row("", k + 1, b[k]);
  return h("div", { class: "source" }, rows);
}

// editor is a text field with line numbers that shows which lines are wrong.
export function editor(text, check) {
  const gutter = h("div", { class: "gutter", "aria-hidden": "true" });
  const area = h("textarea", { spellcheck: "false", autocapitalize: "none", autocomplete: "off", wrap: "off", "aria-label": "Configuration" });
  area.value = text;
  const box = h("div", { class: "editor" }, gutter, area);
  let marks = [];
  const number = () => {
    const n = area.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: n }, (_, i) => h("div", { class: marks.some((p) => p.line === i + 1 && p.severity === "error") ? "error" : marks.some((p) => p.line === i + 1) ? "warning" : "" }, i + 1)));
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  area.addEventListener("input", () => { marks = []; number(); });
  area.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); check(); }
  });
  number();
  return {
    box, area,
    mark(problems) { marks = problems; number(); },
    jump(line) {
      const lines = area.value.split("\n"), at = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
      area.focus();
      area.setSelectionRange(at, at + (lines[line - 1] || "").length);
      area.scrollTop = Math.max(0, (line - 6) * 20);
    },
  };
}
