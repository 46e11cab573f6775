// The list of instances: a filter kept in the URL, an order, the keyboard, and one instance that is open.
import { el, icon } from "./dom.js";
import { micros, number, offset, plural } from "./format.js";
import { ORDERS, matches, parseFilter, termOf, withSort } from "./filter.js";
import { injected } from "./exchange.js";
import { outcomeWord } from "./waterfall.js";
import { openedInstance } from "./instance.js";

const HELP = [
  ["s:failed", "how it ended: passed, failed, errored, interrupted, skipped, unfinished"],
  ["step:add_to_cart", "ran that step; s:, status:, error: and times are then about the step. * stands for any text"],
  ["status:500", "a request was answered so; also 5xx, >=400, and 0 for no response"],
  [">500ms", "took longer; also <2s, >=1.5s"],
  ["scenario:checkout", "is of that scenario"],
  ["error:timeout", "a kind of error of a step or request"],
  ["check:price", "a failed check has this in its name; cause: is a kind of error or the whole name of a failed check"],
  ["url:/cart", "a request has this in its method or URL"],
  ["id:checkout-17", "instance id, correlation id or span id"],
  ["fault:*", "a fault was injected; also service:, user:, why:"],
  ['"out of stock"', "text in a message, URL, header or body; one word needs no quotes"],
  ["-s:passed", "not so; s:failed,errored is one or the other"],
  ["sort:slowest", `the order: ${Object.keys(ORDERS).join(", ")}`],
];
const ORDER_NAMES = [["", "failed first"], ["slowest", "slowest first"], ["fastest", "fastest first"],
  ["first", "earliest first"], ["last", "latest first"], ["id", "by id"]];
const FAILING_FIRST = { failed: 0, errored: 0, interrupted: 1, unfinished: 1, passed: 2 };

const reason = instance => [injected(instance.fault),
  [instance.failed_step && `at ${instance.failed_step}`, instance.message || instance.error].filter(Boolean).join(": ")];

const listRow = (instance, toggle, number) => {
  const button = el("button", { type: "button", class: "inst-row", "aria-expanded": "false", tabindex: "-1", id: `inst-${number}`, onclick: toggle },
    icon("chevron", "chevron"), outcomeWord(instance.outcome, instance.fault), el("span", { class: "inst-id" }, instance.id),
    el("span", { class: "why" }, reason(instance)),
    el("span", { class: "inst-at" }, `at ${offset((instance.offset_us ?? 0) / 1e6)}`), el("span", { class: "took" }, micros(instance.duration_us ?? 0)));
  return { instance, button, item: el("li", { class: "inst card" }, button) };
};

// Everything of an instance that is text, in lower case; made at the first search for text.
const searchable = samples => {
  const made = new Map();
  const lines = value => (Array.isArray(value) ? value.flatMap(lines) : typeof value === "string" ? [value] : []);
  const ofRequest = request => [request.method, request.url, request.service, request.error, request.error_detail, request.span_id,
    ...lines(request.request_headers ?? []), ...lines(request.response_headers ?? []),
    ...[request.request_body, request.response_body].filter(Boolean).map(([at]) => samples.bodies[at])];
  const ofStep = step => [step.name, step.error, step.message, ...lines(step.checks ?? []), ...(step.requests ?? []).flatMap(ofRequest)];
  const ofInstance = x => [x.id, x.correlation_id, x.scenario, x.failed_step, x.error, x.message, x.fault,
    ...[...(x.steps ?? []), ...(x.assertions ?? [])].flatMap(ofStep)];
  return instance => {
    if (!made.has(instance)) made.set(instance, ofInstance(instance).filter(Boolean).join("\n").toLowerCase());
    return made.get(instance);
  };
};

const helpOf = take => el("details", { class: "inst-help" }, el("summary", {}, "How to filter"),
  el("p", { class: "small" }, "Words with blanks between them must all hold. Press one to add it."),
  el("dl", {}, HELP.map(([term, meaning]) => el("div", {},
    el("dt", {}, el("button", { type: "button", class: "term", onclick: () => take(term) }, term)), el("dd", {}, meaning)))));

