// How many requests took how long at what time: time across, durations up on a logarithmic axis, a
// stronger colour for more.
import { micros, offset, plural } from "./format.js";
import { colour, el, scaled } from "./dom.js";
import { roundDurations } from "./drawings.js";
import { page } from "./state.js";
import { inset } from "./timeline.js";

const height = () => scaled(190);
const MOST_ROWS = 40;
const LEAST_ROWS = 10;
const FAINTEST = 0.18;

// Counts by bucket and row of neighbouring bins, from the lowest to the highest that has any.
const grid = (cube, cells) => {
  const used = cells.flatMap(each => [...each.bins]);
  if (!used.length) return null;
  const first = used.reduce((a, b) => Math.min(a, b));
  const last = used.reduce((a, b) => Math.max(a, b));
  const each = Math.ceil((last - first + 1) / MOST_ROWS);
  const rows = Math.ceil((last - first + 1) / each);
  const counts = new Float64Array(rows * cube.buckets);
  for (const { starts, bins, counts: given } of cells) {
    for (let bucket = 0; bucket < cube.buckets; bucket++) {
      for (let i = starts[bucket]; i < starts[bucket + 1]; i++) {
        counts[bucket * rows + Math.floor((bins[i] - first) / each)] += given[i];
      }
    }
  }
  const edge = row => cube.bins[Math.min(first + row * each, cube.bins.length - 1)];
  return { rows, counts, edge, top: counts.reduce((a, b) => Math.max(a, b)) };
};

// How many rows up a duration is, with the part of its own row.
const placeOf = ({ rows, edge }, us) => {
  let row = 0;
  while (row < rows - 1 && edge(row + 1) <= us) row++;
  return row + Math.min(1, Math.max(0, (us - edge(row)) / (edge(row + 1) - edge(row))));
};

const rowHeight = ({ rows }) => (height() - 16) / Math.max(rows, LEAST_ROWS);

const paint = (canvas, found, buckets, cursor) => {
  const scale = devicePixelRatio;
  const [width, tallest, { left, right }] = [canvas.clientWidth, height(), inset()];
  canvas.width = width * scale;
  canvas.height = tallest * scale;
  const ctx = canvas.getContext("2d");
  ctx.scale(scale, scale);
  ctx.clearRect(0, 0, width, tallest);
  const [wide, tall] = [(width - left - right) / buckets, rowHeight(found)];
  // On whole pixels, so that neighbours meet without a seam.
  const whole = value => Math.round(value * scale) / scale;
  const at = (bucket, row) => [left + bucket * wide, tallest - 8 - (row + 1) * tall];
  ctx.fillStyle = colour("passed");
  found.counts.forEach((count, i) => {
    if (!count) return;
    ctx.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(count / found.top);
    const [x, y] = at(Math.floor(i / found.rows), i % found.rows);
    ctx.fillRect(whole(x), whole(y), whole(x + wide) - whole(x), whole(y + tall) - whole(y));
  });
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour("soft");
  ctx.font = `${scaled(12)}px ${colour("sans")}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  let above = Infinity;
  for (const us of roundDurations(Math.max(1, found.edge(0)), found.edge(found.rows))) {
    const y = tallest - 8 - placeOf(found, us) * tall;
    if (above - y < scaled(18)) continue;
    ctx.fillText(micros(us), left - 9, y);
    above = y;
  }
  ctx.strokeStyle = colour("ink");
  const range = page.state;
  if (range) ctx.strokeRect(at(range.from, 0)[0], 4.5, (range.to - range.from) * wide, tallest - 9);
  if (cursor) ctx.strokeRect(...at(cursor.bucket, cursor.row), wide, tall);
};

// `cells` are those of all requests.
export const drawHeatmap = (box, cube, cells, times) => {
  const found = grid(cube, cells);
  if (!found) return { redraw: () => {} };
  const canvas = el("canvas", {
    class: "heatmap", tabindex: 0, role: "img",
    "aria-label": `Latency of all requests over time, ${micros(found.edge(0))} to ${micros(found.edge(found.rows))}; arrow keys read single fields`,
  });
  const said = el("p", { class: "small said", role: "status" }, "The stronger the colour, the more requests.");
  box.append(el("h3", {}, "Latency of all requests"), canvas, said);
  let cursor = null;
  const redraw = () => paint(canvas, found, cube.buckets, cursor);
  const point = (bucket, row) => {
    cursor = { bucket: Math.max(0, Math.min(cube.buckets - 1, bucket)), row: Math.max(0, Math.min(found.rows - 1, row)) };
    const { edges } = times;
    const count = found.counts[cursor.bucket * found.rows + cursor.row];
    said.textContent = `${offset(edges[cursor.bucket])} to ${offset(edges[cursor.bucket + 1])}, ${micros(found.edge(cursor.row))} to ${micros(found.edge(cursor.row + 1))}: ${plural(count, "request")}`;
    redraw();
  };
  canvas.addEventListener("pointermove", event => {
    const { left, right } = inset();
    const bucket = Math.floor(((event.offsetX - left) / (canvas.clientWidth - left - right)) * cube.buckets);
    point(bucket, Math.floor((height() - 8 - event.offsetY) / rowHeight(found)));
  });
  canvas.addEventListener("keydown", event => {
    const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!right && !up) return;
    event.preventDefault();
    point((cursor?.bucket ?? -right) + right, (cursor?.row ?? -up) + up);
  });
  new ResizeObserver(redraw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  page.onChange(redraw);
  return { redraw };
};
