import { defineConfig } from "vitest/config";
import { manifest } from "./vite.manifest.ts";

/** One hashed ES module with its CSS inside; `manifest.json` names it for the page that loads it. */
export default defineConfig({
  plugins: [manifest()],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    sourcemap: false,
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      input: "src/mount.tsx",
      preserveEntrySignatures: "strict",
      output: { format: "es", entryFileNames: "workbench-[hash].js" },
    },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "node" },
});
