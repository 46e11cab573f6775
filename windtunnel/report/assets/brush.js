// The range of time by keyboard: two sliders and a button, and a bar that says what is chosen while it is.
import { offset } from "./format.js";
import { el } from "./dom.js";
import { page } from "./state.js";

export const rangeTold = (range, { edges }) => `${offset(edges[range.from])} to ${offset(edges[range.to])}`;

const slider = (name, times, limits, moved) => {
  const input = el("input", { type: "range", "aria-label": name, step: 1, ...limits });
  input.addEventListener("input", () => moved(Number(input.value)));
  const shown = el("output", { class: "small" });
  const set = bucket => {
    input.value = bucket;
    shown.textContent = offset(times.edges[bucket]);
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  return { set, box: el("label", { class: "moment" }, el("span", { class: "small" }, name), input, shown) };
};

export const drawBrush = (box, bar, times, note) => {
  const last = times.edges.length - 1;
  const of = () => page.state ?? { from: 0, to: last };
  const choose = (from, to) => page.select(from <= 0 && to >= last ? null : { from, to });
  const begin = slider("From", times, { min: 0, max: last - 1 }, from => choose(from, Math.max(of().to, from + 1)));
  const end = slider("To", times, { min: 1, max: last }, to => choose(Math.min(of().from, to - 1), to));
  const whole = () => el("button", { type: "button", class: "button", onclick: () => page.select(null) }, "Whole run");
  const said = el("span", { role: "status" });
  const inline = whole();
  box.append(begin.box, end.box, inline);
  bar.append(said, el("span", { class: "small" }, note), whole());
  const show = () => {
    const range = page.state;
    begin.set(of().from);
    end.set(of().to);
    inline.disabled = !range;
    bar.hidden = !range;
    said.textContent = range ? `Showing ${rangeTold(range, times)}` : "";
  };
  page.onChange(show);
  show();
};
