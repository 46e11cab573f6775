// The charts over time: lines by uPlot, bands of stages, phases and faults behind them, a range by dragging.
import { duration, micros, number, offset, perSecond } from "./format.js";
import { colour, el, scaled } from "./dom.js";
import { page } from "./state.js";

const HEIGHTS = { tall: 168, low: 96 };
// The room of the axis of values: the strips above and the heatmap below begin where it ends.
export const inset = () => ({ left: scaled(62), right: scaled(14) });

// Dashes tell lines apart without their colours. `gaps`: nothing ended where a value is missing; the generator tells
// of the others once a second.
const PANELS = [
  {
    title: "Requests per second", gaps: true, height: "tall", write: perSecond, axis: number, least: 1,
    lines: [["all", "rate", "passed", []], ["failed", "failures", "failed", [5, 3]]],
  },
  {
    title: "Latency of requests that passed", gaps: true, height: "tall", write: micros, least: 100,
    lines: [["p50", "p50", "passed", []], ["p95", "p95", "dns", [7, 3]], ["p99", "p99", "tls", [2, 3]]],
  },
  { title: "Users", height: "low", write: number, least: 1, lines: [["users", "users", "send", []]] },
  { title: "Lag of the generator’s event loop, p99", height: "low", write: duration, least: 1, lines: [["lag", "lag", "queue", []]] },
];

// Seconds between the labels of the axis of time.
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

const drawBands = (plot, bands) => {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const band of bands) {
    const [left, right] = [band.from_s, band.to_s].map(x => plot.valToPos(x, "x", true));
    if (band.kind === "fault") {
      ctx.globalAlpha = 0.16;
      ctx.fillStyle = colour("fault");
      ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
    } else {
      ctx.globalAlpha = 0.7;
      ctx.fillStyle = colour("edge");
      ctx.fillRect(Math.round(left), bbox.top, devicePixelRatio, bbox.height);
    }
  }
  ctx.restore();
};

const axis = (changes = {}) => ({
  stroke: () => colour("soft"),
  font: `${scaled(12)}px ${colour("sans")}`,
  grid: { stroke: () => colour("line"), width: 1 },
  ticks: { stroke: () => colour("edge"), width: 1, size: 5 },
  ...changes,
});

const settings = (panel, { doc, times, width, isLast }) => {
  const { edges } = times;
  return {
    width,
    height: scaled(HEIGHTS[panel.height] + (isLast ? 26 : 0)),
    padding: [10, inset().right, isLast ? 0 : 8, 0],
    cursor: { sync: { key: "time" }, drag: { x: true, y: false, setScale: false, dist: 4 }, points: { size: 7 } },
    select: { show: true },
    legend: { live: true, isolate: false },
    scales: {
      x: { time: false, range: () => [edges[0], edges[edges.length - 1]] },
      y: { range: (plot, low, high) => [0, Math.max(panel.least, (high ?? 0) * 1.08)] },
    },
    axes: [
      axis({
        show: isLast, size: scaled(30), incrs: STEPS, space: scaled(64),
        values: (plot, moments) => moments.map(moment => offset(Number(moment.toFixed(3)))),
      }),
      axis({ size: inset().left, gap: 4, space: scaled(34), ticks: { show: false }, values: (plot, values) => values.map(value => (panel.axis ?? panel.write)(value)) }),
    ],
    series: [
      { label: "at", value: (plot, moment) => (moment === null ? "–" : offset(moment)) },
      ...panel.lines.map(([label, , ink, dash]) => ({
        label, dash, width: 1.75, spanGaps: !panel.gaps,
        stroke: () => colour(ink),
        points: { size: 5, fill: () => colour(ink) },
        value: (plot, value) => (value === null || value === undefined ? "–" : panel.write(value)),
      })),
    ],
    hooks: {
      drawAxes: [plot => drawBands(plot, doc.bands)],
      setSelect: [plot => {
        const { left, width: wide } = plot.select;
        if (wide < 2) return;
        page.select(rangeOf(plot.posToVal(left, "x"), plot.posToVal(left + wide, "x"), times));
      }],
    },
  };
};

// The buckets that a time from one second to another touches.
export const rangeOf = (from_s, to_s, { edges }) => {
  const width = edges[1] - edges[0];
  const last = edges.length - 1;
  const from = Math.min(last - 1, Math.max(0, Math.floor((from_s - edges[0]) / width + 0.01)));
  const to = Math.min(last, Math.max(from + 1, Math.ceil((to_s - edges[0]) / width - 0.01)));
  return { from, to };
};

const told = (panel, lists) => panel.lines.map(([label, key]) => {
  const known = lists[key].filter(value => value !== null);
  return `${label} at most ${known.length ? panel.write(Math.max(...known)) : "–"}`;
}).join(", ");

const mark = (plot, range, { edges }) => {
  const [left, right] = range ? [edges[range.from], edges[range.to]].map(x => plot.valToPos(x, "x")) : [0, 0];
  plot.setSelect({ left, top: 0, width: right - left, height: range ? plot.over.clientHeight : 0 }, false);
};

// Draws one panel for each thing that is known. `series` maps a name to a value a bucket, null where there is none;
// `times` has the `edges` of the buckets in seconds since the start.
export const drawTimeline = (box, doc, series, times) => {
  const middles = times.edges.slice(0, -1).map((edge, i) => (edge + times.edges[i + 1]) / 2);
  const panels = PANELS.filter(panel => panel.lines.some(([, key]) => series[key]?.some(value => value !== null)));
  const plots = panels.map((panel, i) => {
    const lists = panel.lines.map(([, key]) => series[key]);
    const holder = el("div", { class: "panel" }, el("h3", {}, panel.title));
    box.append(holder);
    const given = { doc, times, width: Math.max(200, box.clientWidth), isLast: i === panels.length - 1 };
    const plot = new uPlot(settings(panel, given), [middles, ...lists], holder);
    plot.ctx.canvas.setAttribute("role", "img");
    plot.ctx.canvas.setAttribute("aria-label", `${panel.title} over time: ${told(panel, series)}`);
    return plot;
  });
  const show = () => plots.forEach(plot => mark(plot, page.state, times));
  page.onChange(show);
  new ResizeObserver(() => {
    const width = Math.max(200, box.clientWidth);
    plots.forEach(plot => plot.width !== width && plot.setSize({ width, height: plot.height }));
    show();
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach(plot => plot.redraw(false)));
  return { redraw: () => plots.forEach(plot => plot.redraw(false)) };
};
