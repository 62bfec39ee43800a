import { useApp } from "./context.ts";
import { KeysButton } from "./key_help.tsx";

/** Lecture mode on, and the keys. */
export function LectureButton() {
  const app = useApp();
  return (
    <span class="lecture-buttons">
      <button
        type="button"
        class="button"
        data-testid="lecture"
        title="big type for a room, by keyboard (L)"
        onClick={() => app.turnLecture(!app.lecture.peek())}
      >
        {app.lecture.value ? "Leave lecture mode" : "Lecture mode"}
      </button>
      <KeysButton />
    </span>
  );
}