const controls = ({ typed, sorted, take }) => {
  const input = el("input", { type: "search", id: "inst-filter", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    placeholder: 's:failed step:pay status:5xx >500ms "text"', "aria-describedby": "inst-problems", oninput: typed });
  const order = el("select", { id: "inst-order", onchange: sorted }, ORDER_NAMES.map(([value, name]) => el("option", { value }, name)));
  const count = el("p", { class: "small", role: "status" });
  const problems = el("div", { class: "inst-problems", id: "inst-problems", role: "alert" });
  const element = el("div", { class: "inst-controls", role: "search", "aria-label": "Instances" },
    el("div", { class: "inst-fields" }, el("p", { class: "inst-field wide" }, el("label", { for: "inst-filter" }, "Filter"), input),
      el("p", { class: "inst-field" }, el("label", { for: "inst-order" }, "Order"), order)),
    problems, helpOf(take), count);
  return { element, input, order, count, problems };
};

// When a brush has chosen a range of time: what was going on in it.
const rangeOf = (doc, state) => {
  if (!state || !doc?.axis) return null;
  const at = bucket => (doc.axis.first_bucket_unix - doc.run.started + bucket * doc.axis.width_s) * 1e6;
  return { from_us: at(state.from), to_us: at(state.to) };
};

const inRange = (instance, range) => {
  const from = instance.offset_us ?? 0;
  return !range || (from < range.to_us && from + (instance.duration_us ?? 0) >= range.from_us);
};

// Puts the list into `holder`. `page` keeps filter, open instance and range.
const drawList = (holder, { samples, doc, page }) => {
  const { total, directory: run } = samples;
  const textOf = searchable(samples);
  const byId = new Map();
  const rows = samples.instances.map((instance, i) => listRow(instance, () => toggle(byId.get(instance.id)), i));
  rows.forEach(row => byId.set(row.instance.id, row));
  const items = el("ul", { class: "inst-list", "aria-label": "Instances" });
  const missing = el("div", { class: "inst-missing", role: "status" });
  let shown = [];
  let open = null;
  let filled = null;
  let sought = "";

  // What is chosen here, in place of by a link.
  const search = filter => {
    sought = filter;
    page.search(filter);
  };
  const bar = controls({
    typed: () => search(bar.input.value),
    sorted: () => search(withSort(page.filter, bar.order.value)),
    take: term => {
      search([page.filter.trim(), term].filter(Boolean).join(" "));
      bar.input.value = page.filter;
      bar.input.focus();
    },
  });

  const toggle = row => page.show(open === row ? "" : row.instance.id);

  const reachable = row => {
    rows.forEach(each => { each.button.tabIndex = -1; });
    if (row) row.button.tabIndex = 0;
  };

  const close = () => {
    if (!open) return;
    open.item.lastChild.remove();
    open.item.classList.remove("is-open");
    open.button.setAttribute("aria-expanded", "false");
    open.button.removeAttribute("aria-controls");
    open = filled = null;
  };

  const unfold = row => {
    close();
    const made = openedInstance(row.instance, samples, id => byId.get(id)?.instance ?? null, run);
    const body = el("div", { id: "inst-opened", role: "region", "aria-label": `Instance ${row.instance.id}` }, made.element);
    row.item.append(body);
    row.item.classList.add("is-open");
    row.button.setAttribute("aria-expanded", "true");
    row.button.setAttribute("aria-controls", "inst-opened");
    [open, filled] = [row, made];
  };

  const list = () => {
    const { terms, sort, problems } = parseFilter(page.filter);
    const range = rangeOf(doc, page.state);
    const order = sort ? ORDERS[sort] : (a, b) => (FAILING_FIRST[a.outcome] ?? 1) - (FAILING_FIRST[b.outcome] ?? 1);
    const found = rows.filter(row => row === open || (inRange(row.instance, range) && matches(terms, row.instance, textOf)));
    shown = found.sort((a, b) => order(a.instance, b.instance));
    items.replaceChildren(...shown.map(row => row.item));
    reachable(open ?? shown[0]);
    if (bar.input.value !== page.filter && sought !== page.filter) bar.input.value = page.filter;
    bar.order.value = sort;
    bar.problems.replaceChildren(...problems.map(problem => el("p", {}, problem)));
    const when = range ? `, of those between ${offset(range.from_us / 1e6)} and ${offset(range.to_us / 1e6)} of the run` : "";
    bar.count.textContent = `${number(shown.length)} of ${plural(rows.length, "instance")}${when}. The run had ${number(total)}.`;
  };

  const bring = row => {
    row.button.focus({ preventScroll: true });
    row.item.scrollIntoView({ block: "start" });
  };

  const follow = () => {
    const wanted = page.instance;
    const row = byId.get(wanted) ?? null;
    const [before, changed] = [open, row !== open];
    if (changed) row ? unfold(row) : close();
    missing.replaceChildren(...(wanted && !row ? [el("p", {}, el("code", {}, wanted), " is not among the instances in this file. ",
      el("code", {}, `windtunnel trace ${run} --instance-id ${wanted}`), " reads it from the records.")] : []));
    list();
    const linked = page.filter !== sought;
    sought = page.filter;
    if (linked && !wanted) bar.element.scrollIntoView({ block: "start" });
    if (wanted && !row) missing.scrollIntoView({ block: "center" });
    else if (changed && row) bring(row);
    else if (changed && before && shown.includes(before)) before.button.focus();
  };

  const step = (from, by) => {
    const at = shown.findIndex(row => row.button === from);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + by))];
    if (!next) return;
    reachable(next);
    next.button.focus();
  };

  items.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && open) {
      event.preventDefault();
      page.show("");
      return;
    }
    const row = shown.find(each => each.button === event.target);
    if (!row) return;
    const moves = { ArrowDown: 1, ArrowUp: -1, Home: -shown.length, End: shown.length, PageDown: 10, PageUp: -10 };
    if (event.key in moves) step(row.button, moves[event.key]);
    else if (event.key === "ArrowRight" && open !== row) toggle(row);
    else if (event.key === "ArrowLeft" && open === row) toggle(row);
    else return;
    event.preventDefault();
  });
  bar.input.addEventListener("keydown", event => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    step(null, 1);
  });
  // A link to what is open already changes nothing in the URL.
  document.addEventListener("click", event => {
    const link = event.target.closest?.('a[href^="#instance="]');
    if (link && open && new URLSearchParams(link.hash.slice(1)).get("instance") === open.instance.id) bring(open);
  });
  addEventListener("beforeprint", () => filled?.fill());

  bar.input.value = page.filter;
  holder.replaceChildren(bar.element, missing, items);
  page.onChange(follow);
  follow();
};

