import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DataSetInfo, ProblemInfo } from "../../src/protocol.ts";
import { DataSets, megabytes, warning } from "../../src/state/data_sets.ts";

const info = (state: DataSetInfo["state"], progress: number | null = null): DataSetInfo => ({
  name: "cifar10",
  label: "CIFAR-10",
  about: "photos",
  bytes: 170_498_071,
  licence: "none stated",
  state,
  where: "/nowhere",
  progress,
  message: state === "missing" ? "name a folder" : "",
  problems: ["cifar10-resnet34"],
});

describe("data sets", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("never downloads by looking, and follows a download until it is there", async () => {
    const answers = [info("missing"), info("downloading", 0.4), info("present")];
    const api = {
      dataSets: vi.fn(async () => [answers.shift() ?? info("present")]),
      download: vi.fn(async () => info("downloading", 0)),
    };
    const sets = new DataSets(api);
    await sets.load();
    expect(sets.of({ data: "cifar10" })?.state).toBe("missing");
    expect(api.download).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(api.dataSets).toHaveBeenCalledTimes(1);
    await sets.download("cifar10");
    expect(sets.of({ data: "cifar10" })?.progress).toBe(0.4);
    await vi.advanceTimersByTimeAsync(600);
    expect(sets.of({ data: "cifar10" })?.state).toBe("present");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(api.dataSets).toHaveBeenCalledTimes(3);
  });

  it("keeps what is known while the server is away, and says why a download is refused", async () => {
    let away = false;
    const sets = new DataSets({
      dataSets: async () => {
        if (away) throw new Error("away");
        return [info("missing")];
      },
      download: async () => {
        throw new Error("data: downloads are off");
      },
    });
    await sets.load();
    away = true;
    await sets.load();
    expect(sets.of({ data: "cifar10" })?.state).toBe("missing");
    await sets.download("cifar10");
    expect(sets.refused.value.cifar10).toBe("data: downloads are off");
    expect(sets.of({ data: "" })).toBeUndefined();
  });
});

it("sizes are said as people say them", () => {
  expect(megabytes(170_498_071)).toBe("170 MB");
  expect(megabytes(1_115_394)).toBe("1.1 MB");
});

it("warns of tasks made for a GPU where there is none", () => {
  const task = { about: "a network of 21 million parameters, for a GPU" } as ProblemInfo;
  expect(warning(task, ["cpu"])).toContain("seconds a step");
  expect(warning(task, ["cuda:0", "cpu"])).toBe("");
  expect(warning({ about: "digits" } as ProblemInfo, ["cpu"])).toBe("");
});
