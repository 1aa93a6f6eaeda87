import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"], maxWorkers: 1, testTimeout: 30_000 },
});
