// Buttons that copy a text.
import { el } from "./dom.js";

// Where the browser refuses its clipboard, as some do for a file from disk, the old way is left.
const copied = async text => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const holder = el("textarea", { readonly: true, class: "copy-holder", "aria-hidden": "true" });
    holder.value = text;
    const before = document.activeElement;
    document.body.append(holder);
    holder.select();
    const done = document.execCommand("copy");
    holder.remove();
    before?.focus({ preventScroll: true });
    return done;
  }
};

// `text` is the text, or a function that makes it. What happened is told where the button is, also to a screen reader.
export const copyButton = (label, text, what = label) => {
  const told = el("span", { role: "status", class: "copy-told" });
  const button = el("button", { type: "button", class: "copy-button", "aria-label": what, onclick: async () => {
    const done = await copied(typeof text === "function" ? text() : text);
    told.textContent = done ? "Copied" : "Select the text and copy it by hand";
    setTimeout(() => { told.textContent = ""; }, 2000);
  } }, label);
  return el("span", { class: "copy-control" }, button, told);
};
