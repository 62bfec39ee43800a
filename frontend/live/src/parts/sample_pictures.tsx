import { useEffect, useRef } from "preact/hooks";
import { pixelsOf } from "../charts/sample_pixels.ts";
import type { ThemeName } from "../charts/types.ts";
import { formatPercent } from "../look/format.ts";
import { rgb, TOKENS } from "../look/palette.ts";
import type { PicturesView, Sample } from "../state/looks.ts";
import { useApp } from "./context.ts";

/** Held-out pictures, each with what the run takes it for; wrong ones are marked. */
export function SamplePictures({ view }: { view: PicturesView }) {
  const app = useApp();
  const theme = app.theme.value;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <ul class="samples" aria-label="held-out samples" tabIndex={0}>
      {view.samples.map((sample, place) => (
        <Tile key={sample.index} view={view} place={place} sample={sample} theme={theme} />
      ))}
    </ul>
  );
}

interface TileProps {
  view: PicturesView;
  place: number;
  sample: Sample;
  theme: ThemeName;
}

function Tile({ view, place, sample, theme }: TileProps) {
  const { classes, looks } = view;
  const { label, predicted, probability, wrong } = sample;
  const right = label === predicted;
  const [is, taken] = [classes[label] ?? label, classes[predicted] ?? predicted];
  const sure = formatPercent(probability);
  const often = wrong > 0 ? `; wrong in ${wrong} of ${looks} looks` : "";
  const words = right ? `${is}, ${sure} sure` : `${is}, taken for ${taken}, ${sure} sure`;
  return (
    <li
      class={right ? "sample" : "sample wrong"}
      data-testid="sample"
      data-index={sample.index}
      data-right={right}
      title={words + often}
    >
      <Canvas view={view} place={place} theme={theme} words={words} />
      <b>{taken}</b>
      <span class="says">{right ? shortPercent(probability) : `is ${is}`}</span>
    </li>
  );
}

/** A whole percent, which has room beside a class. */
function shortPercent(share: number): string {
  return Number.isNaN(share) ? "–" : `${Math.round(share * 100)}%`;
}

interface CanvasProps {
  view: PicturesView;
  place: number;
  theme: ThemeName;
  words: string;
}

function Canvas({ view, place, theme, words }: CanvasProps) {
  const host = useRef<HTMLCanvasElement>(null);
  const drawn = useRef("");
  const { width, height } = view;
  const key = `${theme} ${view.order} ${view.samples[place]?.index} ${width}×${height}`;
  useEffect(() => {
    const context = host.current?.getContext("2d");
    if (!context || drawn.current === key) return;
    drawn.current = key;
    const pixels = pixelsOf(view, place, rgb(TOKENS[theme].ink));
    context.putImageData(new ImageData(pixels, width, height), 0, 0);
  });
  return <canvas ref={host} width={width} height={height} role="img" aria-label={words} />;
}
