import ts from "typescript";
import { expect, test } from "vitest";
import { declarations } from "../declarations.mjs";

const USE = `
import { createUseExecution, RpcError, WorkflowClient, type Snapshot, type TaskCompleted } from "./client.js";
const client = new WorkflowClient({ baseUrl: "/" });
const stop: () => void = client.on("task.completed", (event: TaskCompleted, id: string) => void [event.duration, id]);
client.on("snapshot", (snapshot) => { const at: number = snapshot.seq; void at; });
client.onConnection((state) => { if (state.kind === "waiting") void state.retryAt; });
const known: Promise<Snapshot> = client.subscribe("x");
const none: Promise<null> = client.subscribe("*");
// @ts-expect-error there is no such event
client.on("task.finished", () => undefined);
// @ts-expect-error a task.log has no status
client.on("task.log", (event) => event.status);
// @ts-expect-error the state is not to be changed
client.getState().connection = { kind: "live" };
void [stop, known, none, RpcError, createUseExecution];
`;

test("client.d.ts stands alone, and types each event", async () => {
  const files = new Map([["/client.d.ts", await declarations()], ["/use.ts", USE]]);
  const options: ts.CompilerOptions = { strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: [] };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) => (files.has(path) ? ts.createSourceFile(path, files.get(path)!, ...rest) : getSourceFile(path, ...rest));
  const program = ts.createProgram(["/use.ts"], options, host);
  const found = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
  expect(found).toEqual([]);
});
