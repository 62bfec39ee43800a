import { formatPercent, formatStep } from "../look/format.ts";
import { useApp } from "./context.ts";

/** A card's lines about its run's basins. */
export function BasinNumbers({ run }: { run: string }) {
  const { share, steps } = useBasinNumbers(run);
  return (
    <>
      <dt>reach a minimum</dt>
      <dd data-testid="reach">{share}</dd>
      <dt>median steps of these</dt>
      <dd data-testid="median">{steps}</dd>
    </>
  );
}

/** Share of starts that reach a minimum and the median steps of these, as texts. */
export function useBasinNumbers(run: string): { share: string; steps: string } {
  const picture = useApp().basins.pictureOf(run);
  const median = picture?.median ?? null;
  return {
    share: picture ? formatPercent(picture.reached) : "–",
    steps: median === null ? "–" : formatStep(median),
  };
}
