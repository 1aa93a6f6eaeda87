// Bundles src/widget.ts, src/loader.ts and src/client/index.ts into ../static/: widget.js, loader.js,
// client.js and its types client.d.ts. Each is one ESM file with nothing to load at run time. labextension.js is
// what JupyterLab loads as a script (src/lab/container.ts), pages.js and compare.js are those of the standalone pages;
// they get widget.js from the server when there is something to show.
//
// Their first line is `/* wf_jupyter <hash> */`; files whose hash fits the sources are fresh and are not
// built again. The hash is sha256, in hex, over the sources in order of their path relative to this
// folder (with `/`, compared by code units): for each the path in UTF-8, a zero byte, the content,
// a zero byte. The sources are package.json, package-lock.json, build.mjs, declarations.mjs,
// tsconfig.json and every file below src/. The Python build hook computes the same.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { declarations } from "./declarations.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TARGET = fileURLToPath(new URL("../static/", import.meta.url));
const FILES = ["package.json", "package-lock.json", "build.mjs", "declarations.mjs", "tsconfig.json"];

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

/** A module with all that it imports, as the text of a function that returns what the module exports. */
export async function portable(path) {
  const esbuild = await import("esbuild");
  const { outputFiles } = await esbuild.build({ entryPoints: [path], bundle: true, write: false, format: "iife", globalName: "exported", minify: true, target: "es2022", charset: "utf8" });
  return `function(){${outputFiles[0].text}return exported}`;
}

/** `import text from "portable:./x.ts"`: code for a worker, which can load nothing from the page's origin. */
const portableModules = {
  name: "portable",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^portable:/ }, ({ path, resolveDir }) => ({ path: resolve(resolveDir, path.slice(9)), namespace: "portable" }));
    onLoad({ filter: /.*/, namespace: "portable" }, async ({ path }) => ({ contents: await portable(path), loader: "text" }));
  },
};

/** Bundle `entry` as text; `banner` is its first line. */
async function bundled(entry, banner, format = "esm") {
  const esbuild = await import("esbuild");
  const { outputFiles } = await esbuild.build({
    absWorkingDir: HERE,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format,
    // a script has no address of its own: what asks for it finds the page's
    define: format === "iife" ? { "import.meta.url": '""' } : {},
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "inline",
    plugins: [portableModules],
    logLevel: "warning",
  });
  return Buffer.from(`${banner}\n${outputFiles[0].text}`);
}

/** Write all bundles. */
export async function build() {
  const banner = `/* wf_jupyter ${sourceHash()} */`;
  const built = {
    "client.d.ts": Buffer.from(`${banner}\n${await declarations()}`),
    "client.js": await bundled("src/client/index.ts", banner),
    "compare.js": await bundled("src/pages/compare.ts", banner),
    "labextension.js": await bundled("src/lab/container.ts", banner, "iife"),
    "loader.js": await bundled("src/loader.ts", banner),
    "pages.js": await bundled("src/pages/pages.ts", banner),
    "widget.js": await bundled("src/widget.ts", banner),
  };
  const kb = (bytes) => `${(bytes / 1024).toFixed(1)} kB`;
  mkdirSync(TARGET, { recursive: true });
  for (const [name, contents] of Object.entries(built)) {
    writeFileSync(`${TARGET}${name}.new`, contents);
    renameSync(`${TARGET}${name}.new`, `${TARGET}${name}`);
    console.error(`${name} ${kb(contents.length)}, gzipped ${kb(gzipSync(contents, { level: 9 }).length)}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
