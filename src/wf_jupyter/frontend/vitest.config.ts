import { dirname, resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { portable } from "./build.mjs";

const texts = {
  name: "portable",
  resolveId: (id: string, importer: string) => (id.startsWith("portable:") ? `\0portable:${resolve(dirname(importer), id.slice(9))}` : null),
  load: async (id: string) => (id.startsWith("\0portable:") ? `export default ${JSON.stringify(await portable(id.slice(10)))}` : null),
};

export default defineConfig({
  plugins: [texts],
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"], maxWorkers: 1, testTimeout: 30_000 },
});
