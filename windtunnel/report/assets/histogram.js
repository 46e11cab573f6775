// Counts by bins of durations: the twin of `windtunnel/metrics/bins.py`. Bin n holds what took from `bins[n]` up to, but
// not including, `bins[n + 1]` microseconds. A test holds the two together.

// How far a percentile may be from a true sample, as a share of it: the width of the widest bin.
export const RELATIVE_ERROR = 1 / 32;

export const total = counts => counts.reduce((sum, count) => sum + count, 0);

// For each of `percents` (0 to 100, ascending), by the nearest rank, the duration in microseconds that so many
// percent of the samples do not exceed; null for each without samples. The samples of a bin lie evenly in it.
export const percentiles = (counts, bins, percents) => {
  const all = total(counts);
  if (!all) return percents.map(() => null);
  let bin = 0;
  let before = 0;
  return percents.map(percent => {
    // Rounded, as 0.07 * 100 is 7.000000000000001, which would be the eighth of a hundred.
    const rank = Math.max(1, Math.ceil(Number(((percent * all) / 100).toFixed(6))));
    while (before + counts[bin] < rank) before += counts[bin++];
    return bins[bin] + ((bins[bin + 1] - 1 - bins[bin]) * (rank - before - 0.5)) / counts[bin];
  });
};

// [share of the samples that do not exceed it, duration in microseconds] at the end of every bin with samples.
export const curve = (counts, bins) => {
  const all = total(counts);
  let seen = 0;
  const points = [];
  counts.forEach((count, bin) => {
    if (!count) return;
    seen += count;
    points.push([seen / all, bins[bin + 1] - 1]);
  });
  return points;
};
