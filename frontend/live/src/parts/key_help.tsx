import { useEffect, useRef } from "preact/hooks";
import { keyHelp } from "../state/key_help.ts";
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
        {open &&
          keyHelp(app).map(({ title, keys }, i) => (
            <section key={title}>
              {i > 0 && <h3>{title}</h3>}
              <dl>
                {keys.map(({ key, words }) => (
                  <div key={key}>
                    <dt>
                      <kbd>{key}</kbd>
                    </dt>
                    <dd>{words}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
      </div>
    </dialog>
  );
}

/** Opens the keys, for those who have not heard of `?`. */
export function KeysButton({ corner }: { corner?: boolean }) {
  const app = useApp();
  return (
    <button
      type="button"
      class={`button square keys-button ${corner ? "corner" : ""}`}
      aria-label="keys"
      title="keys (?)"
      data-testid="keys"
      onClick={() => {
        app.help.value = true;
      }}
    >
      ?
    </button>
  );
}
