import { describe, expect, it } from "vitest";
import { basinExport } from "../../src/parts/basins_export.ts";
import { decodeSwarm } from "../../src/state/swarm.ts";
import { answer } from "../state/swarms.ts";

describe("basins as a table", () => {
  it("say of every start where it lies, where it ends and after how many steps", () => {
    const starts: ([number, number] | null)[] = [[0, 3], null, [1, 0], [0, 7]];
    const bytes = answer({ n: 2, steps: 10, pictures: [starts] });
    const swarm = decodeSwarm(Uint8Array.from(bytes).buffer);
    const [picture] = swarm.pictures;
    const run = { id: "r1", slot: 1, name: "Adam", divergedStep: null };
    const given = { swarm, run, theme: "light" as const, words: "" };
    const { data, figure } = basinExport({
      ...given,
      picture: picture as NonNullable<typeof picture>,
    });
    expect(figure.x?.ticks.map((tick) => tick.label)).toContain("0");
    const table = data?.kind === "drawn" ? data.table() : {};
    const rows = Object.fromEntries(Object.entries(table).map(([name, v]) => [name, [...v]]));
    expect(rows).toEqual({
      start_x: [-2, 2, -2, 2],
      start_y: [-1, -1, 1, 1],
      minimum_x: [-1, Number.NaN, 1, -1],
      minimum_y: [0, Number.NaN, 0.5, 0],
      steps: [3, Number.NaN, 0, 7],
    });
  });
});
