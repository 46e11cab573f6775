// The data of the page: three parts, each decoded once and not before it is asked for.

const inflate = async id => {
  const holder = document.getElementById(id);
  if (!holder) return null;
  const letters = atob(holder.textContent.trim());
  const packed = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
};

const once = id => {
  let found = null;
  return () => (found ??= inflate(id));
};

// Each is a function that returns a promise: of the part, or of null where the page has none.
export const data = { doc: once("data-doc"), cube: once("data-cube"), samples: once("data-samples") };
