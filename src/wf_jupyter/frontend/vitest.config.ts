import { dirname, resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { workerText } from "./build.mjs";

const workers = {
  name: "worker",
  resolveId: (id: string, importer: string) => (id.startsWith("worker:") ? `\0worker:${resolve(dirname(importer), id.slice(7))}` : null),
  load: async (id: string) => (id.startsWith("\0worker:") ? `export default ${JSON.stringify(await workerText(id.slice(8)))}` : null),
};

export default defineConfig({
  plugins: [workers],
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"], maxWorkers: 1, testTimeout: 30_000 },
});
