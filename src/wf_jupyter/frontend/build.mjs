// Bundles src/widget.ts and src/client/index.ts into ../static/: widget.js, client.js and its types
// client.d.ts. Each is one ESM file with nothing to load at run time.
//
// Their first line is `/* wf_jupyter <hash> */`; files whose hash fits the sources are fresh and are not
// built again. The hash is sha256, in hex, over the sources in order of their path relative to this
// folder (with `/`, compared by code units): for each the path in UTF-8, a zero byte, the content,
// a zero byte. The sources are package.json, package-lock.json, build.mjs, declarations.mjs,
// names.mjs, tsconfig.json and every file below src/. The Python build hook computes the same.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { declarations } from "./declarations.mjs";
import { ownNames } from "./names.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TARGET = fileURLToPath(new URL("../static/", import.meta.url));
const FILES = ["package.json", "package-lock.json", "build.mjs", "declarations.mjs", "names.mjs", "tsconfig.json"];

/** Paths of all sources, relative to this folder, in hash order. */
export function sources() {
  const inside = readdirSync(`${HERE}src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath.slice(HERE.length).replaceAll("\\", "/")}/${entry.name}`);
  return [...FILES, ...inside].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** What the first line of the bundle names. */
export function sourceHash() {
  const hash = createHash("sha256");
  for (const path of sources()) {
    hash.update(path, "utf8").update("\0").update(readFileSync(HERE + path)).update("\0");
  }
  return hash.digest("hex");
}

/** A module with all that it imports, as the text of a function that returns what it exports. */
export async function portable(path) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, write: false, format: "esm", target: "es2022", charset: "utf8" });
  const [body, names] = outputFiles[0].text.split("\nexport {");
  return { text: `function(){${body}\nreturn{${names.slice(0, names.lastIndexOf("}"))}}}`, names: names.match(/\w+/g) };
}

/** `portable:x` is that text, and `x` runs the very same function: the bundle holds it once. */
const twice = {
  name: "twice",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^portable:/ }, ({ path, resolveDir }) => ({ path: resolve(resolveDir, path.slice(9)), namespace: "portable" }));
    onResolve({ filter: /plan\.ts$/ }, ({ path, resolveDir }) => ({ path: resolve(resolveDir, path), namespace: "portable" }));
    onLoad({ filter: /.*/, namespace: "portable" }, async ({ path }) => {
      const { text, names } = await portable(path);
      return { contents: `const make=${text};export const{${names}}=make();export default String(make)`, resolveDir: HERE };
    });
  },
};

/** Styles are texts in modules called style: the space that only people need is left out of the bundle. */
const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /style\.ts$/ }, ({ path }) => {
      const lean = (text) => text.replace(/\s+/g, " ").replace(/ ?([{};]) ?/g, "$1").replace(/([:,]) /g, "$1").replaceAll(";}", "}");
      return { contents: readFileSync(path, "utf8").replace(/`[^`]*`/g, lean), loader: "ts" };
    });
  },
};

/** Bundle `entry` as text; `banner` is its first line, `shortened` are names of members that nobody outside uses. */
async function bundled(entry, banner, shortened) {
  const { build } = await import("esbuild");
  const { minify } = await import("terser");
  const { outputFiles } = await build({
    absWorkingDir: HERE,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    minify: true,
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    charset: "utf8",
    legalComments: "inline",
    plugins: [styles, twice],
    logLevel: "warning",
  });
  // what esbuild leaves, terser makes a few hundredths smaller
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe: true },
    mangle: { properties: { regex: new RegExp(`^(${shortened.join("|")})$`) } },
    format: { comments: /^!|@license|@preserve/ },
  });
  return Buffer.from(`${banner}\n${code}`);
}

async function main() {
  const banner = `/* wf_jupyter ${sourceHash()} */`;
  const built = {
    "client.d.ts": Buffer.from(`${banner}\n${await declarations()}`),
    "client.js": await bundled("src/client/index.ts", banner, []),
    "widget.js": await bundled("src/widget.ts", banner, ownNames()),
  };
  const kb = (bytes) => `${(bytes / 1024).toFixed(1)} kB`;
  mkdirSync(TARGET, { recursive: true });
  for (const [name, contents] of Object.entries(built)) {
    writeFileSync(`${TARGET}${name}.new`, contents);
    renameSync(`${TARGET}${name}.new`, `${TARGET}${name}`);
    console.error(`${name} ${kb(contents.length)}, gzipped ${kb(gzipSync(contents, { level: 9 }).length)}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
