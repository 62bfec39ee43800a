/** Lecture mode: big type and no controls, for a room; its state is in the address. */

const PARAMETER = "lecture";

export function lectureIn(search: string): boolean {
  return new URLSearchParams(search).get(PARAMETER) === "1";
}

/** The address with lecture mode on or off; all else as it is. */
export function withLecture(address: string, on: boolean): string {
  const [path = "", query = ""] = address.split("?");
  const parts = query.split("&").filter((part) => part !== "" && part !== `${PARAMETER}=1`);
  if (on) parts.push(`${PARAMETER}=1`);
  return parts.length > 0 ? `${path}?${parts.join("&")}` : path;
}

/** The page around the workbench hides its header by this class. */
const AROUND = "lrd-lecture";

export function dress(host: HTMLElement, on: boolean, controls: boolean): void {
  host.classList.toggle("lecture", on);
  host.classList.toggle("called", on && controls);
  document.documentElement.classList.toggle(AROUND, on && !controls);
}
