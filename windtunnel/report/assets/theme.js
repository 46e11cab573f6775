// Light or dark by choice, and printing.
import { el } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };

// The rule of the style sheet that makes the page dark, and what it depends on as written.
const darkRule = () => [...document.styleSheets[0].cssRules].find(rule => /prefers-color-scheme: dark/.test(rule.media?.mediaText ?? ""));

export const offerThemes = changed => {
  const rule = darkRule();
  const asWritten = rule.media.mediaText;
  const button = el("button", { type: "button", class: "button" });
  const show = theme => {
    rule.media.mediaText = { auto: asWritten, light: "not all", dark: "screen" }[theme];
    document.documentElement.style.colorScheme = theme === "auto" ? "" : theme;
    button.textContent = `Theme: ${theme}`;
    button.dataset.theme = theme;
    changed();
  };
  button.addEventListener("click", () => show(NEXT[button.dataset.theme]));
  show("auto");
  const print = el("button", { type: "button", class: "button", onclick: () => window.print() }, "Print");
  document.querySelector(".brand").append(el("span", { class: "tools" }, button, print));
};
