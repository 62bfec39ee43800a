import { useEffect, useRef } from "preact/hooks";
import { keyHelp } from "../state/lecture_keys.ts";
import { useApp } from "./context.ts";

/** What keys do, over everything else; `?` opens and closes it. */
export function KeyHelp() {
  const app = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const open = app.help.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const lesson = app.page.value === "lessons" && app.lessons.lesson.value !== undefined;
  return (
    <dialog
      ref={dialog}
      class="key-help"
      aria-label="keys"
      data-testid="key-help"
      onClose={() => {
        app.help.value = false;
      }}
    >
      <div class="key-help-body">
        <header>
          <h2>Keys</h2>
          <button
            type="button"
            class="button square"
            aria-label="close"
            onClick={() => {
              app.help.value = false;
            }}
          >
            ×
          </button>
        </header>
        <dl>
          {keyHelp(app.lecture.value, lesson).map(({ key, words }) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  );
}
