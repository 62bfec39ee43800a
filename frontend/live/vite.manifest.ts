import type { Plugin } from "vite";

/** Writes `manifest.json` with the hashed name of the entry, the one thing a loader must know. */
export function manifest(): Plugin {
  return {
    name: "workbench-manifest",
    generateBundle(_options, bundle) {
      const entry = Object.values(bundle).find((part) => part.type === "chunk" && part.isEntry);
      if (!entry) throw new Error("the build has no entry");
      const source = `${JSON.stringify({ workbench: entry.fileName }, null, 2)}\n`;
      this.emitFile({ type: "asset", fileName: "manifest.json", source });
    },
  };
}
