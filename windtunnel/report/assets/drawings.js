// Small drawings as SVG: a line over time, a distribution, a curve of percentiles. Places are percent of the width.
import { micros, number, plural, share } from "./format.js";
import { el, svg } from "./dom.js";
import { curve, total } from "./histogram.js";

const HEIGHT = 88;
const MOST_BARS = 48;
const NINES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];

// Points as the path of a line; it is interrupted where a value is missing, and a lone point is a short dash.
const linePath = points => {
  let path = "";
  points.forEach((point, i) => {
    if (!point) return;
    const [x, y] = point;
    path += points[i - 1] ? `L${x.toFixed(2)} ${y.toFixed(2)}` : `M${x.toFixed(2)} ${y.toFixed(2)}h.4`;
  });
  return path;
};

const plane = (height, ...parts) =>
  svg("svg", { width: "100%", height, viewBox: `0 0 100 ${height}`, preserveAspectRatio: "none", overflow: "visible" }, parts);

const line = (points, look) => svg("path", { d: linePath(points), class: `line ${look}`, "vector-effect": "non-scaling-stroke" });

// Values over time, in the height of a line of text; null where there is none. Gives what is drawn, and a function
// that marks a range in it.
export const sparkline = (values, label, look = "line-p95") => {
  const top = values.reduce((most, value) => Math.max(most, value ?? 0), 0) || 1;
  const width = 100 / values.length;
  const points = values.map((value, i) => (value === null ? null : [(i + 0.5) * width, 22 - (20 * value) / top]));
  const marked = svg("rect", { class: "chosen", height: 24, width: 0 });
  const drawn = svg("svg", { class: "sparkline", role: "img", "aria-label": label }, plane(24, marked, line(points, look)));
  const choose = range => {
    marked.setAttribute("x", range ? range.from * width : 0);
    marked.setAttribute("width", range ? (range.to - range.from) * width : 0);
  };
  return { drawn, choose };
};

const sign = look => (look.startsWith("line")
  ? svg("svg", { class: "line-key", "aria-hidden": "true" }, svg("line", { class: `line ${look}`, x1: 0, x2: "100%", y1: "50%", y2: "50%" }))
  : svg("svg", { class: "swatch", "aria-hidden": "true" }, svg("rect", { class: look, width: "100%", height: "100%" })));

const legend = (...entries) => el("ul", { class: "key" }, entries.filter(Boolean).map(([look, text]) =>
  el("li", {}, look && sign(look), text)));

const tick = (x, label, top, minor) => svg("g", minor ? { class: "minor" } : {},
  svg("line", { class: "axis", x1: `${x}%`, x2: `${x}%`, y1: top, y2: top + 5 }),
  svg("text", { x: `${x}%`, y: top + 19, "text-anchor": x < 3 ? "start" : x > 97 ? "end" : "middle" }, label));

// Round durations between two, on a logarithmic axis.
export const roundDurations = (low, high) => {
  const found = [];
  const steps = high / low > 4 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    const given = high / low > 2000 ? [1] : steps;
    found.push(...given.map(step => step * 10 ** power).filter(us => us >= low && us <= high));
  }
  return found;
};

