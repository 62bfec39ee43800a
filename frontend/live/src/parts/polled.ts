import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../state/api.ts";

const REFRESH_MS = 1000;

/** What `load` gives, asked for again every second while the page is seen; the last stays on errors. */
export function usePolled<T>(load: () => Promise<T>): { seen: T | null; error: string } {
  const [seen, setSeen] = useState<T | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let current = true;
    const again = async () => {
      try {
        if (!document.hidden) {
          const found = await load();
          if (!current) return;
          setSeen(found);
          setError("");
        }
      } catch (failure) {
        if (current) setError(messageOf(failure));
      }
      if (current) timer = setTimeout(() => void again(), REFRESH_MS);
    };
    void again();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, []);
  return { seen, error };
}
