// What `static/client.js` offers; see docs/javascript-client.md.
export { WorkflowClient, type ClientOptions, type ClientState, type ExecutionQuery, type ExecutionView } from "./client.ts";
export type { ClientConnection, ClientEvents, ClientEventType, Handler } from "./events.ts";
export { createUseExecution, type ReactHooks, type UseExecution } from "./react.ts";
export { connectionWords } from "../protocol/connection-text.ts";
export { CODES, RpcError } from "../protocol/socket.ts";
export type * from "../protocol/messages.gen.ts";
