// The key figures, the steps and the errors for a range of time. What Python wrote is for the whole run; it comes
// back when the range is cleared.
import { duration, micros, number, offset, perSecond, share } from "./format.js";
import { histogramOf, keyFigures, percentilesOverTime, requestFigures, stepFigures, sum } from "./cube.js";
import { el, icon } from "./dom.js";
import { distribution, percentileCurve, sparkline } from "./drawings.js";
import { offerSorting } from "./sorting.js";
import { page } from "./state.js";

const TIMES = ["p50", "p90", "p95", "p99", "p999", "max"];
const written = us => (us === null ? "–" : micros(us));

// Puts a text where another one stood, and remembers that one.
const originals = new Map();
const swap = (place, ...content) => {
  if (!place) return;
  if (!originals.has(place)) originals.set(place, [...place.childNodes]);
  place.replaceChildren(...content);
};
const restore = () => {
  originals.forEach((content, place) => place.replaceChildren(...content));
  originals.clear();
};

const note = text => el("span", { class: "note" }, text);
const within = (box, figure) => box.querySelector(`[data-figure="${figure}"]`);

const showTiles = (cube, range, seconds) => {
  const found = keyFigures(cube, range, seconds);
  const told = {
    instances: [number(found.passed), `of ${number(found.instances)} that ended`],
    requests: [number(found.requests), perSecond(found.rate)],
    requests_failed: [share(found.requests ? found.requests_failed / found.requests : 0), `${number(found.requests_failed)} requests`],
    dropped: [number(found.dropped), "found no free slot"],
    lag: [found.lag ? `± ${duration(found.lag)}` : "none seen", "highest p99 of the event loop’s lag"],
    late: ["–", "known for the whole run only"],
    ...Object.fromEntries(TIMES.map(name => [name, [written(found[name]), ""]])),
  };
  for (const tile of document.querySelectorAll(".tiles [data-figure]")) {
    const [value, remark] = told[tile.dataset.figure] ?? [];
    if (value === undefined) continue;
    swap(tile.querySelector(".value"), value);
    swap(tile.querySelector(".remark"), remark);
  }
};

const FIGURES = ["count", "failed", ...TIMES];

const showRow = (row, found) => {
  if (!found) return FIGURES.forEach(name => swap(within(row, name), "–"));
  swap(within(row, "count"), number(found.count));
  swap(within(row, "failed"), number(found.failed), found.failed ? note(share(found.failed / found.count)) : "");
  return TIMES.forEach(name => swap(within(row, name), written(found[name])));
};

const showCause = (box, series, range, edges) => {
  const count = sum(series, range);
  const seen = [...series.keys()].filter(i => series[i] && (!range || (i >= range.from && i < range.to)));
  swap(within(box, "count"), number(count));
  swap(within(box, "of"), "in this range");
  swap(within(box, "seen"), count ? `between ${offset(edges[seen[0]])} and ${offset(edges[seen[seen.length - 1] + 1])} into the run` : "not seen in this range");
  box.classList.add("ranged");
  box.classList.toggle("absent", count === 0);
};

// What a row opens to. Built when it is opened, and again when the range changes while it is open.
const opened = (cube, step, name) => {
  const [passed, failed] = [step.latency.passed, step.latency.failed].map(cells => histogramOf(cube, [cells], page.state));
  return [distribution(passed, failed, cube.bins, name), percentileCurve(passed, failed, cube.bins, name)];
};

const openable = (row, cube, step, name, columns) => {
  const place = el("td", { colspan: columns, class: "drawings" });
  const below = el("tr", { class: "opened", hidden: true }, place);
  const button = el("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-label": `Distribution of ${name}` }, icon("chevron", "chevron"));
  const draw = () => place.replaceChildren(...opened(cube, step, name).filter(Boolean));
  button.addEventListener("click", () => {
    below.hidden = !below.hidden;
    button.setAttribute("aria-expanded", String(!below.hidden));
    if (!below.hidden) draw();
  });
  row.querySelector("th").prepend(button);
  row.after(below);
  return () => below.hidden || draw();
};

