import type { StoredData } from "../charts/figure.ts";
import type {
  Catalogue,
  ColumnNames,
  Command,
  ControlIn,
  ControlOut,
  DataSetInfo,
  DeviceInfo,
  EffectiveSteps,
  ErrorDetail,
  Experiment,
  ExperimentIn,
  ExperimentPatch,
  ExperimentSummary,
  JobInfo,
  Lessons,
  NodeInfo,
  ResumeIn,
  Script,
  Series,
  StepTimes,
  SurfaceIn,
  SurfaceOut,
  Sweep,
  SweepCells,
  SweepIn,
  System,
  Value,
} from "../protocol.ts";
import { PROTOCOL_VERSION } from "../protocol.ts";
import type { LinesAsk } from "./past.ts";
import { shapeOf, withNumbers } from "./shape.ts";
import type { SwarmAsk } from "./swarm.ts";

/** What was wrong; `position` where a text has an offending character. */
type Detail = Omit<ErrorDetail, "position"> & { position?: number | null };

/** A refused or failed request: the field, its value and the mend where the server named them. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: Detail,
  ) {
    super(detail.message);
  }
}

/** A range of a run's steps, both ends included, for a chart of `width` pixels. */
export interface SeriesAsk {
  run: string;
  columns: string;
  first: number;
  last: number;
  width: number;
}

/** Drawings of surfaces that are kept: a slider that turns one asks for many. */
const MOST_SURFACES = 64;
const firstOf = (map: Map<string, unknown>): string => map.keys().next().value as string;

/** The backend's REST interface; every method rejects with an `ApiError`. */
export class Api {
  private readonly surfaces = new Map<string, Promise<SurfaceOut>>();

  /** `base` is the address of the interface, with a slash at its end. */
  constructor(readonly base: URL) {}

  catalogue(): Promise<Catalogue> {
    return this.get("catalogue");
  }

  /** A surface as an experiment's settings make it; asked for once, where it is not on its way. */
  async surface(problem: string, settings: Record<string, Value>, n = 160): Promise<SurfaceOut> {
    const ask: SurfaceIn = { problem, settings: shapeOf(settings), n };
    const key = JSON.stringify(ask);
    const known =
      this.surfaces.get(key) ?? this.send<SurfaceOut>("surfaces", ask).then(withNumbers);
    this.surfaces.delete(key);
    this.surfaces.set(key, known);
    known.catch(() => this.surfaces.delete(key));
    // The one that was asked for the longest ago.
    if (this.surfaces.size > MOST_SURFACES) this.surfaces.delete(firstOf(this.surfaces));
    return known;
  }

  open(kind: "surface" | "task"): Promise<Experiment> {
    return this.send(`experiments/open/${kind}`, {});
  }

  create(experiment: ExperimentIn): Promise<Experiment> {
    return this.send("experiments", experiment);
  }

  /** The newest experiments; `filters` as the list of the interface has them. */
  experiments(filters: Record<string, string> = {}): Promise<ExperimentSummary[]> {
    const query = new URLSearchParams(filters).toString();
    return this.get(query ? `experiments?${query}` : "experiments");
  }

  /** Every control of an experiment that took effect. */
  controls(id: string): Promise<ControlOut[]> {
    return this.get(`experiments/${encodeURIComponent(id)}/controls`);
  }

  /** What a run has measured. */
  columns(id: string, run: string): Promise<ColumnNames> {
    return this.of(id, "columns", { run });
  }

  /** Values of a run, every one of them or as buckets; see `ask.width`. */
  series(id: string, ask: SeriesAsk): Promise<Series> {
    return this.of(id, "series", ask);
  }

  /** Sums of learning rate × kept share. */
  effective(id: string, ask: Omit<SeriesAsk, "columns">): Promise<EffectiveSteps> {
    return this.of(id, "effective", ask);
  }

  experiment(id: string): Promise<Experiment> {
    return this.get(`experiments/${encodeURIComponent(id)}`);
  }

  /** Changes what people wrote about an experiment: name, notes, tags. */
  describe(id: string, words: ExperimentPatch): Promise<Experiment> {
    const init = { ...posting(words, "application/json"), method: "PATCH" };
    return this.request(`experiments/${encodeURIComponent(id)}`, init);
  }

