// Which names of members a bundle may shorten: those that stay inside. What comes from elsewhere or goes there is declared
// in the folders of the protocol and the client or at the entry, stands in quotes, is an attribute of an element, or
// belongs to the objects of the page.
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SRC = fileURLToPath(new URL("src/", import.meta.url));
const OUTWARD = /^(protocol|client)[/\\]|^widget/;

/** All such names in the sources. */
export function ownNames() {
  const [own, foreign] = [new Set(), libraryNames()];
  for (const path of readdirSync(SRC, { recursive: true })) {
    if (!path.endsWith(".ts")) continue;
    const file = ts.createSourceFile(path, readFileSync(SRC + path, "utf8"), ts.ScriptTarget.ES2022, true);
    look(file, own, OUTWARD.test(path) ? foreign : own, foreign);
  }
  return [...own].filter((name) => name.length > 2 && !foreign.has(name)).sort();
}

/** Members of classes are our own; those of interfaces and objects are `others`. */
function look(node, own, others, foreign) {
  if (ts.isCallExpression(node) && /^(html|svg)$/.test(node.expression.text)) {
    for (const argument of node.arguments) for (const { name } of argument.properties ?? []) foreign.add(name.text);
  }
  const name = node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : null;
  if (ts.isStringLiteralLike(node)) foreign.add(node.text);
  else if (name !== null && ts.isParameter(node) && node.modifiers !== undefined) own.add(name);
  else if (name !== null && (ts.isClassElement(node) || ts.isObjectLiteralElement(node) || ts.isTypeElement(node))) {
    (ts.isClassLike(node.parent) ? own : others).add(name);
  }
  ts.forEachChild(node, (child) => look(child, own, others, foreign));
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
