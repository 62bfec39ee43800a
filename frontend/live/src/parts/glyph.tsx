import { glyphPath } from "../look/glyphs.ts";
import { runStyle } from "../look/palette.ts";
import { useApp } from "./context.ts";

/** A run's glyph in its colour. */
export function RunGlyph({ slot, size = 14 }: { slot: number; size?: number }) {
  const style = runStyle(slot, useApp().theme.value);
  return (
    <svg
      class="glyph"
      width={size}
      height={size}
      viewBox={`0 0 ${size} ${size}`}
      aria-hidden="true"
    >
      <path
        d={glyphPath(style.glyph, size)}
        fill={style.hollow ? "none" : style.color}
        stroke={style.hollow ? style.color : "none"}
        stroke-width={size * 0.14}
      />
    </svg>
  );
}
