// One request and its response: what was asked and answered, times, headers and bodies; alone, or beside another.
import { el, icon, svg } from "./dom.js";
import { micros, plural, size } from "./format.js";
import { copyButton } from "./copy.js";
import { unlikeLines } from "./difference.js";

const HEADS = { request_header: "request_headers", response_header: "response_headers" };

export const swatch = kind => svg("svg", { class: "swatch", "aria-hidden": "true" },
  svg("rect", { class: `k-${kind}`, width: "100%", height: "100%" }));

export const injected = fault => (fault ? el("span", { class: "injected" }, `injected: ${fault}`) : null);

const answered = request => {
  const bad = (request.failed || request.error) && !request.fault;
  const sign = bad ? icon("fail") : null;
  return el("span", { class: `word ${bad ? "bad" : "plain"}` }, sign, request.status ? String(request.status) : "no response");
};

const remarks = request => [
  request.error && el("span", { class: request.fault ? "plain" : "bad" },
    request.error, request.error_detail && `: ${request.error_detail}`),
  injected(request.fault),
  request.attempt > 1 && el("span", { class: "small" }, `attempt ${request.attempt}`),
  request.poll && el("span", { class: "small" }, "poll"),
  request.hop && el("span", { class: "small" }, "redirect"),
  request.resent && el("span", { class: "small" }, "sent again on a fresh connection"),
];

const asked = request => el("p", { class: "ex-head" },
  el("code", {}, el("strong", {}, request.method), ` ${request.url}`), answered(request), remarks(request));

const times = (request, phases) => el("ul", { class: "parts" },
  phases.map((phase, i) => request.timings[i] > 0 && el("li", {}, swatch(phase), `${phase} ${micros(request.timings[i])}`)),
  el("li", {}, `sent ${size(request.bytes_sent ?? 0)}, received ${size(request.bytes_received ?? 0)}`),
  request.service && el("li", {}, `service ${request.service}`),
  request.span_id && el("li", {}, "span ", el("code", { class: "copy" }, request.span_id)));

const heads = (headers, title, named) => {
  if (!headers?.length) return null;
  const fields = el("dl", {}, headers.map(([name, value]) => {
    const differs = named.has(name);
    return el("div", { class: differs && "differs" },
      el("dt", {}, differs && el("span", { class: "ex-sign" }, "≠ ", el("span", { class: "unseen" }, "differs ")), name), el("dd", {}, value));
  }));
  return el("div", { class: "ex-headers", tabindex: "0", role: "group", "aria-label": title }, fields);
};

// A body as text. Lines that the other body has not are marked, by a sign as well as by a colour.
const body = (place, bodies, title, marked) => {
  if (!place) return null;
  const [at, bytes, whole] = place;
  const text = bodies[at] ?? "";
  const lines = text.split("\n");
  const shown = marked.size === 0 ? [text] : lines.map((line, i) => (marked.has(i)
    ? el("mark", { class: "ex-line" }, line || " ") : `${line}\n`));
  return el("div", { class: "ex-body" },
    el("p", { class: "ex-size" }, `${size(bytes)}${whole ? "" : ", of which the beginning is here"}`, copyButton("Copy", text, `Copy the ${title.toLowerCase()}`)),
    el("pre", { tabindex: "0", role: "group", "aria-label": title }, shown));
};

const text = (request, part, bodies) => (request?.[part] ? bodies[request[part][0]] ?? "" : null);

const omittedHeaders = request => request.headers_left_out > 0
  && el("p", { class: "held" }, `${plural(request.headers_left_out, "more header")} not kept.`);

// The sections of one exchange by name; null where nothing was kept. `named` tells which names of a part differ,
// `marks` which lines.
const sections = (request, { phases, bodies }, named, marks) => {
  return {
    "": [asked(request), times(request, phases), request.curl && copyButton("Copy as cURL", request.curl), omittedHeaders(request)],
    "Request headers": heads(request.request_headers, "Request headers", named("request_header")),
    "Request body": body(request.request_body, bodies, "Request body", marks("request_body")),
    "Response headers": heads(request.response_headers, "Response headers", named("response_header")),
    "Response body": body(request.response_body, bodies, "Response body", marks("response_body")),
  };
};

const titled = (title, content) => content && el("div", { class: "ex-part" }, el("p", { class: "ex-title" }, title), content);

const NOT_KEPT = "Headers and bodies of this request were not kept. bodies: all, under output: in the plan, keeps them.";

// A request alone: what was sent on the left, what came back on the right.
export const exchange = (request, samples) => {
  const { "": head, ...found } = sections(request, samples, () => new Set(), () => new Set());
  const part = title => titled(title, found[title]);
  const kept = Object.values(found).some(Boolean);
  return el("div", { class: "ex" }, head, kept ? el("div", { class: "ex-sides" },
    el("div", {}, part("Request headers"), part("Request body")),
    el("div", {}, part("Response headers"), part("Response body"))) : el("p", { class: "held" }, NOT_KEPT));
};

// A request beside that of the passing instance, part by part. Either may be missing. `differences` are those of the
// two requests.
export const exchanges = (request, other, samples, names, differences) => {
  const named = part => new Set(differences.filter(each => each.part === part && HEADS[part]).map(each => each.what));
  // One alignment for both, so that what is not marked is the same on both sides.
  const marks = side => part => {
    const both = [request, other].map(each => text(each, part, samples.bodies));
    return both.includes(null) ? new Set() : unlikeLines(...both)[side];
  };
  const mine = request ? sections(request, samples, named, marks(0)) : {};
  const theirs = other ? sections(other, samples, named, marks(1)) : {};
  const side = (found, name, title) => el("div", { class: "ex-side" },
    el("p", { class: "ex-whose" }, name), found ?? el("p", { class: "held" }, title ? "not kept" : "no such request"));
  const titles = ["", "Request headers", "Request body", "Response headers", "Response body"];
  const kept = titles.filter(title => mine[title] || theirs[title]);
  return el("div", { class: "ex" }, kept.map(title => el("div", { class: "ex-part" }, title && el("p", { class: "ex-title" }, title),
    el("div", { class: "ex-sides" }, side(mine[title], names[0], title), side(theirs[title], names[1], title)))),
    kept.length < 2 && el("p", { class: "held" }, NOT_KEPT));
};