const overTime = (cube, step, name) => {
  const [values] = percentilesOverTime(cube, [step.latency.passed], [95]);
  const known = values.filter(value => value !== null);
  const label = known.length ? `p95 of ${name} over time, ${micros(Math.min(...known))} to ${micros(Math.max(...known))}` : `no ${name} passed`;
  return sparkline(values, label);
};

const addSparklines = (cube, rows) => {
  const table = document.querySelector("table.steps");
  table.querySelector("thead tr").append(el("th", { scope: "col", class: "over-time" }, "p95 over time"));
  table.querySelectorAll("tr.scenario th").forEach(cell => cell.setAttribute("colspan", cell.colSpan + 1));
  table.querySelectorAll("tr.requests").forEach(row => row.append(el("td")));
  return rows.map(({ row, step, name }) => {
    const cell = el("td", { class: "over-time", "data-label": "p95 over time" });
    row.append(cell);
    if (!step) return () => {};
    const { drawn, choose } = overTime(cube, step, name);
    cell.append(drawn);
    return choose;
  });
};

// The rows of a step move together: its own, that of its requests, and what it opens to.
const sortable = (cube, rows) => {
  const bodies = new Map();
  rows.forEach(({ row, step, depth }, place) => {
    const together = [row];
    for (let next = row.nextElementSibling; next && !next.dataset.step; next = next.nextElementSibling) together.push(next);
    const value = figure => step && stepFigures(cube, step, page.state)[figure];
    const body = row.parentElement;
    bodies.set(body, [...(bodies.get(body) ?? []), { place, depth, rows: together, value }]);
  });
  return bodies;
};

// Takes over the tables. Returns nothing: they follow `page.state`.
export const followRange = (doc, cube, times) => {
  const rows = [...document.querySelectorAll("tr[data-step]")].map(row => {
    const i = Number(row.dataset.step);
    return { row, step: cube.steps[i], name: doc.steps[i].step, depth: doc.steps[i].depth };
  });
  const known = rows.filter(({ step }) => step);
  const sent = [...document.querySelectorAll("tr[data-requests]")].map(row => ({ row, step: cube.steps[Number(row.dataset.requests)] }));
  const columns = document.querySelectorAll("table.steps thead th").length + 1;
  const sparklines = rows.length ? addSparklines(cube, rows) : [];
  const drawings = known.map(({ row, step, name }) => openable(row, cube, step, name, columns));
  const sortAgain = rows.length ? offerSorting(document.querySelector("table.steps"), sortable(cube, rows)) : () => {};
  const causes = [...document.querySelectorAll("[data-cause]")].map(box => [box, cube.causes[Number(box.dataset.cause)]]).filter(([, series]) => series);
  const strips = causes.map(([box, series]) => {
    const label = `when it happened: ${within(box, "seen")?.textContent ?? ""}`;
    const { drawn, choose } = sparkline([...series], label, "line-failed");
    box.querySelector(".tally").append(el("div", { class: "course-of-cause" }, drawn));
    return choose;
  });
  const show = () => {
    const range = page.state;
    if (!range) {
      restore();
      causes.forEach(([box]) => box.classList.remove("ranged", "absent"));
    } else {
      showTiles(cube, range, times.seconds(range));
      rows.forEach(({ row, step }) => showRow(row, step && stepFigures(cube, step, range)));
      sent.forEach(({ row, step }) => showRow(row, step && requestFigures(cube, step, range)));
      causes.forEach(([box, series]) => showCause(box, series, range, times.edges));
    }
    [...sparklines, ...strips].forEach(choose => choose(range));
    drawings.forEach(draw => draw());
    sortAgain();
  };
  page.onChange(show);
  show();
};
