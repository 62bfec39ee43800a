import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/**
 * A row that may be wider than its place: `data-cut` says at which ends something is hidden, so that
 * it fades out there; a wheel without a sideways turn moves it.
 */
export function useScrollRow(row: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const { current: box } = row;
    if (!box) return;
    const look = () => {
      const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
      const ends = [box.scrollLeft > 1 ? "left" : "", rest > 1 ? "right" : ""];
      const cut = ends.filter(Boolean).join(" ");
      if (box.dataset.cut !== cut) box.dataset.cut = cut;
    };
    const wheel = (event: WheelEvent) => {
      if (event.deltaX !== 0 || box.scrollWidth <= box.clientWidth) return;
      box.scrollLeft += event.deltaY;
      event.preventDefault();
    };
    // What is inside grows and shrinks with its words.
    const sizes = new ResizeObserver(look);
    const watch = () => {
      sizes.disconnect();
      for (const one of [box, ...box.children]) sizes.observe(one);
    };
    const children = new MutationObserver(watch);
    children.observe(box, { childList: true });
    watch();
    box.addEventListener("scroll", look, { passive: true });
    box.addEventListener("wheel", wheel, { passive: false });
    return () => {
      sizes.disconnect();
      children.disconnect();
      box.removeEventListener("scroll", look);
      box.removeEventListener("wheel", wheel);
    };
  }, []);
}
