import { folderOf } from "./url.ts";

/** Where one is among the lessons: no name is the list of all; steps count from 1. */
export interface Place {
  name: string | null;
  step: number;
}

const LESSON = "lesson";
const STEP = "step";
const EXPERIMENT = "experiment";

/** The lesson and step a query names. */
export function placeIn(search: string): Place {
  const query = new URLSearchParams(search);
  const step = Number(query.get(STEP) ?? "1");
  return {
    name: query.get(LESSON) || null,
    step: Number.isInteger(step) && step >= 1 ? step : 1,
  };
}

/** The address of a place, with the experiment beside it where one is open. */
export function placeAddress(place: Place, experiment: string | null, pathname: string): string {
  const folder = `${folderOf(pathname)}lessons`;
  if (place.name === null) return folder;
  const query = [
    `${LESSON}=${encodeURIComponent(place.name)}`,
    ...(place.step > 1 ? [`${STEP}=${place.step}`] : []),
    ...(experiment ? [`${EXPERIMENT}=${encodeURIComponent(experiment)}`] : []),
  ];
  return `${folder}?${query.join("&")}`;
}
