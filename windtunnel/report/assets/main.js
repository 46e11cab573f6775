// Starts the page. Everything static is there before; what is drawn here adds to it, and its absence breaks nothing.
import { data } from "./data.js";
import { page } from "./state.js";

const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));

const start = async () => {
  const doc = await data.doc();
  await painted();
  document.documentElement.dataset.ready = doc && page ? "yes" : "no";
};

start();