  /** Takes an experiment from every list; `restore` brings it back. */
  remove(id: string): Promise<void> {
    return this.request(`experiments/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  restore(id: string): Promise<Experiment> {
    return this.send(`experiments/${encodeURIComponent(id)}/restore`, {});
  }

  /** Resolves once the control has taken effect. */
  control(id: string, control: ControlIn): Promise<ControlOut> {
    return this.send(`experiments/${encodeURIComponent(id)}/controls`, control);
  }

  /** An ended experiment gets a worker process again; it is paused at its newest step. */
  resume(id: string, how: ResumeIn): Promise<Experiment> {
    return this.send(`experiments/${encodeURIComponent(id)}/resume`, how);
  }

  /** Steps at which a state is kept, by run. */
  checkpoints(id: string): Promise<Record<string, number[]>> {
    return this.get(`experiments/${encodeURIComponent(id)}/checkpoints`);
  }

  /** Guided lessons, in their order. */
  lessons(): Promise<Lessons> {
    return this.get("lessons");
  }

  /** What trains and what waits. */
  jobs(): Promise<JobInfo[]> {
    return this.get("jobs");
  }

  /** The other machines that train for the server. */
  nodes(): Promise<NodeInfo[]> {
    return this.get("nodes");
  }

  devices(): Promise<DeviceInfo[]> {
    return this.get("devices");
  }

  /** What the server measures of itself. */
  system(): Promise<System> {
    return this.get("system");
  }

  command(id: string): Promise<Command> {
    return this.get(`experiments/${encodeURIComponent(id)}/command`);
  }

  /** The Python script that trains the same. */
  python(id: string): Promise<Script> {
    return this.get(`experiments/${encodeURIComponent(id)}/python`);
  }

  /** Every recorded row of some columns, as a file. */
  async table(id: string, ask: StoredData, kind: "csv" | "parquet"): Promise<Blob> {
    const query = new URLSearchParams({
      columns: ask.columns.join(),
      runs: ask.runs.join(),
      first: String(ask.first),
      last: String(ask.last),
    });
    const path = `experiments/${encodeURIComponent(id)}/table?${query}`;
    const accept = kind === "csv" ? "text/csv" : "application/vnd.apache.parquet";
    return (await this.fetched(path, { headers: { accept } })).blob();
  }

  /** Every data set, and whether it is on the server's machine. */
  dataSets(): Promise<DataSetInfo[]> {
    return this.get("data");
  }

  /** Begins to download a data set; the answer is how it stands. */
  download(name: string): Promise<DataSetInfo> {
    return this.send(`data/${encodeURIComponent(name)}`, {});
  }

  /** Trains thousands of starts; the answer is MessagePack (see `decodeSwarm`). */
  async swarm(ask: SwarmAsk): Promise<ArrayBuffer> {
    const answer = await this.fetched("swarms", posting(ask, "application/msgpack"));
    return answer.arrayBuffer();
  }

  /** Columns of all runs, no finer than they are drawn; the answer is for `decodeLines`. */
  async lines(id: string, ask: LinesAsk): Promise<ArrayBuffer> {
    const query = new URLSearchParams({
      columns: ask.columns.join(),
      samples: ask.samples.join(),
      first: String(ask.first),
      width: String(ask.width),
    });
    if (ask.last !== null) query.set("last", String(ask.last));
    const path = `experiments/${encodeURIComponent(id)}/lines?${query}`;
    const answer = await this.fetched(path, { headers: { accept: "application/msgpack" } });
    return answer.arrayBuffer();
  }

  /** Where an experiment's stream goes on after a frame; the cursor names whose it is. */
  streamUrl(id: string, after: number): string {
    const url = new URL(`experiments/${encodeURIComponent(id)}/stream`, this.base);
    url.search = `after=${encodeURIComponent(id)}:${after}&v=${PROTOCOL_VERSION}`;
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  }

  /** When some of a run's steps were stored. */
  times(id: string, run: string): Promise<StepTimes> {
    return this.of(id, "times", { run });
  }

  createSweep(sweep: SweepIn): Promise<Sweep> {
    return this.send("sweeps", sweep);
  }

  /** The newest sweeps, newest first. */
  sweeps(): Promise<Sweep[]> {
    return this.get("sweeps");
  }

  sweep(id: string): Promise<Sweep> {
    return this.get(`sweeps/${encodeURIComponent(id)}`);
  }

  /** The cells that are new after a cursor. */
  sweepCells(id: string, after: string): Promise<SweepCells> {
    return this.get(`sweeps/${encodeURIComponent(id)}/cells?after=${encodeURIComponent(after)}`);
  }

  /** Where a sweep's table is, as CSV. */
  sweepTable(id: string): string {
    return new URL(`sweeps/${encodeURIComponent(id)}/table`, this.base).href;
  }

  orderSweep(id: string, order: "stop" | "resume" | "restore"): Promise<Sweep> {
    return this.send(`sweeps/${encodeURIComponent(id)}/${order}`, {});
  }

  renameSweep(id: string, name: string): Promise<Sweep> {
    const init = { ...posting({ name }, "application/json"), method: "PATCH" };
    return this.request(`sweeps/${encodeURIComponent(id)}`, init);
  }

  removeSweep(id: string): Promise<void> {
    return this.request(`sweeps/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  private of<T>(id: string, part: string, ask: object): Promise<T> {
    const given = Object.entries(ask).map(([name, value]): [string, string] => [name, `${value}`]);
    const query = new URLSearchParams(given);
    return this.get(`experiments/${encodeURIComponent(id)}/${part}?${query}`);
  }

  private get<T>(path: string): Promise<T> {
    return this.request<T>(path, { headers: { accept: "application/json" } });
  }

  private send<T>(path: string, body: object): Promise<T> {
    return this.request<T>(path, posting(body, "application/json"));
  }

  private async request<T>(path: string, init: RequestInit): Promise<T> {
    const answer = await this.fetched(path, init);
    return (await answer.json().catch(() => null)) as T;
  }

  private async fetched(path: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.base), init);
    } catch {
      throw new ApiError(0, plain("server", "the server cannot be reached; it is tried again"));
    }
    if (answer.ok) return answer;
    const body: unknown = await answer.json().catch(() => null);
    throw new ApiError(answer.status, detailOf(body, answer.status));
  }
}

function posting(body: object, accept: string): RequestInit {
  const headers = { "content-type": "application/json", accept };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

function detailOf(body: unknown, status: number): Detail {
  const error = (body as { error?: Detail } | null)?.error;
  return error?.message ? error : plain("server", `the server answered with status ${status}`);
}

function plain(field: string, message: string): Detail {
  return { field, value: null, allowed: "", message };
}

/** The sentence to show beside a field. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
