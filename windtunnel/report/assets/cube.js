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
  const bins = new Uint16Array(flat.length >> 1);
  const counts = new Float64Array(flat.length >> 1);
  let bucket = 0;
  let entry = 0;
  for (let i = 0; i < flat.length;) {
    const next = bucket + flat[i++];
    for (; bucket < next; bucket++) starts[bucket + 1] = entry;
    let bin = 0;
    for (const end = entry + flat[i++]; entry < end; entry++, i += 2) {
      bin += flat[i];
      bins[entry] = bin;
      counts[entry] = flat[i + 1];
    }
  }
  for (; bucket < buckets; bucket++) starts[bucket + 1] = entry;
  return { starts, bins: bins.subarray(0, entry), counts: counts.subarray(0, entry) };
};

const readLatency = ({ passed, failed }, buckets) => ({
  passed: readCells(passed, buckets),
  failed: readCells(failed, buckets),
});

const OUTCOMES = ["passed", "failed", "errored", "skipped", "interrupted"];
const SERIES = [...OUTCOMES, "requests", "requests_failed"];

// What is told of a step, or of all requests together; times of its own requests only where they differ from its own.
const readStep = (step, buckets) => {
  const found = {};
  for (const name of SERIES) if (step[name]) found[name] = readSeries(step[name], buckets);
  for (const name of ["latency", "requests_latency"]) if (step[name]) found[name] = readLatency(step[name], buckets);
  return found;
};

export const readCube = (doc, given) => {
  const { buckets, bins } = doc.axis;
  return {
    buckets,
    bins,
    // null for an assertion, and for a step that never ended.
    steps: given.steps.map(step => step && readStep(step, buckets)),
    // All requests, and those of the warm-up.
    requests: readStep(given.requests, buckets),
    warmup: readStep(given.warmup, buckets),
    instances: Object.fromEntries(["passed", "failed", "errored", "interrupted", "dropped"].map(name => [name, readSeries(given.instances[name], buckets)])),
    causes: given.causes.map(flat => readSeries(flat, buckets)),
    users: given.users,
    lag: given.lag,
  };
};

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
  const [passed, failed, errored, skipped, interrupted] = OUTCOMES.map(name => sum(step[name], range));
  const both = [step.latency.passed, step.latency.failed];
  return { count: passed + failed + errored + skipped + interrupted, failed: failed + errored, ...timesOf(cube, both, range) };
};

// The figures of the requests of one step in a range.
export const requestFigures = (cube, step, range) => {
  const both = [step.requests_latency.passed, step.requests_latency.failed];
  return { count: sum(step.requests, range), failed: sum(step.requests_failed, range), ...timesOf(cube, both, range) };
};

// The figures of all requests and instances in a range that lasts `seconds`.
export const keyFigures = (cube, range, seconds) => {
  const { passed: sent, failed: refused } = cube.requests.requests_latency;
  const requests = sum(cube.requests.requests, range);
  const ended = ["passed", "failed", "errored", "interrupted"].map(name => sum(cube.instances[name], range));
  return {
    passed: ended[0],
    instances: total(ended),
    requests,
    rate: seconds > 0 ? requests / seconds : 0,
    requests_failed: sum(cube.requests.requests_failed, range),
    dropped: sum(cube.instances.dropped, range),
    lag: Math.max(0, ...cube.lag.slice(range?.from ?? 0, range?.to).filter(value => value !== null)),
    ...timesOf(cube, [sent, refused], range),
  };
};

// For every bucket the percentiles of cells, as one list for each of `percents`; null where there are no samples.
export const percentilesOverTime = (cube, several, percents) => {
  const lists = percents.map(() => []);
  const counts = new Float64Array(cube.bins.length);
  for (let bucket = 0; bucket < cube.buckets; bucket++) {
    let [first, last] = [cube.bins.length, -1];
    for (const { starts, bins, counts: given } of several) {
      for (let i = starts[bucket]; i < starts[bucket + 1]; i++) {
        const bin = bins[i];
        counts[bin] += given[i];
        if (bin < first) first = bin;
        if (bin > last) last = bin;
      }
    }
    const used = counts.subarray(first, last + 1);
    const found = last < 0 ? percents.map(() => null) : percentiles(used, cube.bins.slice(first, last + 2), percents);
    found.forEach((value, i) => lists[i].push(value));
    if (last >= 0) used.fill(0);
  }
  return lists;
};
