// Numbers for people: says exactly what `windtunnel/figures.py` says, and a test holds the two together.

// [digits, exponent] of a value with so many significant digits: 1234.5 with 3 is ["123", 3].
// Rounded as Python rounds: from the exact value, and a tie goes to the even digit.
const significant = (value, digits) => {
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  // A tie is written with one digit more, which is a 5. Exact digits cost ten times as much.
  const shortest = value.toExponential();
  const end = shortest.indexOf("e");
  if (digits > 14 || (end === digits + 2 && shortest[end - 1] === "5")) {
    const [exact, exactPower] = value.toExponential(99).split("e");
    const all = exact.replace(".", "");
    const isTie = all[digits] === "5" && /^0*$/.test(all.slice(digits + 1));
    if (isTie && Number(all[digits - 1]) % 2 === 0) return [all.slice(0, digits), Number(exactPower)];
  }
  return [mantissa.replace(".", ""), Number(power)];
};

const grouped = whole => whole.replace(/\B(?=(\d{3})+$)/g, ",");

// {text, value} of a number with so many significant digits, or all those before the point where there are more.
const rounded = (value, digits) => {
  if (value === 0) return { text: "0", value: 0 };
  const size = Math.abs(value);
  const whole = size < 1 ? 0 : size < 1e15 ? String(Math.trunc(size)).length : BigInt(Math.trunc(size)).toString().length;
  const [found, exponent] = significant(size, Math.max(digits, whole));
  const padded = exponent < 0 ? "0".repeat(-exponent) + found : found.padEnd(exponent + 1, "0");
  const point = Math.max(exponent, 0) + 1;
  const fraction = padded.slice(point).replace(/0+$/, "");
  const plain = padded.slice(0, point) + (fraction && `.${fraction}`);
  const sign = value < 0 ? "-" : "";
  return { text: sign + grouped(padded.slice(0, point)) + (fraction && `.${fraction}`), value: Number(sign + plain) };
};

const oddity = value => (Number.isNaN(value) ? "no number" : value === Infinity ? "∞" : value === -Infinity ? "-∞" : "");

// Halves go to the even number.
const roundedEvenly = value => {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
};

const TIMES = [["µs", 0.001, 1000], ["ms", 1, 1000], ["s", 1000, 60]];
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

// `14,203`, `0.25`, `12.5`.
export const number = (value, digits = 3) => oddity(value) || rounded(value, digits).text;

// `1 instance`, `2,000 instances`.
export const plural = (count, noun, nouns = `${noun}s`) => `${grouped(String(count))} ${count === 1 ? noun : nouns}`;

// Of milliseconds: `40 µs`, `812 ms`, `1.24 s`, `2 min 5 s`, `1 h 3 min`.
export const duration = ms => {
  if (ms <= 0) return "0 ms";
  if (oddity(ms)) return oddity(ms);
  for (const [unit, factor, end] of TIMES) {
    const shown = rounded(ms / factor, 3);
    if (shown.value < end) return `${shown.text} ${unit}`;
  }
  let seconds = BigInt(roundedEvenly(ms / 1000));
  if (seconds >= 3600n) seconds = BigInt(roundedEvenly(ms / 60000)) * 60n;
  const parts = [[seconds / 3600n, "h"], [(seconds % 3600n) / 60n, "min"], [seconds % 60n, "s"]];
  return parts.filter(([value]) => value).map(([value, unit]) => `${grouped(String(value))} ${unit}`).join(" ");
};

// Of microseconds.
export const micros = us => duration(us / 1000);

// Of seconds, such as an offset from the start: `0 s`, `42 ms`, `41.3 s`.
export const offset = seconds => (seconds >= 0.001 ? duration(seconds * 1000) : "0 s");

// A fraction of 1 as a percentage; only 1 reads `100%`, only 0 reads `0%`.
export const share = fraction => {
  if (fraction <= 0) return "0%";
  if (oddity(fraction)) return oddity(fraction);
  let digits = 3;
  let percent = rounded(fraction * 100, digits);
  while (fraction < 1 && percent.value >= 100 && digits < 17) percent = rounded(fraction * 100, ++digits);
  return `${percent.text}%`;
};

// `344/s`.
export const perSecond = rate => `${number(rate)}/s`;

// Of bytes: `612 B`, `1.4 KiB`.
export const size = count => {
  if (oddity(count)) return oddity(count);
  let value = count;
  for (const unit of SIZES) {
    const shown = rounded(value, 3);
    if (shown.value < 1024 || unit === SIZES[SIZES.length - 1]) return `${shown.text} ${unit}`;
    value /= 1024;
  }
  return "";
};
