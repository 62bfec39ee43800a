import type {
  Catalogue,
  Command,
  ControlIn,
  ControlOut,
  ErrorDetail,
  Experiment,
  ExperimentIn,
  ExperimentSummary,
  Grid,
} from "../protocol.ts";

/** A refused or failed request: the field, its value and the mend where the server named them. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: ErrorDetail,
  ) {
    super(detail.message);
  }
}

/** The backend's REST interface; every method rejects with an `ApiError`. */
export class Api {
  private readonly grids = new Map<string, Promise<Grid>>();

  /** `base` is the address of the interface, with a slash at its end. */
  constructor(readonly base: URL) {}

  catalogue(): Promise<Catalogue> {
    return this.get("catalogue");
  }

  /** A surface never changes, so its grid is asked for once. */
  grid(problem: string, n = 160): Promise<Grid> {
    const path = `problems/${encodeURIComponent(problem)}/grid?n=${n}`;
    const known = this.grids.get(path) ?? this.get<Grid>(path);
    this.grids.set(path, known);
    known.catch(() => this.grids.delete(path));
    return known;
  }

  open(kind: "surface" | "task"): Promise<Experiment> {
    return this.send(`experiments/open/${kind}`, {});
  }

  create(experiment: ExperimentIn): Promise<Experiment> {
    return this.send("experiments", experiment);
  }

  experiments(): Promise<ExperimentSummary[]> {
    return this.get("experiments");
  }

  experiment(id: string): Promise<Experiment> {
    return this.get(`experiments/${encodeURIComponent(id)}`);
  }

  /** Resolves once the control has taken effect. */
  control(id: string, control: ControlIn): Promise<ControlOut> {
    return this.send(`experiments/${encodeURIComponent(id)}/controls`, control);
  }

  command(id: string): Promise<Command> {
    return this.get(`experiments/${encodeURIComponent(id)}/command`);
  }

  streamUrl(id: string, after: number): string {
    const url = new URL(`experiments/${encodeURIComponent(id)}/stream?after=${after}`, this.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  }

  private get<T>(path: string): Promise<T> {
    return this.request<T>(path, { headers: { accept: "application/json" } });
  }

  private send<T>(path: string, body: object): Promise<T> {
    return this.request<T>(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
    });
  }

  private async request<T>(path: string, init: RequestInit): Promise<T> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.base), init);
    } catch {
      throw new ApiError(0, plain("server", "the server cannot be reached; it is tried again"));
    }
    const body: unknown = await answer.json().catch(() => null);
    if (!answer.ok) throw new ApiError(answer.status, detailOf(body, answer.status));
    return body as T;
  }
}

function detailOf(body: unknown, status: number): ErrorDetail {
  const error = (body as { error?: ErrorDetail } | null)?.error;
  return error?.message ? error : plain("server", `the server answered with status ${status}`);
}

function plain(field: string, message: string): ErrorDetail {
  return { field, value: null, allowed: "", message };
}

/** The sentence to show beside a field. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
