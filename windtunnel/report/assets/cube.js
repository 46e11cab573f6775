// Counts by time and step, and what they come to in a range of time. Percentiles come from bins that are added up,
// never from other percentiles.
import { percentiles, total } from "./histogram.js";

const PERCENTS = [50, 90, 95, 99, 99.9];

// [how many buckets further, count, …] as one count a bucket.
const readSeries = (flat, buckets) => {
  const found = new Float64Array(buckets);
  let bucket = 0;
  for (let i = 0; i < flat.length; i += 2) {
    bucket += flat[i];
    found[bucket] = flat[i + 1];
  }
  return found;
};

// [how many buckets further, number of bins, (how many bins further, count) …, …]: as entries in order of time,
// those of bucket n from `starts[n]` up to `starts[n + 1]`.
const readCells = (flat, buckets) => {
  const starts = new Uint32Array(buckets + 1);
  const bins = [];
  const counts = [];
  let bucket = 0;
  for (let i = 0; i < flat.length;) {
    const next = bucket + flat[i++];
    for (; bucket < next; bucket++) starts[bucket + 1] = bins.length;
    let bin = 0;
    for (let entries = flat[i++]; entries > 0; entries--, i += 2) {
      bin += flat[i];
      bins.push(bin);
      counts.push(flat[i + 1]);
    }
  }
  for (; bucket < buckets; bucket++) starts[bucket + 1] = bins.length;
  return { starts, bins: Uint16Array.from(bins), counts: Float64Array.from(counts) };
};

const readLatency = ({ passed, failed }, buckets) => ({
  passed: readCells(passed, buckets),
  failed: readCells(failed, buckets),
});

const readStep = (step, buckets) => {
  const found = { latency: readLatency(step.latency, buckets), requests_latency: readLatency(step.requests_latency, buckets) };
  for (const name of ["passed", "failed", "errored", "skipped", "requests", "requests_failed"]) {
    found[name] = readSeries(step[name], buckets);
  }
  return found;
};

export const readCube = (doc, given) => {
  const { buckets, bins } = doc.axis;
  return {
    buckets,
    bins,
    // null for an assertion, and for a step that never ended.
    steps: given.steps.map(step => step && readStep(step, buckets)),
    warmup: given.warmup && readStep(given.warmup, buckets),
    instances: Object.fromEntries(["passed", "failed", "errored", "dropped"].map(name => [name, readSeries(given.instances[name], buckets)])),
    causes: given.causes.map(flat => readSeries(flat, buckets)),
    users: given.users,
    lag: given.lag,
  };
};

export const knownSteps = cube => cube.steps.filter(Boolean);

// The sum over a range; over all without one.
export const sum = (series, range) => total(range ? series.subarray(range.from, range.to) : series);

// The bins of cells over a range, added to `into`.
export const addCells = (cells, range, into) => {
  const first = range ? cells.starts[range.from] : 0;
  const end = range ? cells.starts[range.to] : cells.bins.length;
  for (let i = first; i < end; i++) into[cells.bins[i]] += cells.counts[i];
  return into;
};

// One histogram of several cells.
export const histogramOf = (cube, several, range = null) =>
  several.reduce((into, cells) => addCells(cells, range, into), new Float64Array(cube.bins.length));

const timesOf = (cube, several, range) => {
  const counts = histogramOf(cube, several, range);
  const [p50, p90, p95, p99, p999] = percentiles(counts, cube.bins, PERCENTS);
  const last = counts.findLastIndex(count => count > 0);
  const max = last < 0 ? null : cube.bins[last + 1] - 1;
  return { p50, p90, p95, p99, p999, max };
};

// The figures of one step in a range.
export const stepFigures = (cube, step, range) => {
  const [passed, failed, errored] = ["passed", "failed", "errored"].map(name => sum(step[name], range));
  const both = [step.latency.passed, step.latency.failed];
  return { count: passed + failed + errored, failed: failed + errored, ...timesOf(cube, both, range) };
};

// The figures of the requests of one step in a range.
export const requestFigures = (cube, step, range) => {
  const both = [step.requests_latency.passed, step.requests_latency.failed];
  return { count: sum(step.requests, range), failed: sum(step.requests_failed, range), ...timesOf(cube, both, range) };
};

// The figures of all requests and instances in a range that lasts `seconds`.
export const keyFigures = (cube, range, seconds) => {
  const steps = knownSteps(cube);
  const of = name => steps.reduce((count, step) => count + sum(step[name], range), 0);
  const requests = of("requests");
  const [passed, failed, errored] = ["passed", "failed", "errored"].map(name => sum(cube.instances[name], range));
  const cells = steps.flatMap(step => [step.requests_latency.passed, step.requests_latency.failed]);
  return {
    passed,
    instances: passed + failed + errored,
    requests,
    rate: seconds > 0 ? requests / seconds : 0,
    requests_failed: of("requests_failed"),
    dropped: sum(cube.instances.dropped, range),
    lag: Math.max(0, ...cube.lag.slice(range?.from ?? 0, range?.to).filter(value => value !== null)),
    ...timesOf(cube, cells, range),
  };
};

// For every bucket the percentiles of cells, as one list for each of `percents`; null where there are no samples.
export const percentilesOverTime = (cube, several, percents) => {
  const lists = percents.map(() => []);
  for (let bucket = 0; bucket < cube.buckets; bucket++) {
    const counts = histogramOf(cube, several, { from: bucket, to: bucket + 1 });
    percentiles(counts, cube.bins, percents).forEach((value, i) => lists[i].push(value));
  }
  return lists;
};