// From each group of errors to those in the file that failed so.
const offerListsOfErrors = doc => document.querySelectorAll(".error[data-cause]").forEach(box => {
  const group = doc?.causes[Number(box.dataset.cause)];
  const place = box.querySelector(".meta");
  if (!group || !place) return;
  const terms = [["s", group.outcome], ["scenario", group.scenario], ["step", group.step], ["cause", group.cause]];
  const filter = terms.filter(([, value]) => value).map(([key, value]) => termOf(key, value)).join(" ");
  place.append(el("span", {}, el("a", { href: `#filter=${encodeURIComponent(filter)}` }, "list those in this file")));
});

// The list takes the place of the static one when it comes into sight, or when a link asks for what is in it.
export const offerInstances = (doc, given, page) => {
  const section = document.getElementById("instances");
  const holder = section?.querySelector(".instances");
  if (!holder) return;
  offerListsOfErrors(doc);
  let begun = null;
  const begin = () => {
    begun ??= given().then(samples => {
      if (!samples) return;
      section.querySelector(".key")?.remove();
      drawList(holder, { samples, doc, page });
      section.dataset.ready = "yes";
    });
  };
  const wanted = () => Boolean(page.instance || page.filter);
  page.onChange(() => wanted() && begin());
  if (wanted()) begin();
  const seen = new IntersectionObserver(entries => {
    if (!entries.some(entry => entry.isIntersecting)) return;
    seen.disconnect();
    begin();
  }, { rootMargin: "600px" });
  seen.observe(section);
};
