// The order of the steps: as in the plan, or by a column. What is inside of a step stays below it, and scenarios
// stay apart.
import { el } from "./dom.js";

const NEXT = { none: "descending", descending: "ascending", ascending: "none" };
const SIGNS = { none: "", descending: " ↓", ascending: " ↑" };

// Blocks with what is inside of each as its `inner` blocks.
const treeOf = blocks => {
  const top = { depth: -1, inner: [] };
  const around = [top];
  for (const block of blocks) {
    block.inner = [];
    while (around[around.length - 1].depth >= block.depth) around.pop();
    around[around.length - 1].inner.push(block);
    around.push(block);
  }
  return top.inner;
};

const flat = (blocks, compare) => [...blocks].sort(compare).flatMap(block => [...block.rows, ...flat(block.inner, compare)]);

// Those without a value come last in either order.
const comparing = (figure, order) => (a, b) => {
  if (order === "none") return a.place - b.place;
  const [one, other] = [a.value(figure), b.value(figure)];
  if (one === null || other === null) return (one === null) - (other === null) || a.place - b.place;
  return (order === "ascending" ? one - other : other - one) || a.place - b.place;
};

// A block is {place, depth, rows, value}: `rows` are the rows that move together, `value` gives the figure of a
// column, null where there is none. `bodies` are the lists of blocks by the part of the table that they stand in.
export const offerSorting = (table, bodies) => {
  const trees = [...bodies].map(([body, blocks]) => [body, treeOf(blocks)]);
  const chosen = { figure: "", order: "none" };
  const heads = [];
  const arrange = () => {
    trees.forEach(([body, tree]) => body.append(...flat(tree, comparing(chosen.figure, chosen.order))));
    heads.forEach(({ head, figure, label, button }) => {
      const order = figure === chosen.figure ? chosen.order : "none";
      head.setAttribute("aria-sort", order);
      button.textContent = label + SIGNS[order];
    });
  };
  for (const head of table.querySelectorAll("thead th[data-sort]")) {
    const figure = head.dataset.sort;
    const label = head.textContent;
    const button = el("button", { type: "button", class: "sorter" }, label);
    button.addEventListener("click", () => {
      chosen.order = chosen.figure === figure ? NEXT[chosen.order] : "descending";
      chosen.figure = figure;
      arrange();
    });
    head.replaceChildren(button);
    heads.push({ head, figure, label, button });
  }
  table.classList.add("sortable");
  // Again when the figures change.
  return () => chosen.order !== "none" && arrange();
};
