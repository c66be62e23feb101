// layout puts modules into columns behind all that send to them, and within a column near those
// that they are connected with, so that few edges cross.
export const size = { width: 176, height: 58, across: 84, down: 22, margin: 22, title: 30 };

// On a narrow screen the flow goes from top to bottom.
export function layout(nodes, edges, narrow) {
  const ids = new Set(nodes.map((n) => n.id));
  const links = edges.filter((e) => ids.has(e.from) && ids.has(e.to) && e.from !== e.to);
  const forward = withoutLoops(nodes, links);
  const column = new Map(nodes.map((n) => [n.id, 0]));
  for (let round = 0; round < nodes.length; round++) {
    let moved = false;
    for (const e of forward) if (column.get(e.to) < column.get(e.from) + 1) { column.set(e.to, column.get(e.from) + 1); moved = true; }
    if (!moved) break;
  }
  const last = Math.max(0, ...column.values());
  for (const n of nodes) if (n.role === "output") column.set(n.id, Math.max(last, 1)); // outputs stand together at the right
  const columns = [];
  for (const n of nodes) (columns[column.get(n.id)] ||= []).push(n.id);
  for (let i = 0; i < columns.length; i++) columns[i] ||= [];
  const place = new Map();
  const index = () => columns.forEach((c) => c.forEach((id, i) => place.set(id, i - (c.length - 1) / 2)));
  index();
  for (let round = 0; round < 12; round++) {
    const back = round % 2 === 1;
    for (const c of back ? [...columns].reverse() : columns) {
      const want = new Map(c.map((id) => {
        const near = links.filter((e) => (back ? e.from : e.to) === id).map((e) => place.get(back ? e.to : e.from));
        return [id, near.length ? near.reduce((a, b) => a + b, 0) / near.length : place.get(id)];
      }));
      c.sort((a, b) => want.get(a) - want.get(b));
      index();
    }
  }
  const tallest = Math.max(1, ...columns.map((c) => c.length));
  const at = new Map();
  if (narrow) {
    const beside = 14, below = 44, edge = 10, most = 2;
    let y = edge;
    for (const c of columns) {
      for (let i = 0; i < c.length; i += most, y += size.height + (i < c.length ? size.down : 0)) {
        const row = c.slice(i, i + most);
        row.forEach((id, x) => at.set(id, { x: edge + (x + (Math.min(most, tallest) - row.length) / 2) * (size.width + beside), y }));
      }
      y += below - size.down;
    }
    return { at, columns, width: 2 * edge + Math.min(most, tallest) * (size.width + beside) - beside, height: y - below + edge };
  }
  const across = columns.length > 5 ? 62 : size.across;
  columns.forEach((c, x) => c.forEach((id, y) => at.set(id, {
    x: size.margin + x * (size.width + across),
    y: size.margin + size.title + (y + (tallest - c.length) / 2) * (size.height + size.down),
  })));
  return { at, columns, width: 2 * size.margin + columns.length * (size.width + across) - across, height: 2 * size.margin + size.title + tallest * (size.height + size.down) - size.down };
}

// withoutLoops leaves out the edges that lead back.
function withoutLoops(nodes, links) {
  const state = new Map(), kept = [];
  const visit = (id) => {
    state.set(id, 1);
    for (const e of links.filter((l) => l.from === id)) {
      if (state.get(e.to) === 1) continue;
      kept.push(e);
      if (!state.get(e.to)) visit(e.to);
    }
    state.set(id, 2);
  };
  for (const n of nodes) if (!state.get(n.id)) visit(n.id);
  return kept;
}
