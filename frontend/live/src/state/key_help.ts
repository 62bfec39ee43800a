/** What the keys do on the page that is shown. */

import { CHART_KEYS } from "../charts/keys.ts";
import { TURNING_KEYS } from "../charts/turning.ts";
import type { App } from "./app.ts";
import { EARLY, HISTORY, TIMED } from "./key_table.ts";

export interface KeyHelp {
  key: string;
  words: string;
}

export interface KeySection {
  title: string;
  keys: KeyHelp[];
}

/** Of `state/sweeps/cells.ts`, `moved`. */
const HEAT_KEYS: KeyHelp[] = [
  { key: "←→↑↓", words: "walk over the cells" },
  { key: "Home End", words: "the first or last cell of the row" },
  { key: "Enter", words: "show the cell’s curves" },
];

export function keyHelp(app: App): KeySection[] {
  const told = [...EARLY, ...TIMED]
    .filter((one) => one.label !== "" && one.here(app))
    .map((one) => ({ key: one.label, words: one.words(app) }));
  // The first that takes a key is the one it belongs to.
  const own = told.filter(({ key }, i) => told.findIndex((other) => other.key === key) === i);
  if (!own.some(({ key }) => key === "Esc")) own.push({ key: "Esc", words: "close this" });
  const page = app.page.value;
  const charts =
    page !== "experiments" &&
    !(page === "sweeps" && !app.sweeps.sweep.value) &&
    !(page === "lessons" && app.session.value === null);
  const bar = TIMED.some((one) => one.here(app)) && !app.lecture.value;
  return [
    { title: "This page", keys: [...own, { key: "?", words: "these keys" }] },
    ...(bar
      ? [
          {
            title: "History bar, with the focus on it",
            keys: HISTORY.map(({ label, words }) => ({ key: label, words })),
          },
        ]
      : []),
    ...(page === "sweeps" && app.sweeps.sweep.value
      ? [{ title: "Map of a sweep, with the focus on it", keys: HEAT_KEYS }]
      : []),
    ...(page === "explore" && app.view.value === "paths" && app.session.value !== null
      ? [
          {
            title: "Surface in 3-D, with the focus on it",
            keys: TURNING_KEYS.map(({ label, words }) => ({ key: label, words })),
          },
        ]
      : []),
    ...(charts && !app.lecture.value
      ? [
          {
            title: "Line chart, with the focus on it",
            keys: CHART_KEYS.map(({ label, words }) => ({ key: label, words })),
          },
        ]
      : []),
  ];
}
