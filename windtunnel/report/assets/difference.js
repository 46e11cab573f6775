// A failing instance beside a passing one: what is said of their first difference, and lines that are not alike.
import { el, icon } from "./dom.js";

const MOST_CELLS = 1_000_000;

// [of mine, of theirs]: positions of the lines that are not in one longest common subsequence of both.
export const unlikeLines = (mine, theirs) => {
  const [a, b] = [mine.split("\n"), theirs.split("\n")];
  let first = 0;
  while (first < a.length && first < b.length && a[first] === b[first]) first++;
  let last = 0;
  while (last < a.length - first && last < b.length - first && a[a.length - 1 - last] === b[b.length - 1 - last]) last++;
  const [m, n] = [a.length - first - last, b.length - first - last];
  const span = length => Array.from({ length }, (_, i) => first + i);
  if (m * n > MOST_CELLS) return [new Set(span(m)), new Set(span(n))];
  // lengths[i][j]: of the longest common subsequence of what is left from i in mine and from j in theirs.
  const lengths = Array.from({ length: m + 1 }, () => new Uint16Array(n + 1));
  for (let i = m - 1; i >= 0; i--) {
    for (let j = n - 1; j >= 0; j--) {
      lengths[i][j] = a[first + i] === b[first + j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const found = [new Set(), new Set()];
  for (let i = 0, j = 0; i < m || j < n;) {
    if (i < m && j < n && a[first + i] === b[first + j]) [i, j] = [i + 1, j + 1];
    else if (i === m || (j < n && lengths[i][j + 1] >= lengths[i + 1][j])) found[1].add(first + j++);
    else found[0].add(first + i++);
  }
  return found;
};

// The differences that are told of two instances, the first one first.
export const allDifferences = beside => [beside.first, ...(beside.before ?? [])].filter(Boolean);

// Where the two part, in a sentence, with a way to go there, and what differed before.
export const parting = (beside, passing, { shown, toggle, go }) => {
  const link = el("a", { href: `#instance=${encodeURIComponent(beside.id)}` }, beside.id);
  const box = el("input", { type: "checkbox", checked: shown, onchange: event => toggle(event.target.checked) });
  const said = beside.first
    ? el("p", { class: "part-says" }, icon("alert"), el("span", {}, el("strong", {}, "First difference"), ` from ${beside.id}: `,
      el("q", {}, beside.first.says)), el("button", { type: "button", class: "plain-button", onclick: () => go(beside.first) }, "Show it"))
    : el("p", { class: "part-says" }, `No difference from ${beside.id} was recorded, but for times and what always differs.`);
  return el("div", { class: "part-box" },
    el("p", { class: "part-head" }, el("span", {}, "Beside ", link, ", which passed"),
      passing && el("label", {}, box, " show both")),
    said,
    beside.before?.length > 0 && el("div", { class: "part-before" }, el("p", {}, "Values that differed before that:"),
      el("ul", {}, beside.before.map(each => el("li", {}, el("code", {}, each.says)))),
      beside.more > 0 && el("p", { class: "small" }, `and ${beside.more} more`)));
};
