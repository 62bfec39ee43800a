/** Fields of CSV (RFC 4180). */

/** In quotes where it must be. */
export const csvQuoted = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** The same; a text that a spreadsheet would run as a formula begins with a quote. */
export const csvField = (text: string): string =>
  csvQuoted(/^[=+@\t]|^-(?!\d|Infinity)/.test(text) ? `'${text}` : text);
