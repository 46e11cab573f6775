// The steps of one instance on one axis of time, each with its requests; alone, or paired with those of another.
import { el, icon, svg } from "./dom.js";
import { micros, plural } from "./format.js";
import { exchange, exchanges, injected, swatch } from "./exchange.js";
import { allDifferences } from "./difference.js";

const MOST_REQUEST_ROWS = 12;
const NOTEWORTHY = 0.05;
const SIGNS = { passed: "pass", failed: "fail", skipped: "skip", interrupted: "stop", unfinished: "stop" };
const TONES = { passed: "good", failed: "bad", errored: "warn" };

export const outcomeWord = (outcome, fault) =>
  el("span", { class: `word ${fault ? "plain" : TONES[outcome] ?? "plain"}` }, icon(SIGNS[outcome] ?? "alert"), outcome);

const sum = numbers => numbers.reduce((total, n) => total + n, 0);
const lasted = request => sum(request.timings);
const began = thing => thing.began_us ?? 0;
const took = thing => thing.duration_us ?? 0;

// The time at the right end of the axis, in microseconds.
export const axisEnd = (...instances) => Math.max(1, ...instances.filter(Boolean).flatMap(instance => [
  took(instance), ...(instance.steps ?? []).map(step => began(step) + took(step))]));

const percent = (us, end) => Math.min(100, Math.max(0, (100 * us) / end));
const bar = (kind, from, length, end, look = {}) => {
  const width = Math.max(0.25, percent(length, end));
  const x = Math.min(percent(from, end), 100 - width);
  return svg("rect", { class: `k-${kind}`, x: `${x.toFixed(3)}%`, width: `${width.toFixed(3)}%`, height: "100%", ...look });
};

const requestBars = (request, end, phases) => {
  let at = began(request);
  return phases.map((phase, i) => {
    const length = request.timings[i];
    at += length;
    return length > 0 ? bar(phase, at - length, length, end) : null;
  });
};

const spoken = (request, phases) => phases.map((phase, i) => (request.timings[i] > 0 ? `${phase} ${micros(request.timings[i])}` : ""))
  .filter(Boolean).join(", ");

const track = (label, bars, look = "") => svg("svg", { class: `wf-track ${look}`, role: "img", "aria-label": label },
  svg("title", {}, label), bars);

const stepTrack = (step, end, phases, look) => {
  const label = `${step.outcome}, began at ${micros(began(step))}, took ${micros(took(step))}`;
  const whole = bar("step", began(step), took(step), end, { y: "35%", height: "30%" });
  return track(label, [whole, (step.requests ?? []).map(request => requestBars(request, end, phases))], look);
};

// What kind of row a request is, in words: an attempt, a poll, a redirect.
const kindOf = request => [
  request.attempt > 1 ? `attempt ${request.attempt}` : request.poll ? "poll" : request.hop ? "redirect" : "request",
  request.status ? String(request.status) : request.error ?? "no response"].join(", ");

const requestRow = (request, end, phases) => [
  el("span", { class: "wf-kind" }, kindOf(request)),
  el("span", { class: "wf-took" }, micros(lasted(request))),
  track(`began at ${micros(began(request))}: ${spoken(request, phases)}`, requestBars(request, end, phases), "thin")];

// The time of the requests beside that of the step, where the two are not the same.
const ofRequests = step => {
  const requests = sum((step.requests ?? []).map(lasted));
  const differs = requests > 0 && Math.abs(took(step) - requests) > Math.max(1000, NOTEWORTHY * took(step));
  return differs ? el("span", { class: "wf-note" }, `requests ${micros(requests)}`) : null;
};

const checks = all => {
  const failed = (all ?? []).filter(check => !check[1]);
  const held = (all ?? []).filter(check => check[1]);
  const head = el("thead", {}, el("tr", {}, ["Check", "Expected", "Actual"].map(name => el("th", { scope: "col" }, name))));
  const rows = failed.map(([name, , expected, actual]) => el("tr", {},
    el("td", {}, el("span", { class: "word bad" }, icon("fail"), "failed"), ` ${name}`),
    el("td", { "data-label": "Expected" }, el("code", {}, expected)), el("td", { "data-label": "Actual" }, el("code", {}, actual))));
  return [
    failed.length > 0 && el("div", { class: "checks" }, el("table", {}, head, el("tbody", {}, rows))),
    held.length > 0 && el("p", { class: "held" }, `Passed: ${held.map(check => check[0]).join(", ")}.`)];
};

// What a step says, unless it is only the first of its failed checks, which stand in their table.
const said = thing => !(thing.error === "check" && thing.checks?.some(check => !check[1]))
  && (thing.message || thing.error) && el("p", {},
  thing.error && thing.error !== "check" && [el("code", {}, thing.error), " "], thing.message);

const requestsOf = (step, other, view, position) => {
  const own = step?.requests ?? [];
  if (!view.passing) return own.map(request => exchange(request, view.samples));
  const theirs = other?.requests ?? [];
  const names = [view.instance, view.passing].map(each => `${each.id}, ${each.outcome}`);
  const told = view.differences.filter(each => each.here === position);
  return Array.from({ length: Math.max(own.length, theirs.length) }, (_, i) =>
    exchanges(own[i], theirs[i], view.samples, names, told.filter(each => each.request === i)));
};

