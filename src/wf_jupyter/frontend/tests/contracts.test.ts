import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generate } from "../scripts/types.mjs";
import { STYLE } from "../src/ui/style.ts";

const SRC = join(import.meta.dirname, "../src");
const LAYERS = ["protocol", "fold", "client", "layout", "draw", "ui", "lab", "pages"];

function files(folder: string): string[] {
  return readdirSync(join(SRC, folder)).filter((name) => name.endsWith(".ts")).map((name) => `${folder}/${name}`);
}

test("folders import only folders below them", () => {
  const wrong: string[] = [];
  LAYERS.forEach((layer, rank) => {
    for (const file of files(layer)) {
      for (const [, target] of readFileSync(join(SRC, file), "utf8").matchAll(/from "\.\.\/([^/"]+)/g)) {
        if (LAYERS.indexOf(target!) >= rank || !LAYERS.includes(target!)) wrong.push(`${file} imports ${target}`);
      }
    }
  });
  expect(wrong).toEqual([]);
});

test("no module is longer than 400 lines", () => {
  const long = LAYERS.flatMap(files)
    .filter((file) => !file.endsWith(".gen.ts"))
    .map((file) => [file, readFileSync(join(SRC, file), "utf8").split("\n").length] as const)
    .filter(([, lines]) => lines > 400);
  expect(long).toEqual([]);
});

test("nothing becomes markup but what the sandboxed frame shows, or parses without running it", () => {
  const marked = LAYERS.flatMap(files).filter((file) => /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(/.test(readFileSync(join(SRC, file), "utf8")));
  expect(marked).toEqual(["ui/frame.ts"]);
  expect(LAYERS.flatMap(files).filter((file) => readFileSync(join(SRC, file), "utf8").includes("srcdoc"))).toEqual(["ui/frame.ts"]);
});

test("the generated types match the schema", () => {
  expect(readFileSync(join(SRC, "protocol/messages.gen.ts"), "utf8")).toBe(generate());
});

test("every style rule keeps to our own classes, or is nested in them", () => {
  const [open, nested] = STYLE.replace(/@keyframes[^}]+\}\s*\}/g, "").split(".wfj-root {\n.wfj-icon", 2) as [string, string];
  expect(nested).toBeDefined();
  const selectors = open.match(/[^{}]+(?=\{)/g) ?? [];
  const foreign = selectors
    .flatMap((list) => list.split(/,(?![^(]*\))/))
    .map((selector) => selector.trim())
    .filter((selector) => !selector.startsWith("@") && !selector.startsWith(".wfj-"));
  expect(foreign).toEqual([]);
  expect(STYLE).not.toContain("#wfj");
});
