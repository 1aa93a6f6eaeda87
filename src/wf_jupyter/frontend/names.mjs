// Which names of members a bundle may shorten: those that only classes of our own have. What comes from elsewhere or
// goes there has fields of interfaces and objects, words in quotes, or names that the page's own objects have.
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SRC = fileURLToPath(new URL("src/", import.meta.url));

/** All such names in the sources. */
export function ownNames() {
  const [own, foreign] = [new Set(), libraryNames()];
  for (const path of readdirSync(SRC, { recursive: true })) {
    if (path.endsWith(".ts")) look(ts.createSourceFile(path, readFileSync(SRC + path, "utf8"), ts.ScriptTarget.ES2022, true), own, foreign);
  }
  return [...own].filter((name) => name.length > 2 && !foreign.has(name)).sort();
}

function look(node, own, foreign) {
  const name = node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : null;
  if (ts.isStringLiteralLike(node)) foreign.add(node.text);
  else if (name !== null && ts.isParameter(node) && node.modifiers !== undefined) own.add(name);
  else if (name !== null && (ts.isClassElement(node) || ts.isObjectLiteralElement(node) || ts.isTypeElement(node))) {
    (ts.isClassLike(node.parent) ? own : foreign).add(name);
  }
  ts.forEachChild(node, (child) => look(child, own, foreign));
}

/** Members of everything that the language and the page bring along. */
function libraryNames() {
  const folder = dirname(ts.getDefaultLibFilePath({}));
  const names = new Set();
  for (const file of readdirSync(folder).filter((name) => /^lib\..*d\.ts$/.test(name))) {
    for (const [, name] of readFileSync(`${folder}/${file}`, "utf8").matchAll(/^\s+(?:readonly |get |set )?(\w+)\??[(:<]/gm)) names.add(name);
  }
  return names;
}
