// Elements, made without any HTML: text is only ever inserted as text.

const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter(child => child !== null && child !== undefined && child !== false));
  return element;
};

// `el("p", { class: "small", onclick: listener }, "text", element)`
export const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// One of the signs that the page defines, such as "pass".
export const icon = (name, look = "icon") =>
  svg("svg", { class: look, "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

// A colour of the style sheet, as it is now.
export const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A length of a drawing in pixels, where the text of the page has its usual size: it grows with it.
export const scaled = pixels => (pixels * parseFloat(getComputedStyle(document.documentElement).fontSize)) / 16;
