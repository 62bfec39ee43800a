import { systemRows } from "../state/system.ts";
import { useApp } from "./context.ts";
import { usePolled } from "./polled.ts";

/** What the server measures of itself. */
export function System() {
  const app = useApp();
  const { seen, error } = usePolled(() => app.api.system());
  return (
    <section class="system" data-testid="system" aria-label="system">
      {error && <p class="bad">{error}</p>}
      {seen && (
        <dl>
          {systemRows(seen).map(({ name, words, what }) => (
            <div key={name} title={what}>
              <dt>{name}</dt>
              <dd data-testid={`system-${name}`}>{words}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
