/** Which sweep, cell and measure an address names. */

import { folderOf } from "../url.ts";

export interface SweepPlace {
  sweep: string | null;
  cell: string | null;
  by: string | null;
}

export function sweepPlaceOf(search: string): SweepPlace {
  const query = new URLSearchParams(search);
  const one = (name: string) => query.get(name) || null;
  return { sweep: one("sweep"), cell: one("cell"), by: one("by") };
}

/** The address of a place, relative to the pages' common folder. */
export function sweepAddress(place: Partial<SweepPlace>, pathname: string): string {
  const parts = (["sweep", "cell", "by"] as const)
    .filter((name) => place[name])
    .map((name) => `${name}=${encodeURIComponent(place[name] as string)}`);
  return `${folderOf(pathname)}sweeps${parts.length ? `?${parts.join("&")}` : ""}`;
}
