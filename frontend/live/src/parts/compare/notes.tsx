import { notesOf } from "../../state/compare/notes.ts";
import type { Picture } from "../../state/compare/picture.ts";
import { useApp } from "../context.ts";

/** What has to be known before the curves are believed. */
export function Notes({ picture }: { picture: Picture }) {
  const { compare } = useApp();
  const notes = notesOf(compare, picture);
  if (notes.length === 0) return null;
  return (
    <ul class="compare-notes" data-testid="notes" aria-label="notes on the comparison">
      {notes.map(({ text, warns }) => (
        <li key={text} class={warns ? "warn" : ""}>
          {text}
        </li>
      ))}
    </ul>
  );
}
