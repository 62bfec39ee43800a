import { useEffect, useRef, useState } from "preact/hooks";
import type { Run } from "../protocol.ts";
import type { Session } from "../state/session.ts";
import { BasinTrouble } from "./basins.tsx";
import { BasinCurve } from "./basins_curve.tsx";
import { BasinLegend } from "./basins_legend.tsx";
import { BasinPicture, usePlace } from "./basins_picture.tsx";

/** Height of a window that the picture may take. */
const TALLEST = 0.45;

/** The chosen run's basins, as large as the phone is wide and its height allows. */
export function PhoneBasins({ session, run }: { session: Session; run: Run }) {
  const host = useRef<HTMLDivElement>(null);
  const [side, setSide] = useState(0);
  const place = usePlace();
  useEffect(() => {
    if (!host.current) return;
    const sizes = new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      setSide(Math.floor(Math.min(width, TALLEST * innerHeight)));
    });
    sizes.observe(host.current);
    return () => sizes.disconnect();
  }, []);
  return (
    <div
      class="basin-place"
      ref={host}
      style={{ "--side": `${side}px`, minHeight: `${side + 28}px` }}
      data-testid="basins"
    >
      <BasinTrouble />
      {side > 0 && <BasinPicture session={session} run={run} side={side} place={place} />}
    </div>
  );
}

/** The curves and what the tints mean, by swipe. */
export function PhoneBasinCharts({ session }: { session: Session }) {
  return (
    <section class="swipe" aria-label="charts">
      <BasinCurve session={session} />
      <BasinLegend session={session} />
    </section>
  );
}
