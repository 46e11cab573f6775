// [contrast, what it is] of whatever stands out least from the first opaque ground behind it:
// worst("text") looks at every text that is seen, worst("drawing") at every filled part of a drawing.
// The formula is that of WCAG 2.2, "contrast ratio".
const parse = colour => colour.match(/[\d.]+/g).map(Number);

const luminance = colour => {
  const [r, g, b] = parse(colour).slice(0, 3)
    .map(value => value / 255)
    .map(value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const contrast = (one, other) => {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
};

const ground = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if ((parse(colour)[3] ?? 1) > 0.99) return colour;
  }
  return "rgb(255, 255, 255)";
};

const texts = function* () {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    if (node.data.trim() && !node.parentElement.closest("title, desc")) yield [node.parentElement, node.data.trim()];
  }
};

const drawings = function* () {
  for (const part of document.querySelectorAll("rect[class^=fill-], rect[class^=k-], .part")) {
    yield [part, part.getAttribute("class")];
  }
};

const worst = kind => {
  let found = [Infinity, "nothing"];
  for (const [element, name] of kind === "text" ? texts() : drawings()) {
    if (!element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const value = contrast(element.closest("svg") ? style.fill : style.color, ground(element));
    if (value < found[0]) found = [value, name];
  }
  return found;
};
