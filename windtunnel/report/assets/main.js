// Starts the page. Everything static is there before; what is drawn here adds to it, and its absence breaks nothing.
import { share } from "./format.js";
import { data } from "./data.js";
import { drawBrush } from "./brush.js";
import { percentilesOverTime, readCube } from "./cube.js";
import { drawHeatmap } from "./heatmap.js";
import { RELATIVE_ERROR } from "./histogram.js";
import { offerInstances } from "./instances.js";
import { page } from "./state.js";
import { followRange } from "./tables.js";
import { offerThemes } from "./theme.js";
import { drawTimeline } from "./timeline.js";

const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));

// The edges of the buckets in seconds since the start, and how long a range lasts: the run may begin and end within
// a bucket.
const timesOf = ({ run, axis }) => {
  const first_s = axis.first_bucket_unix - run.started;
  const edges = Array.from({ length: axis.buckets + 1 }, (_, i) => Number((first_s + i * axis.width_s).toFixed(6)));
  const end = run.duration_s > edges[axis.buckets - 1] ? run.duration_s : edges[axis.buckets];
  const seconds = ({ from, to }) => Math.min(edges[to], end) - Math.max(edges[from], Math.min(0, edges[1]));
  return { edges, seconds };
};

// The charts show the warm-up too, which is not in the tables.
const seriesOf = (cube, { width_s }) => {
  const both = [cube.requests, cube.warmup];
  const rate = name => cube.users.map((_, i) => both.reduce((count, all) => count + all[name][i], 0) / width_s);
  const [p50, p95, p99] = percentilesOverTime(cube, both.map(all => all.requests_latency.passed), [50, 95, 99]);
  return { rate: rate("requests"), failures: rate("requests_failed"), p50, p95, p99, users: cube.users, lag: cube.lag };
};

const drawCharts = (doc, cube) => {
  const times = timesOf(doc);
  const find = id => document.getElementById(id);
  const cells = [cube.requests, cube.warmup].flatMap(({ requests_latency: { passed, failed } }) => [passed, failed]);
  const timeline = drawTimeline(find("panels"), doc, seriesOf(cube, doc.axis), times);
  const heatmap = drawHeatmap(find("heatmap"), cube, cells, times);
  drawBrush(find("brush"), find("range"), times, `key figures, errors and steps of this time, percentiles within ±${share(RELATIVE_ERROR)}; thresholds of the whole run`);
  followRange(doc, cube, times);
  return () => [timeline, heatmap].forEach(chart => chart.redraw());
};

const start = async () => {
  document.documentElement.classList.add("scripted");
  let redraw = () => {};
  offerThemes(() => redraw());
  const doc = await data.doc();
  page.limit(doc.axis?.buckets ?? 0);
  offerInstances(doc, data.samples, page);
  const given = await data.cube();
  if (given) redraw = drawCharts(doc, readCube(doc, given));
  await painted();
  performance.mark("ready");
  document.documentElement.dataset.ready = "yes";
};

// In a browser that can't do it the page stays what it is without its script.
start().catch(problem => {
  document.documentElement.classList.remove("scripted");
  document.documentElement.dataset.ready = "no";
  console.warn("The charts could not be drawn:", problem);
});
