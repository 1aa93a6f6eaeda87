// The view with a recorded execution, in a page that is built and loaded anew at each change of a source:
// `npm run dev`, then open the address that it prints. A JupyterLab of the same checkout shows the change after a reload.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";
import { build } from "../build.mjs";

const FRONTEND = fileURLToPath(new URL("../", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };

const pages = new Set();

function answer(request, response) {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/") return response.writeHead(302, { Location: "/frontend/dev/index.html" }).end();
  if (pathname === "/changes") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    pages.add(response);
    return request.on("close", () => pages.delete(response));
  }
  const path = join(PACKAGE, normalize(decodeURIComponent(pathname)));
  const isFile = path.startsWith(PACKAGE) && statSync(path, { throwIfNoEntry: false })?.isFile();
  if (!isFile) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Cache-Control": "no-store" });
  createReadStream(path).pipe(response);
}

let building = Promise.resolve();

/** One build after the other; an error is printed by the bundler, and the page keeps what it has. */
function rebuild() {
  building = building.then(build).then(
    () => pages.forEach((page) => page.write("data: built\n\n")),
    () => console.error("not built; the page shows the last build"),
  );
}

// Only watched: what is served are the bundles that everybody gets.
const watched = await context({
  absWorkingDir: FRONTEND,
  entryPoints: ["src/**/*.ts"],
  outdir: "unwritten",
  write: false,
  logLevel: "error",
  plugins: [{ name: "rebuild", setup: ({ onEnd }) => onEnd(({ errors }) => (errors.length === 0 ? rebuild() : undefined)) }],
});
await watched.watch();
const server = createServer(answer).listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.error(`http://127.0.0.1:${server.address().port}/`);
});
