import { encode } from "@msgpack/msgpack";
import { decodeLines, type LinesAnswer } from "../../src/state/lines.ts";
import type { LinesAsk } from "../../src/state/past.ts";

/** What a run's column is at a step. */
export type Curve = (step: number) => number;

const packed = (values: readonly number[]) => [
  "f8",
  new Uint8Array(new Float64Array(values).buffer),
];

/** A server's store: `rows` rows of every column of every run, a step each, from `first` on. */
export class FakeStore {
  readonly asks: LinesAsk[] = [];
  seq = 1;

  constructor(
    private readonly runs: Record<string, Record<string, Curve>>,
    public last: number,
    private readonly firsts: Record<string, number> = {},
  ) {}

  readonly read = async (ask: LinesAsk): Promise<ArrayBuffer> => {
    this.asks.push(ask);
    return this.answer(ask).slice().buffer;
  };

  /** As the server: at most four rows a pixel come as they are. */
  answer({ columns, samples, first, last, width }: LinesAsk): Uint8Array {
    const end = Math.min(last ?? this.last, this.last);
    const lines = Object.entries(this.runs).flatMap(([run, curves]) =>
      [...columns, ...samples].flatMap((name): object[] => {
        const curve = curves[name];
        const begin = Math.max(first, this.firsts[run] ?? 1);
        if (!curve || begin > end) return [];
        const steps = Array.from({ length: end - begin + 1 }, (_, i) => begin + i);
        if (steps.length <= 4 * width) {
          return [{ run, name, steps: packed(steps), values: packed(steps.map(curve)) }];
        }
        const size = Math.ceil(steps.length / width);
        const parts: number[][] = [];
        for (const step of steps) {
          const part = Math.floor(step / size) - Math.floor(begin / size);
          parts[part] = [...(parts[part] ?? []), step];
        }
        const of = (take: (part: number[]) => number) => packed(parts.map(take));
        const finite = (part: number[]) => part.map(curve).filter(Number.isFinite);
        const final = of((part) => curve(part.at(-1) as number));
        if (samples.includes(name)) {
          return [{ run, name, steps: of((p) => p.at(-1) as number), values: final, thin: true }];
        }
        return [
          {
            run,
            name,
            first: of((part) => part[0] as number),
            last: of((part) => part.at(-1) as number),
            bad: of((part) => part.length - finite(part).length),
            low: of((part) => Math.min(...finite(part))),
            high: of((part) => Math.max(...finite(part))),
            final,
            mean: of((part) => finite(part).reduce((sum, v) => sum + v, 0) / finite(part).length),
          },
        ];
      }),
    );
    const runs = Object.entries(this.runs).map(([run, curves]) => [
      run,
      { last: this.last, names: Object.keys(curves) },
    ]);
    return encode({ v: 1, seq: this.seq, runs: Object.fromEntries(runs), lines });
  }

  decoded(ask: LinesAsk): LinesAnswer {
    return decodeLines(this.answer(ask));
  }
}
