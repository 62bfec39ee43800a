import type { Experiment, NodeInfo } from "../protocol.ts";

/** Where an experiment trains: a device of the server's machine, or of another ("cpu on lab-2"). */
export interface Place {
  device: string;
  /** Name of the other machine; empty: the server's. */
  node: string;
}

const ON = " on ";

/** "cuda:0", or "cuda:0 on lab-2". */
export function placeWords({ device, node }: Pick<Experiment, "device" | "node">): string {
  return node ? `${device}${ON}${node}` : device;
}

/** The place that `placeWords` told; names of nodes have no spaces. */
export function placeOf(words: string): Place {
  const [device = "", node = ""] = words.split(ON);
  return { device, node };
}

/** Every place there is, the server's own first, and `now` even if it is away at the moment. */
export function placesOf(devices: string[], nodes: NodeInfo[], now: string): string[] {
  const others = nodes.flatMap((node) =>
    node.devices.map((device) => placeWords({ device, node: node.name })),
  );
  const known = [...devices, ...others];
  return known.includes(now) ? known : [...known, now];
}

/** "lab-2: 1 of 4 places taken · cuda:0, cpu · 16 cores". */
export function nodeWords({ name, places, jobs, devices, cores }: NodeInfo): string {
  const taken = `${jobs} of ${places} ${places === 1 ? "place" : "places"} taken`;
  return `${name}: ${taken} · ${devices.join(", ")} · ${cores === 1 ? "1 core" : `${cores} cores`}`;
}
