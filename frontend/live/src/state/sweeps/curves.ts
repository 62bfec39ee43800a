/** The curves of a cell and, faintly, of those beside it; only new rows are fetched. */

import { signal } from "@preact/signals";
import type { Column, Rows, RunView } from "../../charts/types.ts";
import { formatTick } from "../../look/format.ts";
import type { Experiment, PointInfo, Sweep } from "../../protocol.ts";
import { type Api, messageOf } from "../api.ts";
import { type Recorded, Source } from "../compare/source.ts";
import { halfInterval } from "../student.ts";
import { DISTANCE } from "../surface_rows.ts";
import { neighbours, type Spot, spotKey, valueAt } from "./cells.ts";

const TASK = ["loss", "test_loss", "test_accuracy"];
const SURFACE = ["loss", "x", "y"];
/** Half of the 95 % interval of a mean over seeds. */
export const HALF = "/half";
/** Slots of the neighbours, which are drawn faintly; the cell itself has its own. */
const BESIDE = [1, 2, 3, 4];
const CELL_SLOT = 0;

interface Shown {
  spot: Spot;
  view: RunView;
  source: Source;
  experiment: string;
}

export class CellCurves implements Rows {
  version = 0;
  /** Grows whenever what is drawn has changed. */
  readonly seen = signal(0);
  readonly trouble = signal("");
  private shown: Shown[] = [];
  private seeds = 1;
  private wanted: string[] = [];
  /** Of a surface its global minima. */
  private minima: PointInfo[] = [];
  private made = "";
  private round = 0;
  /** The cell that was answered for. */
  private answered = "";

  constructor(
    private readonly api: Api,
    private readonly changed: () => void,
  ) {}

  /** The cell first, then those beside it. */
  get views(): RunView[] {
    return this.shown.map(({ view }) => view);
  }

  /** The key of the cell's own line. */
  get main(): string | null {
    return this.shown[0]?.view.id ?? null;
  }

  get waiting(): string {
    return this.made === this.answered ? "" : "loading";
  }

  get head(): number {
    return Math.max(0, ...this.shown.map(({ source }) => source.upTo));
  }

  clear(): void {
    this.round += 1;
    this.shown = [];
    this.made = this.answered = "";
    this.touch();
  }

  column(run: string, name: string): Column | undefined {
    const source = this.shown.find(({ view }) => view.id === run)?.source;
    if (name === DISTANCE) return source && this.distance(source);
    const several = this.seeds > 1;
    const spread = name.endsWith(HALF);
    const bare = spread ? name.slice(0, -HALF.length) : name;
    const found = source?.columns.get(several ? `${bare}/${spread ? "sd" : "mean"}` : name);
    if (!found) return undefined;
    if (!spread) return columnOf(found, found.values);
    // Bands of those beside it would hide what they are beside of.
    if (run !== this.main) return undefined;
    const factor = halfInterval(this.seeds);
    return columnOf(
      found,
      found.values.map((sd) => factor * sd),
    );
  }

  private distance({ columns }: Source): Column | undefined {
    const [x, y] = [columns.get("x"), columns.get("y")];
    if (!x || !y || this.minima.length === 0 || x.steps.length !== y.steps.length) return undefined;
    const values = x.values.map((at, i) => {
      const height = y.values[i] as number;
      return Math.min(...this.minima.map((point) => Math.hypot(at - point.x, height - point.y)));
    });
    return columnOf(x, values);
  }

  /** Brings the curves of a cell up to date, or shows another's; `points` are the surface's. */
  async show(sweep: Sweep, spot: Spot | null, points: PointInfo[]): Promise<void> {
    this.minima = points.filter((point) => point.kind === "minimum");
    const made = spot ? `${sweep.id} ${spotKey(spot)}` : "";
    if (made !== this.made) this.turnTo(sweep, spot, made);
    const round = this.round;
    if (!spot) return;
    try {
      const ids = [...new Set(this.shown.map(({ experiment }) => experiment))];
      const found = await Promise.all(ids.map((id) => this.api.experiment(id)));
      if (round !== this.round) return;
      const fresh = await Promise.all(
        this.shown.map((one) =>
          this.refresh(
            one,
            found.find(({ id }) => id === one.experiment),
          ),
        ),
      );
      if (round !== this.round) return;
      this.trouble.value = "";
      this.arrived(made, fresh.some(Boolean));
    } catch (error) {
      if (round !== this.round) return;
      this.trouble.value = messageOf(error);
      this.arrived(made, false);
    }
  }

  private arrived(made: string, news: boolean): void {
    const waited = made !== this.answered;
    this.answered = made;
    if (news || waited) this.touch();
  }

  private turnTo(sweep: Sweep, spot: Spot | null, made: string): void {
    this.round += 1;
    this.made = made;
    this.seeds = sweep.kind === "task" ? sweep.seeds : 1;
    const spread = TASK.flatMap((name) => [`${name}/mean`, `${name}/sd`]);
    this.wanted = sweep.kind === "surface" ? SURFACE : this.seeds > 1 ? spread : TASK;
    const before = this.shown;
    const spots = spot ? [spot, ...neighbours(spot, sweep)] : [];
    this.shown = spots.map((one, k) => {
      const id = spotKey(one);
      const experiment = (sweep.grid[one.y] as string[])[0] as string;
      // Rows that are here already are kept.
      const known = before.find((b) => b.view.id === id && b.experiment === experiment)?.source;
      const slot = k === 0 ? CELL_SLOT : (BESIDE[k - 1] as number);
      const view = { id, slot, name: nameOf(sweep, spot as Spot, one), divergedStep: null };
      return { spot: one, view, source: known ?? new Source(this.api, experiment), experiment };
    });
    this.touch();
  }

  private async refresh(one: Shown, experiment: Experiment | undefined): Promise<boolean> {
    const run = experiment?.runs.find(({ id }) => id === `r${one.spot.x + 1}`);
    if (!experiment || !run) return false;
    if (one.view.divergedStep !== run.diverged_step) {
      one.view = { ...one.view, divergedStep: run.diverged_step };
    }
    return one.source.refresh(experiment, run, this.wanted, "step");
  }

  private touch(): void {
    this.version += 1;
    this.seen.value += 1;
    this.changed();
  }
}

/** The cell itself by both its values, one beside it by what differs. */
function nameOf(sweep: Sweep, cell: Spot, one: Spot): string {
  const part = (axis: "x" | "y") => `${sweep[axis].label} ${formatTick(valueAt(sweep, axis, one))}`;
  if (one.x === cell.x && one.y === cell.y) return `${part("x")}, ${part("y")}`;
  return part(one.x === cell.x ? "y" : "x");
}

function columnOf({ steps }: Recorded, values: Float64Array): Column {
  return { n: steps.length, steps, values };
}