const inside = (step, other, view, position) => {
  const one = step ?? other;
  const requests = requestsOf(step, other, view, position);
  const omitted = one.left_out > 0 && el("p", { class: "held" }, `${plural(one.left_out, "more request")} not shown.`);
  const nothing = !requests.length && !one.checks && !one.message && el("p", { class: "held" }, `${one.action || "unfinished"} step, no request.`);
  return [step && said(step), checks(step?.checks), requests, omitted,
    one.extracted && el("p", { class: "held" }, "Extracted ", one.extracted.map((name, i) => [i > 0 && ", ", el("code", {}, name)]), "."), nothing];
};

const isFirst = (view, here, there) => {
  const first = view.passing && view.beside.first;
  return first && first.here === here && first.there === there;
};

const stepRow = ([here, there], view) => {
  const [step, other] = [view.instance.steps?.[here], view.passing?.steps?.[there]];
  const one = step ?? other;
  const marked = isFirst(view, here ?? undefined, there ?? undefined);
  const rows = step?.requests?.length > 1 ? step.requests : [];
  const content = el("div", { class: "wf-inside" });
  const fill = () => {
    if (!content.firstChild) content.append(...inside(step, other, view, here).flat(3).filter(Boolean));
  };
  const summary = el("summary", { class: "wf-row" },
    icon("chevron", "chevron"),
    el("span", { class: `wf-sign ${step?.fault ? "plain" : TONES[step?.outcome] ?? "plain"}` }, icon(SIGNS[step?.outcome] ?? "none"),
      el("span", { class: "unseen" }, step?.outcome ?? "not run")),
    el("span", { class: "wf-name" }, one.name, one.round > 0 && el("span", { class: "small" }, ` round ${one.round}`), injected(step?.fault),
      !step && el("span", { class: "wf-note" }, `only ${view.passing.id} ran it`),
      step && view.passing && !other && el("span", { class: "wf-note" }, `only ${view.instance.id} ran it`)),
    el("span", { class: "wf-took" }, step ? micros(took(step)) : "–", step && ofRequests(step),
      other && el("span", { class: "wf-note" }, `there ${micros(took(other))}`)),
    el("span", { class: "wf-tracks" }, step && stepTrack(step, view.end, view.samples.phases),
      other && stepTrack(other, view.end, view.samples.phases, "other")),
    rows.slice(0, MOST_REQUEST_ROWS).map(request => requestRow(request, view.end, view.samples.phases)),
    rows.length > MOST_REQUEST_ROWS && el("span", { class: "wf-kind" }, `and ${rows.length - MOST_REQUEST_ROWS} more`),
    marked && el("span", { class: "wf-parted" }, "≠ ", el("strong", {}, "First difference: "), view.beside.first.says));
  const open = marked || ["failed", "errored", "unfinished"].includes(step?.outcome);
  const row = el("details", { class: `wf-step${marked ? " parted" : ""}`, ontoggle: fill }, summary, content);
  if (open) {
    fill();
    row.open = true;
  }
  return { row, fill };
};

const assertionRow = assertion => el("details", { class: "wf-step", open: ["failed", "errored"].includes(assertion.outcome) },
  el("summary", { class: "wf-row" }, icon("chevron", "chevron"),
    el("span", { class: `wf-sign ${TONES[assertion.outcome] ?? "plain"}` }, icon(SIGNS[assertion.outcome] ?? "alert")),
    el("span", { class: "wf-name" }, assertion.name), el("span", { class: "wf-took" }), el("span", { class: "small" }, `assertion ${assertion.outcome}`)),
  el("div", { class: "wf-inside" }, injected(assertion.fault), said(assertion), checks(assertion.checks)));

const key = (samples, passing) => el("ul", { class: "key", "aria-label": "Parts of a bar" },
  samples.phases.map(phase => el("li", {}, swatch(phase), phase)), el("li", {}, swatch("step"), "step, no request"),
  passing && el("li", {}, `lower bar: ${passing.id}, which passed`));

// {element, fill, show}: the waterfall, what fills every folded step (before it is printed), and what opens the step of
// a difference. `view` is {instance, passing or null, beside, samples}.
export const waterfall = given => {
  const { instance, passing, beside, samples } = given;
  const view = { ...given, end: axisEnd(instance, passing), differences: passing ? allDifferences(beside) : [] };
  const steps = instance.steps ?? [];
  const pairs = (passing ? beside.rows : steps.map((_, i) => [i, null]))
    .filter(([here, there]) => steps[here] || passing?.steps?.[there]);
  const rows = pairs.map(pair => stepRow(pair, view));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(share => el("span", {}, share ? micros(share * view.end) : "0"));
  const element = el("div", { class: `wf${passing ? " wf-both" : ""}` }, key(samples, passing),
    el("div", { class: "wf-axis", "aria-hidden": "true" }, el("span", { class: "wf-ticks" }, ticks)),
    rows.map(({ row }) => row), (instance.assertions ?? []).map(assertionRow));
  const show = difference => {
    const at = pairs.findIndex(([here, there]) => (passing ? (here ?? undefined) === difference.here && (there ?? undefined) === difference.there : here === difference.here));
    if (at < 0) return;
    rows[at].fill();
    rows[at].row.open = true;
    rows[at].row.firstChild.focus();
    rows[at].row.scrollIntoView({ block: "center" });
  };
  return { element, fill: () => rows.forEach(({ fill }) => fill()), show };
};
