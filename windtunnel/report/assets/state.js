// What the reader chose, kept in the fragment of the URL: `#range=3-10&filter=s:failed&instance=checkout-7`.
// A fragment without "=" is an anchor of the page, such as `#steps`, and is left to the browser.

const NOTHING = { range: null, filter: "", instance: "" };

const parse = fragment => {
  if (!fragment.includes("=")) return null;
  const given = new URLSearchParams(fragment);
  const [, from, to] = /^(\d{1,6})-(\d{1,6})$/.exec(given.get("range") ?? "") ?? [];
  const range = from !== undefined && Number(from) < Number(to) ? { from: Number(from), to: Number(to) } : null;
  return { range, filter: given.get("filter") ?? "", instance: given.get("instance") ?? "" };
};

const written = ({ range, filter, instance }) => {
  const parts = [];
  if (range) parts.push(`range=${range.from}-${range.to}`);
  if (filter) parts.push(`filter=${encodeURIComponent(filter)}`);
  if (instance) parts.push(`instance=${encodeURIComponent(instance)}`);
  return parts.join("&");
};

const listeners = [];
let chosen = parse(location.hash.slice(1)) ?? NOTHING;
let buckets = 0;

// A range that comes from the URL of another run may lie outside of this one.
const inside = range => (!range || range.from >= buckets ? null : { from: range.from, to: Math.min(range.to, buckets) });

// `lasting`: the reader can go back to what was before.
const choose = (change, lasting = false) => {
  const next = { ...chosen, ...change };
  const fragment = written(next);
  if (fragment === written(chosen)) return;
  chosen = next;
  // Without an own fragment the URL keeps the path and the query alone.
  const url = fragment ? `#${fragment}` : location.pathname + location.search;
  try {
    history[lasting ? "pushState" : "replaceState"](null, "", url);
  } catch {
    // Safari refuses more than a hundred in half a minute: what was chosen holds all the same.
  }
  listeners.forEach(listener => listener(page));
};

addEventListener("hashchange", () => {
  const found = parse(location.hash.slice(1));
  if (!found || written(found) === written(chosen)) return;
  chosen = found;
  listeners.forEach(listener => listener(page));
});
addEventListener("popstate", () => {
  const found = parse(location.hash.slice(1)) ?? (location.hash ? chosen : NOTHING);
  if (written(found) === written(chosen)) return;
  chosen = found;
  listeners.forEach(listener => listener(page));
});

export const page = {
  // The chosen range of time as {from, to}, in buckets, `to` exclusive; null for the whole run.
  get state() {
    return inside(chosen.range);
  },
  // Says how many buckets there are. Without any no range is chosen.
  limit(count) {
    buckets = count;
  },
  get filter() {
    return chosen.filter;
  },
  get instance() {
    return chosen.instance;
  },
  // Calls back with the page after each change.
  onChange(listener) {
    listeners.push(listener);
  },
  select(range) {
    choose({ range });
  },
  search(filter) {
    choose({ filter });
  },
  show(instance) {
    choose({ instance }, true);
  },
};
