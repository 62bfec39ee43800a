/** Numbers as words: 3 significant digits, a real minus, `e−4`, thin groups. */

const MINUS = "\u2212";
/** Narrow and unbreakable: between groups of digits and before %. */
const THIN = "\u202f";
const NOTHING = "–";

const realMinus = (text: string): string => text.replace(/-/g, MINUS);

function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, THIN);
}

function special(v: number): string | null {
  if (Number.isNaN(v)) return NOTHING;
  if (v === Infinity) return "∞";
  if (v === -Infinity) return `${MINUS}∞`;
  return null;
}

/** Three significant digits: `0.0342`, `8.68`, `5.98e−6`, `12 300`; `–` for NaN. */
export function formatValue(v: number): string {
  const odd = special(v);
  if (odd !== null) return odd;
  if (v === 0) return "0";
  const [mantissa, exponent] = Math.abs(v).toExponential(2).split("e") as [string, string];
  const power = Number(exponent);
  const sign = v < 0 ? MINUS : "";
  if (power < -3 || power > 4) return `${sign}${mantissa}e${realMinus(String(power))}`;
  const rounded = Number(`${mantissa}e${power}`);
  return sign + (power > 2 ? group(String(rounded)) : rounded.toFixed(2 - power));
}

/** A share as percent: `97.2 %`, `100 %`, `0 %`. */
export function formatPercent(share: number): string {
  const odd = special(share);
  if (odd !== null) return odd;
  const percent = (share * 100).toFixed(1);
  const whole = percent === "100.0" || percent === "0.0" || percent === "-0.0";
  return `${whole ? Math.abs(Number(percent)).toFixed(0) : realMinus(percent)}${THIN}%`;
}

/** A whole number with thin groups: `640`, `12 800`. */
export function formatStep(step: number): string {
  const odd = special(step);
  if (odd !== null) return odd;
  const whole = Math.round(step);
  return (whole < 0 ? MINUS : "") + group(String(Math.abs(whole)));
}

/** A difference, sign always shown: `+0.08`, `−0.06`. */
export function formatSigned(v: number, digits: number): string {
  const text = Math.abs(v).toFixed(digits);
  const sign = Number(text) === 0 ? "±" : v < 0 ? MINUS : "+";
  return sign + text;
}

/** As short as a number can be on an axis: `100`, `0.01`, `1e−4`, `1.5`. */
export function formatTick(v: number): string {
  const odd = special(v);
  if (odd !== null) return odd;
  if (v === 0) return "0";
  const short = Number(v.toPrecision(6));
  const size = Math.abs(short);
  if (size < 1e-3 || size >= 1e5) return realMinus(short.toExponential().replace("e+", "e"));
  return realMinus(size >= 1000 ? group(String(short)) : String(short));
}

/** Labels of axis ticks in a chart's own format, as short as they can be while all stay different. */
export function formatTicks(values: readonly number[], format: (v: number) => string): string[] {
  const short = values.map((v) =>
    format(v)
      .replace(/(\.\d*?)0+(?=\D|$)/, "$1")
      .replace(/\.(?=\D|$)/, ""),
  );
  return new Set(short).size === values.length ? short : values.map(formatTick);
}

/** A setting's value: `0.003`, `1e−8`, `on`, or a choice's own word. */
export function formatSetting(value: boolean | number | string): string {
  if (typeof value === "number") return formatTick(value);
  return typeof value === "boolean" ? (value ? "on" : "off") : value;
}

interface Range {
  kind: string;
  low: number | null;
  high: number | null;
  low_open: boolean;
  high_open: boolean;
}

/** What a number may be: `[0, 1)`, `> 0`, `≥ 1`; empty for a switch, a choice, or any number. */
export function formatRange({ kind, low, high, low_open, high_open }: Range): string {
  if (kind !== "float" && kind !== "int") return "";
  if (low !== null && high !== null) {
    const [left, right] = [low_open ? "(" : "[", high_open ? ")" : "]"];
    return `${left}${formatTick(low)}, ${formatTick(high)}${right}`;
  }
  if (low !== null) return `${low_open ? ">" : "≥"} ${formatTick(low)}`;
  return high === null ? "" : `${high_open ? "<" : "≤"} ${formatTick(high)}`;
}

/** A moment, ISO 8601, as a person's clock and calendar have it: "29 Nov, 20:11". */
export function formatMoment(at: string): string {
  const options: Intl.DateTimeFormatOptions = {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  };
  return new Date(at).toLocaleString("en-GB", options);
}
