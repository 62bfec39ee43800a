import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/**
 * Whether an element can be seen: it is inside the window, and the tab is not hidden. `which`
 * changes where the element may be another one.
 */
export function useVisible(place: RefObject<HTMLElement | null>, which: unknown = null): boolean {
  const [inside, setInside] = useState(false);
  const [shown, setShown] = useState(document.visibilityState === "visible");
  useEffect(() => {
    if (!place.current) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry) setInside(entry.isIntersecting);
    });
    observer.observe(place.current);
    const turned = () => setShown(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", turned);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", turned);
    };
  }, [which]);
  return inside && shown;
}
