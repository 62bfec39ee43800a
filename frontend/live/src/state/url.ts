export type Page = "explore" | "train" | "experiments";

const PARAMETER = "experiment";

/** The page a path names; the root is Explore. */
export function pageOf(pathname: string): Page {
  const last = pathname.replace(/\/+$/, "").split("/").pop();
  return last === "train" || last === "experiments" ? last : "explore";
}

/** The experiment a query names, or null. */
export function experimentOf(search: string): string | null {
  return new URLSearchParams(search).get(PARAMETER) || null;
}

/** The address of an experiment on a page, relative to the pages' common folder. */
export function addressOf(page: Page, id: string | null, pathname: string): string {
  const query = id ? `?${PARAMETER}=${encodeURIComponent(id)}` : "";
  return `${folderOf(pathname)}${page === "explore" ? "" : page}${query}`;
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