// How many samples took how long, successes and failures one above the other.
export const distribution = (passed, failed, bins, title) => {
  const used = bins.map((_, i) => passed[i] + failed[i]);
  const first = used.findIndex(count => count > 0);
  if (first < 0) return el("p", { class: "held" }, "Nothing ended in this range.");
  const last = used.findLastIndex(count => count > 0);
  const each = Math.ceil((last - first + 1) / MOST_BARS);
  const bars = [];
  for (let bin = first; bin <= last; bin += each) {
    const end = Math.min(bin + each, bins.length - 1);
    bars.push({ low: bins[bin], high: bins[end], good: total(passed.slice(bin, end)), bad: total(failed.slice(bin, end)) });
  }
  const low = Math.max(1, bars[0].low);
  const high = Math.max(low * 1.25, bars[bars.length - 1].high);
  const place = us => (100 * Math.log(Math.max(us, low) / low)) / Math.log(high / low);
  const top = Math.max(...bars.map(bar => bar.good + bar.bad));
  const drawn = bars.map(bar => {
    const x = place(bar.low);
    const width = Math.max(0.3, place(bar.high) - x) * 0.9;
    const tall = count => (count ? Math.max(1.5, (HEIGHT * count) / top) : 0);
    const [bad, good] = [tall(bar.bad), Math.min(tall(bar.good), HEIGHT - tall(bar.bad))];
    return svg("g", {},
      svg("title", {}, `${micros(bar.low)} to ${micros(bar.high)}: ${number(bar.good)} passed${bar.bad ? `, ${number(bar.bad)} failed` : ""}`),
      good > 0 && svg("rect", { class: "fill-passed", x, width, y: HEIGHT - good, height: good }),
      bad > 0 && svg("rect", { class: "fill-failed", x, width, y: HEIGHT - good - bad, height: bad }));
  });
  const rounds = roundDurations(low, high);
  const all = total(used);
  return el("figure", { class: "plot" },
    el("figcaption", {}, el("h3", {}, "Distribution"), legend(["fill-passed", "passed"], total(failed) && ["fill-failed", "failed"], [null, plural(all, "sample")])),
    svg("svg", { height: HEIGHT + 26, role: "img", "aria-label": `${title}: ${plural(all, "sample")} between ${micros(bars[0].low)} and ${micros(bars[bars.length - 1].high)}` },
      plane(HEIGHT, drawn),
      svg("line", { class: "axis", x1: 0, x2: "100%", y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
      rounds.map(us => tick(place(us), micros(us), HEIGHT, rounds.length > 4 && Math.log10(us) % 1 !== 0))));
};

// The duration that a share of the samples does not exceed, over 1 / (1 - share): each decade is one more nine.
export const percentileCurve = (passed, failed, bins, title) => {
  const lines = [["line-p50", curve(passed, bins), "passed"], ["line-failed", curve(failed, bins), "failed"]].filter(([, points]) => points.length);
  if (!lines.length) return null;
  const most = Math.max(...[passed, failed].map(total));
  const nines = Math.max(1, Math.log10(most));
  const top = Math.max(...lines.map(([, points]) => points[points.length - 1][1])) || 1;
  const place = below => Math.min(100, (100 * -Math.log10(Math.max(1 - below, 1 / most / 1.0001))) / nines);
  const paths = lines.map(([look, points]) => {
    // A step: the duration holds from the share of the bin before up to its own.
    const corners = points.flatMap(([below, us], i) => [[place(i ? points[i - 1][0] : 0), HEIGHT - (HEIGHT * us) / top], [place(below), HEIGHT - (HEIGHT * us) / top]]);
    return line(corners, look);
  });
  const shown = NINES.filter(below => place(below) < 100 || below === 0);
  return el("figure", { class: "plot" },
    el("figcaption", {}, el("h3", {}, "Percentiles"), legend(...lines.map(([look, , name]) => [look, name]), [null, `at most ${micros(top)}`])),
    svg("svg", { height: HEIGHT + 26, role: "img", "aria-label": `${title}: percentiles of durations over 1 / (1 - p), up to ${micros(top)}` },
      [0, 0.5].map(y => svg("line", { class: "grid", x1: 0, x2: "100%", y1: HEIGHT * y + 0.5, y2: HEIGHT * y + 0.5 })),
      plane(HEIGHT, paths),
      svg("text", { x: 2, y: 11 }, micros(top)), svg("text", { x: 2, y: HEIGHT / 2 + 11 }, micros(top / 2)),
      svg("line", { class: "axis", x1: 0, x2: "100%", y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
      shown.map(below => tick(place(below), below ? `p${number(100 * below, 7)}` : share(0), HEIGHT, below === 0.5))));
};
