import { useApp } from "./context.ts";

/** A short message with one thing to do about it. */
export function ToastView() {
  const app = useApp();
  const toast = app.toast.value;
  return (
    <div class="toasts" aria-live="polite">
      {toast && (
        <div
          class={`toast ${toast.bad ? "bad-toast" : ""}`}
          data-testid={toast.bad ? "error" : "toast"}
        >
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              class="button"
              data-testid={toast.action.testId}
              onClick={toast.action.run}
            >
              {toast.action.label}
            </button>
          )}
          <button
            type="button"
            class="close"
            aria-label="close"
            onClick={() => {
              app.toast.value = null;
            }}
          >
            ×
          </button>
        </div>
      )}
    </div>
  );
}
