import { useApp } from "../context.ts";
import { SweepBoard } from "./board.tsx";
import { SweepHome } from "./home.tsx";

/** The page of sweeps: one of them, or a form for a new one beside all that there are. */
export function SweepsPage() {
  const { sweeps } = useApp();
  const { sweep: id } = sweeps.place.value;
  const sweep = sweeps.sweep.value;
  if (id === null) return <SweepHome />;
  if (sweep?.id === id) return <SweepBoard key={id} sweep={sweep} />;
  return (
    <div class="opening" role="status" data-testid="sweep-opening">
      {!sweeps.gone.value && <span class="dot turning" aria-hidden="true" />}
      <p>{sweeps.trouble.value || "loading"}</p>
      {sweeps.trouble.value && (
        <button type="button" class="button" onClick={() => sweeps.openSweep(null)}>
          All sweeps
        </button>
      )}
    </div>
  );
}
