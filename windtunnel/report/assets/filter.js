// The filter of the list of instances: its grammar, what a term means, and in words what is wrong with it.
//
//   filter := term*        all of them must hold
//   term   := ["-"] (key ":" value ("," value)* | (">" | "<" | ">=" | "<=") time | word | '"' text '"')
//
// With `step:`, the terms on outcome, status, error and time are about that step; without, about the whole instance.

const OUTCOMES = ["passed", "failed", "errored", "interrupted", "skipped", "unfinished"];
export const ORDERS = {
  slowest: (a, b) => took(b) - took(a),
  fastest: (a, b) => took(a) - took(b),
  first: (a, b) => began(a) - began(b),
  last: (a, b) => began(b) - began(a),
  id: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
};
const UNITS = { "µs": 1, us: 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };

const took = instance => instance.duration_us ?? 0;
const began = instance => instance.offset_us ?? 0;
const list = value => value ?? [];

// `*` stands for any text. Without a regular expression: a pattern from a link must not take forever.
const wildcard = pattern => {
  const [first, ...rest] = pattern.toLowerCase().split("*");
  const last = rest.pop();
  return given => {
    const text = (given ?? "").toLowerCase();
    if (last === undefined) return text === first;
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
};

const containing = wanted => {
  const lower = wanted.toLowerCase();
  return text => (text ?? "").toLowerCase().includes(lower);
};

const COMPARE = {
  ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, "=": (a, b) => a === b,
};

const whole = value => {
  const [, sign, digits] = /^(>=|<=|>|<|)(\d{1,15})$/.exec(value) ?? [];
  if (digits === undefined) return null;
  return given => given !== undefined && COMPARE[sign || "="](given, Number(digits));
};

const statusTest = value => {
  const [, hundreds] = /^([1-5])xx$/i.exec(value) ?? [];
  if (hundreds) return status => Math.floor(status / 100) === Number(hundreds);
  const [, sign, digits] = /^(>=|<=|>|<|)(\d{1,3})$/.exec(value) ?? [];
  if (digits === undefined) return null;
  // A request without a response has status 0: below no limit.
  return status => (status > 0 || (!sign && digits === "0")) && COMPARE[sign || "="](status, Number(digits));
};

// What a term of one key tests: `part` makes of an instance, or of one step of it, the values to look at.
const requestsOf = step => list(step.requests);
const ofSteps = read => (instance, step) => (step ? [step] : list(instance.steps)).flatMap(read);

const KEYS = {
  s: { part: (instance, step) => [(step ?? instance).outcome], test: value => (OUTCOMES.includes(value) ? x => x === value : null),
       ofStep: true, expects: `one of ${OUTCOMES.join(", ")}`, known: OUTCOMES },
  step: { part: () => [], test: wildcard, expects: "the name of a step" },
  status: { part: ofSteps(step => requestsOf(step).map(request => request.status ?? 0)), test: statusTest, ofStep: true,
            expects: "a status such as 500, 5xx, >=400, or 0 for no response" },
  error: { part: ofSteps(step => [step.error, ...requestsOf(step).map(request => request.error)]), test: wildcard, ofStep: true,
           expects: "a kind of error, such as timeout" },
  check: { part: ofSteps(step => list(step.checks).filter(check => !check[1]).map(check => check[0])), test: containing, ofStep: true,
           expects: "a part of the name of a failed check" },
  cause: { part: (x, step) => [x.error, ...(step ? [step] : [...list(x.steps), ...list(x.assertions)])
             .flatMap(s => [s.error, ...list(s.checks).filter(check => !check[1]).map(check => check[0])])],
           test: wildcard, ofStep: true, expects: "a kind of error, or the name of a failed check" },
  url: { part: ofSteps(step => requestsOf(step).map(request => `${request.method} ${request.url}`)), test: containing, ofStep: true,
         expects: "a part of a URL" },
  service: { part: ofSteps(step => requestsOf(step).map(request => request.service)), test: wildcard, ofStep: true,
             expects: "the name of a service" },
  scenario: { part: x => [x.scenario], test: wildcard, expects: "the name of a scenario" },
  id: { part: x => [x.id, x.correlation_id, ...list(x.steps).flatMap(requestsOf).map(r => r.span_id)], test: wildcard,
        expects: "an instance id, a correlation id or a span id" },
  user: { part: x => [x.user], test: whole, expects: "the number of a user" },
  fault: { part: (x, step) => (step ? [step] : [x, ...list(x.steps)]).flatMap(s => [s.fault, ...requestsOf(s).map(r => r.fault)]),
           test: wildcard, ofStep: true, expects: "the name of a fault; fault:* for any" },
  why: { part: x => [x.why], test: containing, expects: "why it was kept, such as slowest" },
  sort: { part: () => [], test: () => null, expects: `one of ${Object.keys(ORDERS).join(", ")}`, known: Object.keys(ORDERS) },
};
const ALIASES = { outcome: "s", trace: "id" };

// Text cut where a character for which `isEnd` says so stands outside of quotes. In quotes, \" is a quote.
const cut = (text, isEnd) => {
  const found = [""];
  let open = false;
  for (let i = 0; i < text.length; i++) {
    const escaped = open && text[i] === "\\" && /["\\]/.test(text[i + 1] ?? "");
    if (text[i] === '"') open = !open;
    if (!open && isEnd(text[i])) found.push("");
    else found[found.length - 1] += escaped ? text[i] + text[++i] : text[i];
  }
  return found.filter(part => part !== "");
};

const words = filter => cut(filter, character => /\s/.test(character));

const unquoted = text => text.replace(/\\(["\\])|"/g, (_, kept) => kept ?? "");

const distance = (a, b) => {
  let row = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
};

// The one of the known names that was probably meant: one that begins so, or the nearest.
const meant = (given, known) => {
  const begun = known.find(name => given.length > 1 && name.startsWith(given));
  if (begun) return begun;
  const near = known.map(name => [distance(given.slice(0, 40), name), name]).sort((a, b) => a[0] - b[0])[0];
  return near && near[0] <= Math.max(1, Math.floor(given.length / 3)) ? near[1] : null;
};

const quotedWord = word => `“${word.length > 60 ? `${word.slice(0, 59)}…` : word}”`;

const keyed = (word, key, value, negated) => {
  const name = ALIASES[key] ?? key;
  const rule = Object.hasOwn(KEYS, name) ? KEYS[name] : null;
  if (!rule) {
    const known = Object.keys(KEYS);
    const near = meant(key, known);
    return { problem: `${quotedWord(word)}: there is no ${key}:. ${near ? `Did you mean ${near}:?` : `Known are ${known.map(k => `${k}:`).join(" ")}, and "text" in quotes.`}` };
  }
  const values = cut(value, character => character === ",").map(unquoted).filter(part => part !== "");
  if (name === "sort" && values.length === 1 && Object.hasOwn(ORDERS, values[0])) return { sort: values[0] };
  const tests = values.map(rule.test);
  if (!tests.length || tests.includes(null)) {
    const near = rule.known && values.length ? meant(values[tests.indexOf(null)], rule.known) : null;
    return { problem: `${quotedWord(word)}: ${key}: takes ${rule.expects}.${near ? ` Did you mean ${key}:${near}?` : ""}` };
  }
  return { term: { key: name, negated, part: rule.part, ofStep: rule.ofStep, test: x => tests.some(test => test(x)) } };
};

const timed = (word, sign, amount, unit, negated) => {
  const factor = UNITS[unit.toLowerCase()];
  if (!factor) return { problem: `${quotedWord(word)}: a time needs a unit. Type ${sign}${amount}ms or ${sign}${amount}s.` };
  const limit = Number(amount) * factor;
  return { term: { key: "time", negated, ofStep: true, part: (instance, step) => [took(step ?? instance)],
                   test: us => COMPARE[sign](us, limit) } };
};

const parsedWord = given => {
  const negated = given.length > 1 && given.startsWith("-");
  const word = negated ? given.slice(1) : given;
  const [, sign, amount, unit] = /^(>=|<=|>|<)(\d{1,12}(?:\.\d{1,6})?|\.\d{1,6})([a-zµ]*)$/i.exec(word) ?? [];
  if (sign) return timed(word, sign, amount, unit, negated);
  if (/^[<>]/.test(word)) return { problem: `${quotedWord(word)} is no time. Type >500ms or <2s; in quotes it is text.` };
  const [, key, value] = /^([a-z_]+):(?!\/\/)(.*)$/is.exec(word) ?? [];
  if (key) return keyed(word, key.toLowerCase(), value, negated);
  const text = unquoted(word).toLowerCase();
  return text ? { term: { key: "text", negated, text } } : {};
};

// {terms, sort, problems}: the terms that can be applied, the order, and a sentence for each word that can't.
export const parseFilter = filter => {
  const found = { terms: [], sort: "", problems: [] };
  for (const word of words(filter)) {
    const { term, sort, problem } = parsedWord(word);
    if (term) found.terms.push(term);
    if (sort) found.sort = sort;
    if (problem) found.problems.push(problem);
  }
  return found;
};

const holds = (term, instance, step) => term.negated !== term.part(instance, step).some(value => value !== undefined && term.test(value));

// Whether an instance is what the terms say. `textOf(instance)` is all its text in lower case.
export const matches = (terms, instance, textOf) => {
  const steps = terms.filter(term => term.key === "step");
  const named = steps.filter(term => !term.negated);
  const about = terms.filter(term => term.key !== "step" && term.key !== "text");
  const texts = terms.filter(term => term.key === "text");
  const all = [...list(instance.steps), ...list(instance.assertions)];
  if (steps.some(term => term.negated && all.some(step => term.test(step.name)))) return false;
  if (!about.every(term => (named.length && term.ofStep) || holds(term, instance, null))) return false;
  const ofStep = named.length ? about.filter(term => term.ofStep) : [];
  const isMeant = step => ofStep.every(term => holds(term, instance, step));
  if (!named.every(term => all.some(step => term.test(step.name) && isMeant(step)))) return false;
  return texts.every(term => term.negated !== textOf(instance).includes(term.text));
};

// A word of a filter whose value is any text.
export const termOf = (key, value) => `${key}:${/^[\w.-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`}`;

// A filter with its order changed, as text.
export const withSort = (filter, order) => {
  const kept = words(filter).filter(word => !/^sort:/i.test(word));
  return [...kept, ...(order ? [`sort:${order}`] : [])].join(" ");
};
