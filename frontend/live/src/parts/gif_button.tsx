import { useEffect, useRef, useState } from "preact/hooks";
import { save } from "../export/files.ts";
import { recordGif } from "../export/recording.ts";
import type { Sheet } from "../export/sheet.ts";
import { useApp } from "./context.ts";

interface Props {
  sheet: (last: number) => Sheet;
  last: number;
  name: string;
}

/** Draws the paths from their first step on, a few seconds long; says how far it is. */
export function GifButton({ sheet, last, name }: Props) {
  const app = useApp();
  const [share, setShare] = useState<number | null>(null);
  const running = useRef<AbortController | null>(null);
  // A closed menu draws nothing any more.
  useEffect(() => () => running.current?.abort(), []);
  const record = async () => {
    const control = new AbortController();
    running.current = control;
    setShare(0);
    try {
      const how = { progress: setShare, signal: control.signal };
      const gif = await recordGif(sheet(last), last, how);
      if (gif !== null) save(gif, name);
    } finally {
      running.current = null;
      setShare(null);
    }
  };
  if (share === null) {
    return (
      <button type="button" data-testid="export-gif" onClick={() => app.attempt(record)}>
        <b>GIF</b> <span>the paths as they grew, for slides</span>
      </button>
    );
  }
  return (
    <div class="export-progress" data-testid="gif-progress">
      <progress max="1" value={share} aria-label="drawing the GIF" />
      <span class="hint">{Math.round(100 * share)} %</span>
      <button
        type="button"
        class="link"
        data-testid="cancel-gif"
        onClick={() => running.current?.abort()}
      >
        cancel
      </button>
    </div>
  );
}
