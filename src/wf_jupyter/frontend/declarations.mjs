// The types of src/client/index.ts in one file, so that `client.d.ts` needs no other beside it.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ENTRY = resolve(HERE, "src/client/index.ts");

/** What TypeScript declares for each module that the entry reaches, by path. */
async function emitted() {
  const { default: ts } = await import("typescript");
  const options = { ...ts.readConfigFile(resolve(HERE, "tsconfig.json"), ts.sys.readFile).config.compilerOptions };
  const converted = ts.convertCompilerOptionsFromJson(options, HERE).options;
  const program = ts.createProgram([ENTRY], { ...converted, noEmit: false, declaration: true, emitDeclarationOnly: true, stripInternal: true });
  const texts = new Map();
  program.emit(undefined, (path, text) => texts.set(path.replace(/\.d\.ts$/, ".ts"), text));
  return texts;
}

const FROM = /^(?:import|export)\b[^;]*?\bfrom "([^"]+)";$/gm;

/** The declarations as text: what the entry exports is exported, all else is only there. */
export async function declarations() {
  const texts = await emitted();
  const ordered = [];
  const visit = (path) => {
    if (ordered.includes(path) || !texts.has(path)) return;
    ordered.push(path);
    for (const [, target] of texts.get(path).matchAll(FROM)) visit(resolve(dirname(path), target));
  };
  visit(ENTRY);
  const [entry, ...others] = ordered;
  const names = [...texts.get(entry).matchAll(/^export (?:type )?\{([^}]*)\} from/gm)].flatMap(([, list]) =>
    list.split(",").map((name) => name.trim().replace(/^type /, "")).filter(Boolean),
  );
  const everything = [...texts.get(entry).matchAll(/^export type \* from "([^"]+)";/gm)].map(([, target]) => resolve(dirname(entry), target));
  const body = others.map((path) => {
    const own = texts.get(path).replace(FROM, "").replace(/^export \{\};$/gm, "").trim();
    const shown = own.replace(/^export (declare |type |interface |)/gm, (whole, kind, at) => {
      const name = /^(?:declare )?(?:abstract )?(?:class|const|function|type|interface) (\w+)/.exec(own.slice(at + "export ".length))?.[1];
      return names.includes(name) || everything.includes(path) ? whole : kind;
    });
    return shown.replace(/^(class|const|function) /gm, "declare $1 ");
  });
  return `${body.filter(Boolean).join("\n\n")}\n\nexport {};\n`;
}
