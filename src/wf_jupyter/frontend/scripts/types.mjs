// Writes src/protocol/messages.gen.ts from ../protocol/schema.json (run: npm run types).
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SCHEMA = here("../../protocol/schema.json");
const TARGET = here("../src/protocol/messages.gen.ts");

const last = (reference) => reference.slice(reference.lastIndexOf("/") + 1);

function typeOf(schema) {
  if (schema.$ref) return last(schema.$ref);
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  switch (schema.type) {
    case "string": return "string";
    case "integer":
    case "number": return "number";
    case "boolean": return "boolean";
    case "null": return "null";
    case "array": {
      const item = typeOf(schema.items ?? {});
      return item.includes(" ") ? `readonly (${item})[]` : `readonly ${item}[]`;
    }
    case "object": return `{ readonly [key: string]: ${typeOf(schema.additionalProperties ?? {})} }`;
    default: return "unknown";
  }
}

function comment(description) {
  if (!description) return "";
  const lines = description.replaceAll("*/", "*\\/").split("\n").map((line) => ` * ${line.trim()}`.trimEnd());
  return `/**\n${lines.join("\n")}\n */\n`;
}

function declaration(name, schema) {
  const head = comment(schema.description);
  if (!schema.properties) return `${head}export type ${name} = ${typeOf(schema)};\n`;
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(
    ([field, value]) => `  readonly ${field}${required.has(field) ? "" : "?"}: ${typeOf(value)};`,
  );
  return `${head}export interface ${name} {\n${fields.join("\n")}\n}\n`;
}

/** The generated file as text. */
export function generate() {
  const { $defs: definitions, operations } = JSON.parse(readFileSync(SCHEMA, "utf8"));
  const body = Object.entries(definitions).map(([name, schema]) => declaration(name, schema));
  const rows = Object.entries(operations).map(([name, { verb, path }]) => `  ${name}: { verb: "${verb}", path: "${path}" },`);
  const table = `/** Where the questions and commands of a page go. */\nexport const OPERATIONS = {\n${rows.join("\n")}\n} as const;\n`;
  return `// Generated from protocol/schema.json by scripts/types.mjs: do not edit.\n\n${body.join("\n")}\n${table}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, generate());
