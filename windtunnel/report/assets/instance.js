// One instance, opened: its ids, what it says, how it differs from a passing one, and its waterfall.
import { el } from "./dom.js";
import { micros, plural } from "./format.js";
import { copyButton } from "./copy.js";
import { parting } from "./difference.js";
import { waterfall } from "./waterfall.js";

const LATE_US = 5000;
// A longer message has no room in the row of the list.
const SHORT = 60;

const factOf = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

const idOf = (name, id) => el("div", { class: "wide" }, el("dt", {}, name),
  el("dd", {}, el("code", { class: "copy" }, id), copyButton("Copy", id, `Copy the ${name.toLowerCase()}`)));

// The user's tracing system shows an instance at a URL that has its ids in it. Nothing but http leads out of the page.
const tracingLink = (template, instance) => {
  if (!/^https?:\/\//i.test(template)) return null;
  const ids = { trace_id: instance.correlation_id, instance_id: instance.id };
  const href = template.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(ids, name) ? encodeURIComponent(ids[name]) : whole));
  return el("a", { href, rel: "noopener noreferrer", target: "_blank" }, "Open its trace");
};

const quotedForShell = text => (/^[\w.:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

const facts = (instance, samples, run) => [
  el("dl", { class: "ids" },
    idOf("Instance id", instance.id), idOf("Correlation id, the trace id", instance.correlation_id),
    factOf("Scenario", instance.scenario), factOf("Began", `${micros(instance.offset_us ?? 0)} into the run`),
    factOf("Took", micros(instance.duration_us ?? 0)),
    instance.late_us > LATE_US && factOf("Started late by", micros(instance.late_us)),
    instance.user !== undefined && instance.user >= 0 && factOf("User", String(instance.user)),
    instance.why && factOf("Kept because", instance.why)),
  el("p", { class: "inst-actions" },
    copyButton("Copy link", () => location.href, "Copy link to this instance"),
    copyButton("Copy trace command", `windtunnel trace ${quotedForShell(run)} --instance-id ${quotedForShell(instance.id)}`,
      "Copy trace command, which shows this instance in a terminal"),
    tracingLink(samples.tracing, instance))];

// {element, fill}: the opened instance, and what fills everything that is folded. `find(id)` gives an instance.
export const openedInstance = (instance, samples, find, run) => {
  const beside = instance.beside ?? null;
  const passing = beside && find(beside.id);
  const holder = el("div", {});
  let drawn = null;
  const draw = both => {
    drawn = waterfall({ instance, passing: both ? passing : null, beside, samples });
    holder.replaceChildren(drawn.element);
  };
  draw(Boolean(passing));
  const failing = ["failed", "errored"].includes(instance.outcome);
  const compared = beside
    ? parting(beside, passing, { shown: Boolean(passing), toggle: draw, go: difference => drawn.show(difference) })
    : failing && el("p", { class: "held" }, `No instance of ${instance.scenario} that passed is in this file to compare it with.`);
  const element = el("div", { class: "inst-open" }, facts(instance, samples, run),
    instance.message?.length > SHORT && el("p", { class: "inst-message" }, instance.failed_step && [el("strong", {}, instance.failed_step), ": "], instance.message),
    compared, holder,
    instance.left_out > 0 && el("p", { class: "held" }, `${plural(instance.left_out, "more record")} of this instance not shown.`));
  return { element, fill: () => drawn.fill() };
};
