// Counts by bins of durations: the twin of `windtunnel/metrics/cube.py`. A test holds the two together.

// How far a percentile may be from a true sample, as a share of it: half of the widest bin.
export const relativeError = bins => {
  const widths = bins.slice(1).map((upper, i) => (bins[i] >= 64 ? (upper - bins[i]) / bins[i] : 0));
  return Math.max(0, ...widths) / 2;
};

// The value for all samples of a bin, in microseconds: its middle.
const middle = (bins, bin) => {
  const upper = bin + 1 < bins.length ? bins[bin + 1] : bins[bin] + 1;
  return (bins[bin] + upper - 1) / 2;
};

export const total = counts => counts.reduce((sum, count) => sum + count, 0);

// For each of `percents` (0 to 100, ascending), by the nearest rank, the duration in microseconds that so many
// percent of the samples do not exceed; null for each without samples.
export const percentiles = (counts, bins, percents) => {
  const all = total(counts);
  if (!all) return percents.map(() => null);
  let bin = -1;
  let seen = 0;
  return percents.map(percent => {
    // Rounded, as 0.07 * 100 is 7.000000000000001, which would be the eighth of a hundred.
    const rank = Math.max(1, Math.ceil(Number(((percent * all) / 100).toFixed(6))));
    while (seen < rank) seen += counts[++bin];
    return middle(bins, bin);
  });
};

// [share of the samples that do not exceed it, duration in microseconds] for every bin with samples.
export const curve = (counts, bins) => {
  const all = total(counts);
  let seen = 0;
  const points = [];
  counts.forEach((count, bin) => {
    if (!count) return;
    seen += count;
    points.push([seen / all, middle(bins, bin)]);
  });
  return points;
};
