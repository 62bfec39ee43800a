export type Page = "explore" | "train" | "sweeps" | "lessons" | "experiments" | "compare";

/** What Explore shows: the paths of the runs, or where thousands of starts end. */
export type View = "paths" | "basins";

const PARAMETER = "experiment";
const VIEW = "view";

const PAGES: readonly Page[] = ["train", "sweeps", "lessons", "experiments", "compare"];

/** Whether a page shows one experiment, which its address names. */
export const showsOne = (page: Page): boolean =>
  page !== "experiments" && page !== "compare" && page !== "sweeps";

/** The page a path names; the root is Explore. */
export function pageOf(pathname: string): Page {
  const last = pathname.replace(/\/+$/, "").split("/").pop();
  return PAGES.find((page) => page === last) ?? "explore";
}

/** The experiment a query names, or null. */
export function experimentOf(search: string): string | null {
  return new URLSearchParams(search).get(PARAMETER) || null;
}

/** The view a query names; null for a bare address, which names nothing. */
export function viewOf(search: string): View | null {
  const query = new URLSearchParams(search);
  if (query.get(VIEW) === "basins") return "basins";
  return query.has(PARAMETER) || query.has(VIEW) ? "paths" : null;
}

/** The address of an experiment on a page, relative to the pages' common folder. */
export function addressOf(
  page: Page,
  id: string | null,
  pathname: string,
  view: View = "paths",
): string {
  const query = [
    ...(id ? [`${PARAMETER}=${encodeURIComponent(id)}`] : []),
    ...(page === "explore" && view === "basins" ? [`${VIEW}=${view}`] : []),
  ].join("&");
  return `${folderOf(pathname)}${page === "explore" ? "" : page}${query && `?${query}`}`;
}

/** The address that adds all runs of an experiment to the comparison. */
export function compareWith(id: string, pathname: string): string {
  return `${folderOf(pathname)}compare?add=${encodeURIComponent(id)}`;
}

/** The folder that holds all pages, with a slash at its end. */
export function folderOf(pathname: string): string {
  const bare = pathname.replace(/\/+$/, "");
  const folder = pageOf(pathname) === "explore" ? bare : bare.slice(0, bare.lastIndexOf("/"));
  return `${folder}/`;
}

/**
 * Writes an address without a reload and tells Streamlit, which would otherwise put the old one
 * back at its next rerun.
 */
export function writeAddress(address: string, how: "push" | "replace"): void {
  if (how === "push") history.pushState(history.state, "", address);
  else history.replaceState(history.state, "", address);
  dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
}
